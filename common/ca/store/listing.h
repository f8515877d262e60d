#ifndef CERTPOOL_CA_STORE_LISTING_H
#define CERTPOOL_CA_STORE_LISTING_H

#include "common/ca/store/store.h"

/* Which of the recorded certificates. */
enum certificate_state {
	STATE_ANY,
	STATE_VALID,   /* neither expired nor revoked */
	STATE_EXPIRED, /* whether revoked or not */
	STATE_REVOKED,
};

/* All that is given must hold. Zero-initialised is every certificate. */
struct certificate_query {
	const char *client;
	const char *member;
	const char *subject; /* a shell pattern: *, ? and [] (RFC 4514 text, as recorded) */
	enum certificate_state state;
	int64_t now_s;            /* for the state */
	int64_t issued_before_s;  /* 0: not given */
	int64_t expires_before_s; /* 0: not given */
};

/*
 * Told of one certificate. `position` grows by the order of issue: to go on later, list after it.
 * The record is borrowed. A result other than 0 ends the listing: 1 as a success, -1 as a failure.
 */
typedef int certificate_function(void *context, const struct issued_certificate *record,
				 int64_t position, struct fault *fault);

/*
 * Lists, in the order of issue, at most `limit` certificates (0: all) after a position (0: from the
 * beginning), as of one moment. ret_more, which may be NULL, says whether there are further ones.
 * Reads no more of the record than it shows, for a client, a member or an expiry; a subject or an
 * issue time alone needs a look at every row.
 */
struct listing {
	struct certificate_query query;
	int64_t after;
	size_t limit;
	bool without_der; /* record->der stays empty: faster */
};

int list_certificates(struct store *store, const struct listing *listing,
		      certificate_function *function, void *context, bool *ret_more,
		      struct fault *fault) MUST_CHECK;

int count_certificates(struct store *store, const struct certificate_query *query,
		       size_t *ret_count, struct fault *fault) MUST_CHECK;

#endif
