#ifndef CERTPOOL_POOL_ENROLMENT_EXPORTED_REQUESTS_H
#define CERTPOOL_POOL_ENROLMENT_EXPORTED_REQUESTS_H

#include "common/crypto/digest.h"
#include "common/crypto/signed_message.h"
#include "common/layout/layout.h"

/*
 * The requests that were written into files to be carried to the CA by hand, and whose answers have
 * not come back: state/exported, one line a request,
 *
 *   IAT JTI SHA256 MEMBERS\n
 *
 * the SHA-256 of its JWE in lower-case hex, its members as "1-1000,1003". By that an answer is
 * recognised, however long it was on its way. The file is replaced whole and durably.
 */
struct exported_request {
	int64_t iat_s;
	char jti[JTI_SIZE];
	uint8_t sha256[SHA256_LEN];
	size_t *members; /* by rising index */
	size_t count;
};

struct exported_requests {
	struct exported_request *requests;
	size_t count;
	size_t size; /* for how many there is room */
};

enum {
	EXPORTED_MAX = 20000,          /* requests */
	EXPORTED_KEPT_S = 180 * 86400, /* how long an answer is waited for */
};

/* Adds a request; its members are taken over, also on failure. FAULT_TOO_LARGE over EXPORTED_MAX.
 */
int add_exported_request(struct exported_requests *exported, struct exported_request *request,
			 struct fault *fault) MUST_CHECK;

/* The request of that jti; NULL when there is none. */
const struct exported_request *find_exported_request(const struct exported_requests *exported,
						     const char *jti);

void remove_exported_request(struct exported_requests *exported, const char *jti);

/* Removes what is no longer waited for. */
void drop_old_exported_requests(struct exported_requests *exported, int64_t now_s);
void clear_exported_requests(struct exported_requests *exported);

/* FAULT_MALFORMED, with the line. */
int parse_exported_requests(struct bytes text, struct exported_requests *ret_exported,
			    struct fault *fault) MUST_CHECK;
int format_exported_requests(const struct exported_requests *exported, struct buffer *ret_text,
			     struct fault *fault) MUST_CHECK;

/* Empty when there is no such file. The caller holds the layout's lock. */
int read_exported_requests(const struct layout *layout, struct exported_requests *ret_exported,
			   struct fault *fault) MUST_CHECK;
int write_exported_requests(const struct layout *layout, const struct exported_requests *exported,
			    struct fault *fault) MUST_CHECK;

#endif
