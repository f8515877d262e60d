#include "common/layout/layout.h"

#include "common/layout/owner.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name;
	mode_t mode;
	bool private;
	size_t offset;
} directories[] = {
	{"CSR_file", 0755, false, offsetof(struct layout, csr_file)},
	{"Private", 0700, true, offsetof(struct layout, private)},
	{"cert", 0755, false, offsetof(struct layout, cert)},
	{"received", 0755, false, offsetof(struct layout, received)},
	{"state", 0700, true, offsetof(struct layout, state)},
};

enum { ROOT_MODE = 0755 };

static const char shared_prefix[] = "shared_";
static const char shared_suffix[] = ".jwk";
static const char old_prefix[] = "old_";

static int *directory_of(struct layout *layout, size_t i)
{
	return (int *)(void *)((char *)layout + directories[i].offset);
}

static int new_layout(const char *path, struct layout **ret_layout, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = calloc(1, sizeof(*layout));

	if (layout == NULL)
		return set_memory_fault(fault);
	layout->root = -1;
	layout->server = -1;
	for (size_t i = 0; i < COUNT_OF(directories); i++)
		*directory_of(layout, i) = -1;
	layout->path = strdup(path);
	if (layout->path == NULL)
		return set_memory_fault(fault);
	if (asprintf(&layout->root_path, "%s/cert/root.crt", path) < 0) {
		layout->root_path = NULL;
		return set_memory_fault(fault);
	}
	*ret_layout = TAKE(layout);
	return 0;
}

void free_layout(struct layout **layout_pointer)
{
	struct layout *layout = TAKE(*layout_pointer);

	if (layout == NULL)
		return;
	for (size_t i = 0; i < COUNT_OF(directories); i++)
		close_descriptor(directory_of(layout, i));
	close_descriptor(&layout->server);
	close_descriptor(&layout->root);
	free(layout->root_path);
	free(layout->path);
	free(layout);
}

static int check_directories(struct layout *layout, struct fault *fault)
{
	for (size_t i = 0; i < COUNT_OF(directories); i++) {
		CLEANUP(free_string) char *path = NULL;

		if (!directories[i].private)
			continue;
		if (asprintf(&path, "%s/%s", layout->path, directories[i].name) < 0) {
			path = NULL;
			return set_memory_fault(fault);
		}
		if (check_owner(*directory_of(layout, i), path, fault) < 0 ||
		    check_private_directory(*directory_of(layout, i), path, fault) < 0)
			return -1;
	}
	return 0;
}

/* A new layout belongs to whoever makes it: root makes none among another user's files. */
static int check_place(const char *path, struct fault *fault)
{
	CLEANUP(free_string) char *copy = strdup(path);
	CLEANUP(close_descriptor) int parent = -1;
	struct stat status;
	const char *name;

	if (copy == NULL)
		return set_memory_fault(fault);
	if (geteuid() != 0 || lstat(path, &status) == 0)
		return 0;
	name = dirname(copy);
	parent = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* make_directory says what is wrong with it. */
	return parent >= 0 ? check_owner(parent, name, fault) : 0;
}

int make_layout(const char *path, struct layout **ret_layout, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;

	if (check_place(path, fault) < 0 || new_layout(path, &layout, fault) < 0 ||
	    make_directory(AT_FDCWD, path, ROOT_MODE, &layout->root, fault) < 0)
		return -1;
	/* Before root makes a part of another user's layout. */
	if (geteuid() == 0 && check_owner(layout->root, path, fault) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(directories); i++)
		if (make_directory(layout->root, directories[i].name, directories[i].mode,
				   directory_of(layout, i), fault) < 0)
			return prefix_fault(fault, "layout %s", path);
	if (check_directories(layout, fault) < 0)
		return -1;
	*ret_layout = TAKE(layout);
	return 0;
}

/* Opens a directory; for a missing one the fault advises to run init. */
static int open_subdirectory(int dirfd, const char *name, const char *layout, int *ret_dirfd,
			     struct fault *fault)
{
	struct fault failure = {0};

	if (open_directory(dirfd, name, ret_dirfd, &failure) == 0)
		return 0;
	if (failure.class != FAULT_NOT_FOUND)
		return set_fault(fault, failure.class, "layout %s: %s", layout, failure.text);
	return set_fault(fault, FAULT_NOT_FOUND,
			 "layout %s: expected a directory %s, found none: run certpool init; if it "
			 "was lost, certpool restore for the CA, certpool join for a client",
			 layout, name);
}

int open_layout(const char *path, struct layout **ret_layout, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;

	if (new_layout(path, &layout, fault) < 0 ||
	    open_subdirectory(AT_FDCWD, path, path, &layout->root, fault) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(directories); i++)
		if (open_subdirectory(layout->root, directories[i].name, path,
				      directory_of(layout, i), fault) < 0)
			return -1;
	if (check_directories(layout, fault) < 0)
		return -1;
	*ret_layout = TAKE(layout);
	return 0;
}

