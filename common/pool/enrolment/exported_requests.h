#ifndef CERTPOOL_POOL_ENROLMENT_EXPORTED_REQUESTS_H
#define CERTPOOL_POOL_ENROLMENT_EXPORTED_REQUESTS_H

#include "common/crypto/digest.h"
#include "common/crypto/signed_message.h"
#include "common/layout/layout.h"

/*
 * The requests that were exported into files for an offline transfer to the CA, and are not
 * answered yet: state/exported, one line a request,
 *
 *   IAT JTI SHA256 MEMBERS\n
 *
 * with the SHA-256 of the request's JWE in lower-case hex and its members as "1-1000,1003". They
 * identify the answer, however long it takes to come back. The file is replaced whole and durably.
 */
struct exported_request {
	int64_t iat_s;
	char jti[JTI_SIZE];
	uint8_t sha256[SHA256_LEN];
	size_t *members; /* by rising index */
	size_t count;
};

struct exported_requests {
	struct exported_request *items;
	size_t count;
	size_t capacity;
};

enum {
	EXPORTED_MAX = 20000,            /* requests */
	EXPORTED_EXPIRY_S = 180 * 86400, /* after which an exported request expires */
};

/*
 * Adds a request.
 * Owns: takes its members over, also on failure.
 * Errors: FAULT_TOO_LARGE over EXPORTED_MAX.
 */
int add_exported_request(struct exported_requests *requests, struct exported_request *request,
			 struct fault *fault) MUST_CHECK;

/* The request of that jti, borrowed; NULL if there is none. */
const struct exported_request *find_exported_request(const struct exported_requests *requests,
						     const char *jti);

/* Does nothing if there is no request of that jti. */
void remove_exported_request(struct exported_requests *requests, const char *jti);

/* Removes the requests that are older than EXPORTED_EXPIRY_S. */
void drop_old_exported_requests(struct exported_requests *requests, int64_t now_s);
void clear_exported_requests(struct exported_requests *requests);

/* Errors: FAULT_MALFORMED, with the number of the line. */
int parse_exported_requests(struct bytes text, struct exported_requests *ret_requests,
			    struct fault *fault) MUST_CHECK;
int format_exported_requests(const struct exported_requests *requests, struct buffer *ret_text,
			     struct fault *fault) MUST_CHECK;

/* Reads and replaces state/exported. Without that file there are no requests. The caller holds the
   layout's lock. */
int read_exported_requests(const struct layout *layout, struct exported_requests *ret_requests,
			   struct fault *fault) MUST_CHECK;
int write_exported_requests(const struct layout *layout, const struct exported_requests *requests,
			    struct fault *fault) MUST_CHECK;

#endif
