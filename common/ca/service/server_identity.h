#ifndef CERTPOOL_CA_SERVICE_SERVER_IDENTITY_H
#define CERTPOOL_CA_SERVICE_SERVER_IDENTITY_H

#include "common/ca/issue/authority.h"
#include "common/ca/issue/server_key.h"
#include "common/ca/revocation/ocsp_responder.h"
#include "common/net/tls_identity.h"

#include <stdatomic.h>

/*
 * What a serving CA shows at its https endpoints: the key and the chain of its server certificate
 * (server_key.h), with the answer of the CA's own responder about it. One thread refreshes it,
 * about once a second, while the server uses the slot.
 */
struct server_identity {
	struct tls_slot slot;
	struct server_key key;
	struct responder *responder;
	struct buffer chain; /* as it is shown now */
	struct buffer staple;
	int64_t retry_from_us;      /* of the stopwatch: the last refresh failed */
	atomic_int_least64_t end_s; /* of the certificate that is shown; any thread may read it */
};

/* What it is made of outlives it. */
void init_server_identity(struct server_identity *identity, const struct server_key *key,
			  struct responder *responder);

/* Adds a warning when the certificate that is shown should have been renewed long ago. */
void warn_of_server_end(struct server_identity *identity, int64_t now_s, struct health *health);

/* The server has stopped. */
void clear_server_identity(struct server_identity *identity);

/* Renews the key when it is due, and takes over another chain or OCSP answer. After a failure,
   which is retried after a minute, the old ones are shown, or a new one that is in no file; `chain`
   is empty if there is nothing to show. */
int refresh_server_identity(struct server_identity *identity, int64_t now_s,
			    struct fault *fault) MUST_CHECK;

#endif
