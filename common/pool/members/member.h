#ifndef CERTPOOL_POOL_MEMBERS_MEMBER_H
#define CERTPOOL_POOL_MEMBERS_MEMBER_H

#include "common/layout/layout.h"
#include "common/x509/certificate.h"

/* A naming scheme for one member's three files (layout.h: name_private_key and so on). */
typedef void file_namer(size_t index, char ret_name[static FILE_NAME_SIZE]);

struct member_files {
	file_namer *key;         /* in Private/ */
	file_namer *csr;         /* in CSR_file/ */
	file_namer *certificate; /* in cert/ */
};

/* The files in use, and the files that a renewal prepares to replace them (replace_member.h). */
extern const struct member_files current_files;
extern const struct member_files renewal_files;

/* Reads cert/{name}. */
int read_certificate_file(const struct layout *layout, const char *name,
			  struct certificate **ret_certificate, struct fault *fault) MUST_CHECK;

/* From when on no more than that part of the certificate's lifetime is left; 0: a third. */
int64_t ending_from(const struct certificate *certificate, size_t left_percent);

/* Whether the certificate is valid at that time. */
bool is_valid_at(const struct certificate *certificate, int64_t now_s);

/*
 * A member that can sign: it has a certificate that is valid now, and the private key of that
 * certificate. During a renewal, or after one that was killed, both are the old ones or both are
 * the new ones.
 */
struct member {
	size_t index;
	struct certificate *certificate;
	struct private_key *key;
};

/*
 * Opens the client's member of that index.
 * Owns: the caller clears *ret_member (clear_member).
 * Errors: FAULT_NOT_FOUND without a certificate or a key; FAULT_REFUSED for a certificate that is
 * expired, not valid yet, not for USE_SIGN, or not for the key; FAULT_MALFORMED and FAULT_TOO_LARGE
 * for a file that is damaged. The text names the file and says what to do.
 */
int open_member(const struct layout *layout, const char *client, size_t index, int64_t now_s,
		struct member *ret_member, struct fault *fault) MUST_CHECK;

/* The same for a certificate of any usage. */
int open_any_member(const struct layout *layout, const char *client, size_t index, int64_t now_s,
		    struct member *ret_member, struct fault *fault) MUST_CHECK;

/*
 * As open_member, but a member that cannot sign is a success that leaves *ret_member unchanged: it
 * has no key, no certificate, none that is valid now and for USE_SIGN, or a file that is damaged.
 * Errors: FAULT_FAILED.
 */
int open_member_if_valid(const struct layout *layout, const char *client, size_t index,
			 int64_t now_s, struct member *ret_member, struct fault *fault) MUST_CHECK;
void clear_member(struct member *member);

#endif
