/* Certifies a folder of requests in batches of BATCH_SIZE_MAX. */
#include "tools/verb/sign_folder.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/staging.h"
#include "common/ca/issue/certify_batch.h"
#include "common/x509/csr.h"
#include "tools/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_FILE_MAX = 128 * 1024, OUTPUT_NAME_SIZE = NAME_SIZE + 8 };

static const char request_suffix[] = ".csr";
static const char begin_mark[] = "-----BEGIN ";
static const char end_mark[] = "-----END ";

/* The folder and the batch that is being collected. */
struct folder {
	const struct command *command;
	struct authority *authority;
	const char *client;
	const char *path;
	int dirfd;
	char **names; /* of the files with requests, sorted */
	size_t name_count;
	struct certificates_request request; /* the next batch */
	struct sign_counts counts;
};

static void clear_folder(struct folder *folder)
{
	for (size_t i = 0; i < folder->name_count; i++)
		free(folder->names[i]);
	free(folder->names);
	clear_certificates_request(&folder->request);
	close_descriptor(&folder->dirfd);
}

static void refuse(struct folder *folder, const char *file, const char *type, const char *detail)
{
	folder->counts.refused++;
	print_complaint(folder->command, "%s/%s: refused (%s): %s", folder->path, file, type,
			detail);
}

static void refuse_member(struct folder *folder, const char *member, const struct refusal *refusal)
{
	char file[OUTPUT_NAME_SIZE];

	(void)snprintf(file, sizeof(file), "%s%s", member, request_suffix);
	refuse(folder, file, refusal->type, refusal->detail);
}

static bool is_request(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > strlen(request_suffix) &&
	       strcmp(name + len - strlen(request_suffix), request_suffix) == 0;
}

static int add_name(struct folder *folder, const char *name, struct fault *fault)
{
	char **names = folder->names;

	/* The array is doubled whenever the count is a power of two. */
	if ((folder->name_count & (folder->name_count - 1)) == 0) {
		names = reallocarray(names, folder->name_count * 2 + 1, sizeof(*names));
		if (names == NULL)
			return set_memory_fault(fault);
		folder->names = names;
	}
	names[folder->name_count] = strdup(name);
	if (names[folder->name_count] == NULL)
		return set_memory_fault(fault);
	folder->name_count++;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that the result does not depend on the file system's order. */
static int list_requests(struct folder *folder, struct fault *fault)
{
	CLEANUP(close_listing) DIR *listing = NULL;
	const char *name = NULL;

	if (open_listing(folder->dirfd, &listing, fault) < 0)
		return -1;
	do {
		if (read_listing(listing, &name, fault) < 0)
			return -1;
		if (name != NULL && is_request(name) && add_name(folder, name, fault) < 0)
			return -1;
	} while (name != NULL);
	if (folder->name_count == 0)
		return set_fault(fault, FAULT_NOT_FOUND, "expected requests, NAME%s, found none",
				 request_suffix);
	qsort(folder->names, folder->name_count, sizeof(*folder->names), compare_names);
	return 0;
}

/* The first PEM block without the text that certtool and `openssl req -text` write before it. */
static struct bytes cut_pem_block(struct bytes text)
{
	const uint8_t *begin = memmem(text.data, text.len, begin_mark, strlen(begin_mark));
	const uint8_t *last = text.data + text.len;
	const uint8_t *end;

	if (begin == NULL)
		return text;
	end = memmem(begin, (size_t)(last - begin), end_mark, strlen(end_mark));
	if (end != NULL)
		end = memchr(end, '\n', (size_t)(last - end));
	return (struct bytes){begin, (size_t)((end != NULL ? end : last) - begin)};
}

static void name_certificate_file(const char *member, char ret_name[static OUTPUT_NAME_SIZE])
{
	(void)snprintf(ret_name, OUTPUT_NAME_SIZE, "%s.crt", member);
}

/* The certificate in NAME.crt; *ret_existing stays NULL without such a file. */
static int read_existing(const struct folder *folder, const char *member,
			 struct certificate **ret_existing, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	char name[OUTPUT_NAME_SIZE];
	bool found;

	name_certificate_file(member, name);
	if (find_file(folder->dirfd, name, &found, fault) < 0)
		return -1;
	if (!found)
		return 0;
	if (read_file(folder->dirfd, name, CERTIFICATE_PEM_MAX, &pem, fault) < 0)
		return -1;
	if (parse_certificate_pem(bytes_of_buffer(&pem), ret_existing, fault) < 0)
		return prefix_fault(fault, "%s", name);
	return 0;
}

/* Refuses a member whose NAME.crt is for another key, before a certificate is issued in vain. */
static int check_existing(const struct folder *folder, const char *member, struct bytes pem,
			  struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *existing = NULL;
	CLEANUP(free_csr) struct csr *csr = NULL;

	if (read_existing(folder, member, &existing, fault) < 0)
		return -1;
	if (existing == NULL)
		return 0;
	if (parse_csr_pem(pem, &csr, fault) < 0)
		return -1;
	if (equal_bytes(public_key_spki(csr_public_key(csr)),
			public_key_spki(certificate_public_key(existing))))
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s.crt exists and is for another key; it is not overwritten", member);
}

/* The member's name: the file's, without its suffix. */
static int derive_member_name(const char *file, char ret_member[static NAME_SIZE],
			      struct fault *fault)
{
	size_t len = strlen(file) - strlen(request_suffix);

	ret_member[0] = '\0';
	if (len < NAME_SIZE) {
		memcpy(ret_member, file, len);
		ret_member[len] = '\0';
	}
	if (valid_name(ret_member))
		return 0;
	return set_fault(fault, FAULT_MALFORMED,
			 "expected a name of 1 to 64 characters from A-Z a-z 0-9 _ - and %s: "
			 "rename the file",
			 request_suffix);
}

/* Reads a request and adds it to the batch. */
static int add_request(struct folder *folder, const char *file, struct fault *fault)
{
	struct member_pem *member = &folder->request.members[folder->request.count];
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct bytes block;

	if (derive_member_name(file, member->name, fault) < 0 ||
	    read_file(folder->dirfd, file, REQUEST_FILE_MAX, &text, fault) < 0)
		return -1;
	block = cut_pem_block(bytes_of_buffer(&text));
	if (check_existing(folder, member->name, block, fault) < 0)
		return -1;
	append_bytes(&member->pem, block);
	append_string(&member->pem, "\n");
	folder->request.count++;
	return check_buffer(&member->pem, fault);
}

/* Existing files are compared, so that a second run changes nothing. */
static int stage_certificate(struct folder *folder, const struct member_pem *given,
			     struct staging *staging, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *existing = NULL;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	char name[OUTPUT_NAME_SIZE];

	name_certificate_file(given->name, name);
	if (read_existing(folder, given->name, &existing, fault) < 0)
		return -1;
	if (existing == NULL) {
		folder->counts.certified++;
		return stage_file(staging, folder->dirfd, name, STAGE_NEW, 0644,
				  bytes_of_buffer(&given->pem), fault);
	}
	if (parse_certificate_pem(bytes_of_buffer(&given->pem), &certificate, fault) < 0)
		return -1;
	if (equal_bytes(certificate_der(existing), certificate_der(certificate)))
		folder->counts.present++;
	else
		refuse(folder, name, "exists",
		       "another certificate for this key exists, and is not overwritten");
	return 0;
}

/* All certificates of a batch get their names together, durably. */
static int save_answer(struct folder *folder, const struct certificates_answer *answer,
		       struct fault *fault)
{
	CLEANUP(free_staging) struct staging *staging = NULL;

	if (new_staging(&staging, fault) < 0)
		return -1;
	for (size_t i = 0; i < answer->certificate_count; i++)
		if (stage_certificate(folder, &answer->certificates[i], staging, fault) < 0)
			return -1;
	for (size_t i = 0; i < answer->refusal_count; i++)
		refuse_member(folder, answer->refusals[i].name, &answer->refusals[i].refusal);
	return commit_staging(staging, fault);
}

/* *ret_refusal is filled when the CA refused the whole batch. */
static int certify_and_save(struct folder *folder, const struct certificates_request *request,
			    struct refusal *ret_refusal, struct fault *fault)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	if (certify_batch(folder->authority, folder->client, request, read_clock(), &answer,
			  fault) < 0)
		return -1;
	*ret_refusal = answer.refusal;
	return is_refused(&answer.refusal) ? 0 : save_answer(folder, &answer, fault);
}

