#include "common/ca/check/checks.h"

#include "common/crypto/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of the layout, and the permissions of it and its files. */
struct directory {
	const char *name; /* "": the layout itself, which holds the other directories */
	int dirfd;
	mode_t forbidden; /* bits that must not be set */
	mode_t directory_mode;
	mode_t file_mode;
};

enum { DIRECTORY_COUNT = 4, MODE_MASK = 07777 };

static int report_mode(struct check_context *context, const char *where, mode_t expected,
		       mode_t found, struct fault *fault)
{
	CLEANUP(free_string) char *advice = NULL;

	if (asprintf(&advice, "run chmod %o %s", (unsigned int)expected, where) < 0) {
		advice = NULL;
		return set_memory_fault(fault);
	}
	return report_finding(context, where, advice, fault, "expected mode %04o, found %04o",
			      (unsigned int)expected, (unsigned int)(found & MODE_MASK));
}

static int check_status(struct check_context *context, const char *where, const struct stat *status,
			const struct directory *directory, struct fault *fault)
{
	bool is_directory = S_ISDIR(status->st_mode);

	if (!is_directory && !S_ISREG(status->st_mode))
		return report_finding(context, where, "move it away", fault,
				      "expected a regular file, found something else");
	if (status->st_uid != geteuid())
		return report_finding(context, where, "run chown on it, or certpool as that user",
				      fault, "expected it to be user %u's, found user %u's",
				      (unsigned int)geteuid(), (unsigned int)status->st_uid);
	if ((status->st_mode & directory->forbidden) != 0)
		return report_mode(context, where,
				   is_directory ? directory->directory_mode : directory->file_mode,
				   status->st_mode, fault);
	if (!is_directory && status->st_nlink > 1 && (directory->file_mode & 077) == 0)
		return report_finding(context, where, "remove the other name", fault,
				      "expected one link, found %ju", (uintmax_t)status->st_nlink);
	return 0;
}

static int check_entry(struct check_context *context, const struct directory *directory,
		       const char *name, struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	struct stat status;

	/* A file that was listed a moment ago may be gone: the CA may be at work. */
	if (fstatat(directory->dirfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : set_errno_fault(fault, "%s/%s", directory->name, name);
	if (asprintf(&where, "%s/%s/%s", context->options->layout->path, directory->name, name) <
	    0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	return check_status(context, where, &status, directory, fault);
}

static int check_content(struct check_context *context, const struct directory *directory,
			 struct fault *fault)
{
	const char *path = context->options->layout->path;
	CLEANUP(close_listing) DIR *listing = NULL;
	const char *name = NULL;

	if (open_listing(directory->dirfd, &listing, fault) < 0)
		return prefix_fault(fault, "%s/%s", path, directory->name);
	do {
		if (read_listing(listing, &name, fault) < 0)
			return prefix_fault(fault, "%s/%s", path, directory->name);
		if (name != NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    check_entry(context, directory, name, fault) < 0)
			return -1;
	} while (name != NULL);
	return 0;
}

static int check_directory(struct check_context *context, const struct directory *directory,
			   struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	struct stat status;

	if (fstat(directory->dirfd, &status) < 0)
		return set_errno_fault(fault, "%s/%s", context->options->layout->path,
				       directory->name);
	if (asprintf(&where, "%s%s%s", context->options->layout->path,
		     directory->name[0] != '\0' ? "/" : "", directory->name) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	if (check_status(context, where, &status, directory, fault) < 0)
		return -1;
	return directory->name[0] != '\0' ? check_content(context, directory, fault) : 0;
}

static int report_shared_key(struct check_context *context, const char *peer,
			     const struct fault *problem, struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	char name[FILE_NAME_SIZE];
	const char *text = problem->text;
	size_t len;

	name_shared_key(peer, name);
	if (asprintf(&where, "%s/Private/%s", context->options->layout->path, name) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	len = strlen(where);
	if (strncmp(text, where, len) == 0 && strncmp(text + len, ": ", 2) == 0)
		text += len + 2;
	return report_finding(context, where,
			      "mend or remove that file: certpool invite makes another", fault,
			      "%s", text);
}

/* Each key, and that no two clients have the same. */
static int check_shared_keys(struct check_context *context, struct fault *fault)
{
	const struct layout *layout = context->options->layout;
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	CLEANUP(clear_peers) struct peers peers = {0};

	if (list_peers(layout, &peers, fault) < 0)
		return -1;
	for (size_t i = 0; i < peers.count; i++) {
		CLEANUP(clear_shared_key) struct shared_key key = {0};
		struct fault problem = {0};

		if (read_shared_key(layout, peers.names[i], &key, &problem) == 0 &&
		    add_peer_key(&ring, peers.names[i], &key, &problem) == 0)
			continue;
		if (report_shared_key(context, peers.names[i], &problem, fault) < 0)
			return -1;
	}
	return 0;
}

int check_files(struct check_context *context, struct fault *fault)
{
	const struct layout *layout = context->options->layout;
	const struct directory directories[DIRECTORY_COUNT] = {
		{"", layout->root, 022, 0755, 0644},
		{"cert", layout->cert, 022, 0755, 0644},
		{"Private", layout->private, 077, 0700, 0600},
		{"state", layout->state, 077, 0700, 0600},
	};

	for (size_t i = 0; i < DIRECTORY_COUNT; i++)
		if (check_directory(context, &directories[i], fault) < 0)
			return -1;
	return check_shared_keys(context, fault);
}
