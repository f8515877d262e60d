#ifndef CERTPOOL_POOL_MEMBERS_MEMBER_H
#define CERTPOOL_POOL_MEMBERS_MEMBER_H

#include "common/layout/layout.h"
#include "common/x509/certificate.h"

/* The names that one member's three files have. */
typedef void file_namer(size_t index, char ret_name[static FILE_NAME_SIZE]);

struct member_files {
	file_namer *key;         /* in Private/ */
	file_namer *csr;         /* in CSR_file/ */
	file_namer *certificate; /* in cert/ */
};

/* Those that it works with, and those that are to take their place (renew.h). */
extern const struct member_files current_files;
extern const struct member_files renewal_files;

/* Reads cert/{name}. */
int read_certificate_file(const struct layout *layout, const char *name,
			  struct certificate **ret_certificate, struct fault *fault) MUST_CHECK;

/*
 * A member that can sign: its certificate is valid now and is for its private key. Both are old or
 * both are new also while the member is being renewed, or when its renewal was killed.
 */
struct member {
	size_t index;
	struct certificate *certificate;
	struct private_key *key;
};

/* FAULT_NOT_FOUND: no certificate, or no key; FAULT_REFUSED: expired, not yet valid, or the
   certificate is not for the key. Each with the file and what to do. */
int open_member(const struct layout *layout, size_t index, int64_t now_s, struct member *ret_member,
		struct fault *fault) MUST_CHECK;

/*
 * The same when the member can sign; *ret_member stays as it is when it has no key, no certificate,
 * or one that is not valid now. A file that cannot be read is a fault, not a member to be passed
 * over: it wants to be mended.
 */
int open_member_if_valid(const struct layout *layout, size_t index, int64_t now_s,
			 struct member *ret_member, struct fault *fault) MUST_CHECK;
void clear_member(struct member *member);

/* Whether the certificate is valid at that time. */
bool is_valid_at(const struct certificate *certificate, int64_t now_s);

#endif