int open_server_directory(struct layout *layout, struct fault *fault)
{
	if (layout->server >= 0)
		return 0;
	if (make_directory(layout->private, "server", 0700, &layout->server, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

void name_private_key(size_t index, char ret_name[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_name, FILE_NAME_SIZE, "private_key%zu.key", index);
}

void name_csr(size_t index, char ret_name[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_name, FILE_NAME_SIZE, "csr_key%zu.csr", index);
}

void name_certificate(size_t index, char ret_name[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_name, FILE_NAME_SIZE, "cert_key%zu.crt", index);
}

void name_renewal_key(size_t index, char ret_name[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_name, FILE_NAME_SIZE, "renewal_key%zu.key", index);
}

void name_renewal_csr(size_t index, char ret_name[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_name, FILE_NAME_SIZE, "renewal_key%zu.csr", index);
}

void name_renewal_certificate(size_t index, char ret_name[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_name, FILE_NAME_SIZE, "renewal_key%zu.crt", index);
}

void name_shared_key(const char *peer, char ret_name[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_name, FILE_NAME_SIZE, "%s%s%s", shared_prefix, peer, shared_suffix);
}

void name_old_key(const char *peer, char ret_name[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_name, FILE_NAME_SIZE, "%s%s%s", old_prefix, peer, shared_suffix);
}

void name_issuer_file(const char *first, unsigned int number, char ret_name[static FILE_NAME_SIZE])
{
	int stem = (int)(strrchr(first, '.') - first);

	if (number == 1)
		(void)snprintf(ret_name, FILE_NAME_SIZE, "%s", first);
	else
		(void)snprintf(ret_name, FILE_NAME_SIZE, "%.*s.%u%s", stem, first, number,
			       first + stem);
}

void name_member(size_t index, char ret_name[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_name, FILE_NAME_SIZE, "key%zu", index);
}

size_t parse_member(const char *name)
{
	static const char word[] = "key";
	const char *digits = name + strlen(word);
	size_t len;

	if (strncmp(name, word, strlen(word)) != 0)
		return 0;
	len = strspn(digits, "0123456789");
	if (len == 0 || len > 9 || digits[0] == '0' || digits[len] != '\0')
		return 0;
	return (size_t)strtoul(digits, NULL, 10);
}

int lock_layout(const struct layout *layout, enum lock_mode mode, int *ret_lock,
		struct fault *fault)
{
	if (lock_file(layout->state, "lock", mode, ret_lock, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}

/* The peer of a shared key's file; false when the file is no shared key. */
static bool parse_peer(const char *file, const char *prefix, char ret_peer[static NAME_SIZE])
{
	size_t around = strlen(prefix) + strlen(shared_suffix);
	size_t len = strlen(file);
	size_t peer_len = len > around ? len - around : 0;

	if (peer_len == 0 || peer_len >= NAME_SIZE || strncmp(file, prefix, strlen(prefix)) != 0 ||
	    strcmp(file + len - strlen(shared_suffix), shared_suffix) != 0)
		return false;
	memcpy(ret_peer, file + strlen(prefix), peer_len);
	ret_peer[peer_len] = '\0';
	return valid_name(ret_peer);
}

static int add_peer(struct peers *peers, const char *peer, struct fault *fault)
{
	char(*names)[NAME_SIZE] = reallocarray(peers->names, peers->count + 1, sizeof(*names));

	if (names == NULL)
		return set_memory_fault(fault);
	peers->names = names;
	memcpy(names[peers->count], peer, strlen(peer) + 1);
	peers->count++;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list_prefixed(const struct layout *layout, const char *prefix, struct peers *ret_peers,
			 struct fault *fault)
{
	CLEANUP(clear_peers) struct peers peers = {0};
	CLEANUP(close_listing) DIR *listing = NULL;
	const char *file = NULL;
	char peer[NAME_SIZE];

	if (open_listing(layout->private, &listing, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	do {
		if (read_listing(listing, &file, fault) < 0)
			return prefix_fault(fault, "%s/Private", layout->path);
		if (file != NULL && parse_peer(file, prefix, peer) &&
		    add_peer(&peers, peer, fault) < 0)
			return -1;
	} while (file != NULL);
	if (peers.count > 0)
		qsort(peers.names, peers.count, sizeof(*peers.names), compare_names);
	MOVE(ret_peers, peers);
	return 0;
}

int list_peers(const struct layout *layout, struct peers *ret_peers, struct fault *fault)
{
	return list_prefixed(layout, shared_prefix, ret_peers, fault);
}

int list_old_peers(const struct layout *layout, struct peers *ret_peers, struct fault *fault)
{
	return list_prefixed(layout, old_prefix, ret_peers, fault);
}

void clear_peers(struct peers *peers)
{
	free(peers->names);
	*peers = (struct peers){0};
}
