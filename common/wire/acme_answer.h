#ifndef CERTPOOL_WIRE_ACME_ANSWER_H
#define CERTPOOL_WIRE_ACME_ANSWER_H

#include "common/base/bytes.h"
#include "common/wire/claims.h"
#include "common/x509/alt_name.h"

/* The JSON objects that an ACME server answers with (RFC 8555 section 7.1). Owns: clear_buffer. */

/* All URLs are `base` and a path below it. */
int format_acme_directory(const char *base, struct buffer *ret_json,
			  struct fault *fault) MUST_CHECK;

struct acme_account_view {
	bool valid;          /* else deactivated */
	const char *contact; /* URLs, one a line */
	const char *orders;  /* URL */
};

int format_acme_account(const struct acme_account_view *account, struct buffer *ret_json,
			struct fault *fault) MUST_CHECK;

/* Of an account: {"orders": [URL, …]}. */
int format_acme_orders(const struct buffer *urls, size_t count, struct buffer *ret_json,
		       struct fault *fault) MUST_CHECK;

struct acme_order_view {
	const char *status; /* section 7.1.6 */
	int64_t expires_s;
	const struct alt_names *names;
	const struct buffer *authorizations; /* URLs, one for each name */
	const char *finalize;                /* URL */
	const char *certificate;             /* URL, of a valid order; else NULL */
	const char *profile;                 /* "": none, as of the next */
	const char *replaces;                /* RFC 9773 section 5 */
};

int format_acme_order(const struct acme_order_view *order, struct buffer *ret_json,
		      struct fault *fault) MUST_CHECK;

/* A challenge of type http-01 (sections 7.1.5 and 8.3). */
struct acme_challenge_view {
	const char *url;
	const char *status; /* section 7.1.6 */
	const char *token;
	int64_t validated_s;           /* 0: it is not valid */
	const struct refusal *problem; /* of an invalid one: an error's name and text; else "" */
};

int format_acme_challenge(const struct acme_challenge_view *challenge, struct buffer *ret_json,
			  struct fault *fault) MUST_CHECK;

/* An authorization (section 7.1.4). Of a wildcard the identifier lacks the "*.". */
struct acme_authorization_view {
	const char *name;   /* "DNS:…" or "IP:…" */
	const char *status; /* section 7.1.6 */
	int64_t expires_s;
	const struct acme_challenge_view *challenge; /* NULL: it is valid by the client's policy */
};

int format_acme_authorization(const struct acme_authorization_view *authorization,
			      struct buffer *ret_json, struct fault *fault) MUST_CHECK;

/* RFC 9773 section 4.2. */
int format_renewal_info(int64_t start_s, int64_t end_s, struct buffer *ret_json,
			struct fault *fault) MUST_CHECK;

/*
 * A problem document (section 6.7). The type is the error's name, without the common
 * urn:ietf:params:acme:error: in front. "badSignatureAlgorithm" gets the list of algorithms.
 */
int format_acme_problem(const struct refusal *problem, unsigned int status, struct buffer *ret_json,
			struct fault *fault) MUST_CHECK;

/* The HTTP status of an error by its name: 400 for most. */
unsigned int acme_status(const char *type);

#endif
