#ifndef CERTPOOL_CA_SERVICE_ENCRYPTED_REQUESTS_H
#define CERTPOOL_CA_SERVICE_ENCRYPTED_REQUESTS_H

#include "common/ca/issue/authority.h"
#include "common/ca/service/metrics.h"
#include "common/ca/service/origin_rate.h"
#include "common/ca/service/seen_requests.h"
#include "common/net/server.h"
#include "common/wire/shared_keys.h"

#include <stdatomic.h>

/*
 * The encrypted requests of clients: POST /v1/certificates, /v1/status, /v1/statuses,
 * /v1/revocations. A request that can be decrypted gets an encrypted answer, even a refusal, which
 * HTTP sees as a success. The reason of a failure of the CA itself goes to the log only.
 *
 * A request costs its client when it is authenticated and fresh, and comes for the first time. What
 * is malformed, stale, for another or came before costs its origin: it is in the log and in the
 * counters, and neither in the client's rate nor in the audit log.
 */
struct encrypted_requests {
	struct authority *authority; /* outlives them */
	const struct layout *layout; /* likewise */
	http_log *log;               /* of refusals and failures; may be NULL */
	void *log_context;
	http_log *exchange_log; /* of what was done; may be NULL */
	void *exchange_log_context;
	struct shared_keys keys;
	struct refusal_counts refusals;
	struct seen_requests seen;
	struct origin_rate *unpaid;      /* requests for which no client pays */
	struct rate *root_notes;         /* of which roots a client has pinned */
	atomic_int_least64_t attested_s; /* when the last fresh request was made, by the client's
					    clock; 0: there was none yet */
};

/* The caller has set authority and logs. source: as for init_shared_keys. */
int init_encrypted_requests(struct encrypted_requests *requests, const struct layout *layout,
			    const struct key_source *source, struct fault *fault) MUST_CHECK;
void clear_encrypted_requests(struct encrypted_requests *requests);

/*
 * Looks at the beginning of a request, as an http_check_start: the client is the node with which
 * the key is shared that the JWE names. Errors: FAULT_UNDECRYPTABLE without such a key; FAULT_BUSY.
 */
int check_request_start(struct encrypted_requests *requests, struct bytes start, bool may_wait,
			char ret_client[static HTTP_CLIENT_SIZE], bool *ret_unknown,
			struct fault *fault) MUST_CHECK;

/* Answers a request of any kind, by its path. Errors: as an http_handler. */
int answer_encrypted_request(struct encrypted_requests *requests,
			     const struct http_request *request, struct http_response *response,
			     struct fault *fault) MUST_CHECK;

#endif
