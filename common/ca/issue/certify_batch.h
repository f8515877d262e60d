#ifndef CERTPOOL_CA_ISSUE_CERTIFY_BATCH_H
#define CERTPOOL_CA_ISSUE_CERTIFY_BATCH_H

#include "common/ca/store/clients.h"
#include "common/ca/store/store.h"
#include "common/wire/certificates.h"
#include "common/x509/issuer.h"

/* What the requests of one batch are certified with, and for whom. */
struct batch_terms {
	const struct issuer *issuer;
	const uint8_t *issuer_key_sha256; /* no client may have this key */
	struct store *store;
	const struct client *client;
	struct validity validity;
	int64_t now_s;
};

/* certify_batch of authority.h, for a client that there is and at most BATCH_SIZE_MAX requests. */
int certify_requests(const struct batch_terms *terms, const struct certificates_request *request,
		     struct certificates_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
