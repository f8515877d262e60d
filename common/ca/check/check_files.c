#include "common/ca/check/checks.h"

#include "common/base/clock.h"
#include "common/ca/issue/server_key.h"
#include "common/ca/store/clients.h"
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

static int report_shared_key(struct check_context *context, const char *peer, const char *repair,
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
	return report_finding(context, where, repair, fault, "%s", text);
}

/* It opens nothing any more: no defect, that a backup would have to wait for. */
static int report_old_key(struct check_context *context, const char *peer,
			  const struct shared_key *old, struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	char name[FILE_NAME_SIZE];
	char end[TIME_TEXT_SIZE];
	char text[FAULT_TEXT_SIZE];

	name_old_key(peer, name);
	if (asprintf(&where, "%s/Private/%s", context->options->layout->path, name) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	format_time(old->ends_s, end);
	(void)snprintf(text, sizeof(text),
		       "the old key shared with %s ended at %s: certpool prune removes it, or "
		       "certpool rotate key %s --finish",
		       peer, end, peer);
	return report_warning(context, where, text, fault);
}

/* A client of the record that has no key cannot ask for anything. */
static int check_present(void *argument, const struct client *client, struct fault *fault)
{
	struct check_context *context = argument;
	char name[FILE_NAME_SIZE];
	char text[FAULT_TEXT_SIZE];
	bool found;

	if (client->disabled || client->revoked)
		return 0;
	name_shared_key(client->name, name);
	if (find_file(context->options->layout->private, name, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	(void)snprintf(text, sizeof(text),
		       "the client has no shared key, and cannot enroll: certpool invite %s makes "
		       "one; if it had one, put Private/%s back from a backup, or have it take the "
		       "new one with certpool join --replace",
		       client->name, name);
	return report_warning(context, client->name, text, fault);
}

/* A key for a node of which the record knows nothing lets nobody in, and is forgotten easily. */
static int check_known(struct check_context *context, const char *peer, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};
	struct fault foreign = {0};
	bool found;

	if (read_client(context->options->store, peer, &client, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	(void)set_fault(&foreign, FAULT_REFUSED,
			"a key shared with %s, which is no client of this CA", peer);
	return report_shared_key(context, peer,
				 "remove that file; or certpool client add makes it a client",
				 &foreign, fault);
}

/* Two peers that have the same key can read each other's messages, and write them. */
static const char *find_double(const struct key_ring *ring, const char *peer,
			       const struct shared_key *key)
{
	for (size_t i = 0; i < ring->count; i++)
		if (strcmp(ring->keys[i].peer, peer) != 0 &&
		    equal_secrets((struct bytes){ring->keys[i].key.key, SHARED_KEY_LEN},
				  (struct bytes){key->key, SHARED_KEY_LEN}))
			return ring->keys[i].peer;
	return NULL;
}

static int check_key(struct check_context *context, const char *peer, struct key_ring *ring,
		     struct fault *fault)
{
	char rotate[2 * NAME_SIZE];
	static const char mend[] =
		"put that file back from a backup; or remove it: certpool "
		"invite makes another, which certpool join --replace takes there";
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_shared_key) struct shared_key old = {0};
	const struct layout *layout = context->options->layout;
	struct fault problem = {0};
	const char *other;
	bool found;

	if (read_shared_key(layout, peer, &key, &problem) < 0 ||
	    read_old_key(layout, peer, 0, &old, &found, &problem) < 0)
		return report_shared_key(context, peer, mend, &problem, fault);
	other = find_double(ring, peer, &key);
	if (other == NULL && add_peer_key(ring, peer, &key, &problem) == 0)
		return found && old.ends_s <= context->options->now_s
			       ? report_old_key(context, peer, &old, fault)
			       : 0;
	if (other != NULL)
		(void)set_fault(&problem, FAULT_REFUSED,
				"the same key is shared with %s and with %s", other, peer);
	(void)snprintf(rotate, sizeof(rotate), "make another: certpool rotate key %s --overlap 0",
		       peer);
	return report_shared_key(context, peer, rotate, &problem, fault);
}

/* Each key, that no two clients have the same, and that each client has one. */
static int check_shared_keys(struct check_context *context, struct fault *fault)
{
	const struct layout *layout = context->options->layout;
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	CLEANUP(clear_peers) struct peers peers = {0};

	if (list_peers(layout, &peers, fault) < 0)
		return -1;
	for (size_t i = 0; i < peers.count; i++)
		if (check_key(context, peers.names[i], &ring, fault) < 0 ||
		    check_known(context, peers.names[i], fault) < 0)
			return -1;
	return list_clients(context->options->store, check_present, context, fault);
}

/* The folder and the certificate of the TLS server, which serve makes and makes again. */
static int check_server(struct check_context *context, struct fault *fault)
{
	static const char where[] = "cert/" SERVER_CERTIFICATE_FILE;
	const struct check_options *options = context->options;
	CLEANUP(close_descriptor) int folder = -1;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct directory directory = {"Private/server", -1, 077, 0700, 0600};
	struct fault problem = {0};
	char text[FAULT_TEXT_SIZE];
	char end[TIME_TEXT_SIZE];

	if (open_directory(options->layout->private, "server", &folder, &problem) == 0) {
		directory.dirfd = folder;
		if (check_directory(context, &directory, fault) < 0)
			return -1;
	} else if (problem.class != FAULT_NOT_FOUND) {
		(void)pass_fault(&problem, fault);
		return prefix_fault(fault, "%s/Private", options->layout->path);
	}
	problem = (struct fault){0};
	if (read_server_certificate(options->layout, &certificate, &problem) < 0)
		return report_finding(context, where, "remove it: certpool serve makes another one",
				      fault, "%s", problem.text);
	if (certificate == NULL || certificate_not_after(certificate) > options->now_s)
		return 0;
	format_time(certificate_not_after(certificate), end);
	(void)snprintf(
		text, sizeof(text),
		"the certificate of the TLS server ended at %s: certpool serve makes another "
		"one when it starts",
		end);
	return report_warning(context, where, text, fault);
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
	if (check_server(context, fault) < 0)
		return -1;
	return check_shared_keys(context, fault);
}
