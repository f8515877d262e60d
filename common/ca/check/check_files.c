#include "common/ca/check/findings.h"

#include "common/crypto/key_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of the layout, and what nobody but the owner may do with it and what is in it. */
struct place {
	const char *name; /* "": the layout itself, whose content is the other places' */
	int dirfd;
	mode_t forbidden;
	mode_t directory_mode;
	mode_t file_mode;
};

enum { PLACES_MAX = 4, MODE_MASK = 07777 };

static int report_mode(struct checking *checking, const char *where, mode_t expected, mode_t found,
		       struct fault *fault)
{
	CLEANUP(free_string) char *advice = NULL;

	if (asprintf(&advice, "run chmod %o %s", (unsigned int)expected, where) < 0) {
		advice = NULL;
		return set_memory_fault(fault);
	}
	return report(checking, where, advice, fault, "expected mode %04o, found %04o",
		      (unsigned int)expected, (unsigned int)(found & MODE_MASK));
}

static int check_status(struct checking *checking, const char *where, const struct stat *status,
			const struct place *place, struct fault *fault)
{
	bool directory = S_ISDIR(status->st_mode);

	if (!directory && !S_ISREG(status->st_mode))
		return report(checking, where, "move it away", fault,
			      "expected a regular file, found something else");
	if (status->st_uid != geteuid())
		return report(checking, where, "run chown on it, or certpool as that user", fault,
			      "expected it to be user %u's, found user %u's",
			      (unsigned int)geteuid(), (unsigned int)status->st_uid);
	if ((status->st_mode & place->forbidden) != 0)
		return report_mode(checking, where,
				   directory ? place->directory_mode : place->file_mode,
				   status->st_mode, fault);
	if (!directory && status->st_nlink > 1 && (place->file_mode & 077) == 0)
		return report(checking, where, "remove the other name", fault,
			      "expected one link, found %ju", (uintmax_t)status->st_nlink);
	return 0;
}

static int check_entry(struct checking *checking, const struct place *place, const char *name,
		       struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	struct stat status;

	/* What was there a moment ago may be gone: somebody is working. */
	if (fstatat(place->dirfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (asprintf(&where, "%s/%s/%s", checking->terms->layout->path, place->name, name) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	return check_status(checking, where, &status, place, fault);
}

static int check_content(struct checking *checking, const struct place *place, struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = openat(place->dirfd, ".", O_RDONLY | O_CLOEXEC);
	CLEANUP(close_listing) DIR *listing = descriptor < 0 ? NULL : fdopendir(descriptor);
	const struct dirent *entry;

	if (listing == NULL)
		return set_errno_fault(fault, "%s/%s: cannot be listed",
				       checking->terms->layout->path, place->name);
	descriptor = -1;
	for (errno = 0; (entry = readdir(listing)) != NULL; errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (check_entry(checking, place, entry->d_name, fault) < 0)
			return -1;
	}
	return errno == 0 ? 0
			  : set_errno_fault(fault, "%s/%s: cannot be listed",
					    checking->terms->layout->path, place->name);
}

static int check_place(struct checking *checking, const struct place *place, struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	struct stat status;

	if (fstat(place->dirfd, &status) < 0)
		return set_errno_fault(fault, "%s/%s", checking->terms->layout->path, place->name);
	if (asprintf(&where, "%s%s%s", checking->terms->layout->path,
		     place->name[0] != '\0' ? "/" : "", place->name) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	if (check_status(checking, where, &status, place, fault) < 0)
		return -1;
	return place->name[0] != '\0' ? check_content(checking, place, fault) : 0;
}

static int check_shared_keys(struct checking *checking, struct fault *fault)
{
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	struct fault found = {0};

	if (read_key_ring(checking->terms->layout, &ring, &found) == 0)
		return 0;
	return report(checking, "the keys that the CA shares with its clients",
		      "mend or remove that file: certpool invite makes another", fault, "%s",
		      found.text);
}

int check_files(struct checking *checking, struct fault *fault)
{
	const struct layout *layout = checking->terms->layout;
	const struct place places[PLACES_MAX] = {
		{"", layout->root, 022, 0755, 0644},
		{"cert", layout->cert, 022, 0755, 0644},
		{"Private", layout->private, 077, 0700, 0600},
		{"state", layout->state, 077, 0700, 0600},
	};

	for (size_t i = 0; i < PLACES_MAX; i++)
		if (check_place(checking, &places[i], fault) < 0)
			return -1;
	return check_shared_keys(checking, fault);
}