/*
 * The CA refuses a batch in which two requests have the same key. Certified one by one, the other
 * requests succeed, and those two get the same certificate.
 */
static int certify_one_by_one(struct folder *folder, struct fault *fault)
{
	for (size_t i = 0; i < folder->request.count; i++) {
		struct member_pem *member = &folder->request.members[i];
		const struct certificates_request single = {.members = member, .count = 1};
		struct refusal refusal = {0};

		if (certify_and_save(folder, &single, &refusal, fault) < 0)
			return -1;
		if (is_refused(&refusal))
			refuse_member(folder, member->name, &refusal);
	}
	return 0;
}

static int certify_pending(struct folder *folder, struct fault *fault)
{
	struct certificates_request *request = &folder->request;
	struct refusal refusal = {0};

	if (request->count == 0)
		return 0;
	if (certify_and_save(folder, request, &refusal, fault) < 0)
		return -1;
	if (strcmp(refusal.type, "duplicate_key") == 0) {
		if (certify_one_by_one(folder, fault) < 0)
			return -1;
	} else if (is_refused(&refusal)) {
		for (size_t i = 0; i < request->count; i++)
			refuse_member(folder, request->members[i].name, &refusal);
	}
	for (size_t i = 0; i < request->count; i++)
		clear_buffer(&request->members[i].pem);
	request->count = 0;
	return 0;
}

/* A request that cannot be read is refused by itself; the others go on. */
static int sign_requests(struct folder *folder, struct fault *fault)
{
	folder->request.members = calloc(BATCH_SIZE_MAX, sizeof(*folder->request.members));
	if (folder->request.members == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < folder->name_count; i++) {
		struct fault problem = {0};

		if (add_request(folder, folder->names[i], &problem) < 0)
			refuse(folder, folder->names[i], "bad_request", problem.text);
		if (folder->request.count == BATCH_SIZE_MAX && certify_pending(folder, fault) < 0)
			return -1;
	}
	return certify_pending(folder, fault);
}

int sign_folder(const struct command *command, struct authority *authority, const char *client,
		const char *path, struct sign_counts *ret_counts, struct fault *fault)
{
	CLEANUP(clear_folder)
	struct folder folder = {.command = command,
				.authority = authority,
				.client = client,
				.path = path,
				.dirfd = -1};

	if (open_directory(AT_FDCWD, path, &folder.dirfd, fault) < 0)
		return -1;
	if (sweep_staging(folder.dirfd, fault) < 0 || list_requests(&folder, fault) < 0 ||
	    sign_requests(&folder, fault) < 0)
		return prefix_fault(fault, "%s", path);
	*ret_counts = folder.counts;
	return 0;
}
