#ifndef CERTPOOL_CA_ISSUE_CERTIFY_BATCH_H
#define CERTPOOL_CA_ISSUE_CERTIFY_BATCH_H

#include "common/ca/issue/authority.h"
#include "common/wire/certificates.h"

/*
 * Certifies the requests of an authenticated client. Every request is examined (form, proof of
 * possession, key, names, the client's policy); those that hold are certified and recorded in one
 * transaction, which is durable on return. A public key that is certified for this client already
 * gets the certificate that it has, whatever else the request says; a key that is another client's
 * is refused. The same key twice in one batch refuses the batch.
 *
 * *ret_answer's claims are left to the caller, as is the audit log of what is refused
 * (refusal_log.h).
 * Errors: -1 only when the CA itself failed: nothing was issued.
 */
int certify_batch(struct authority *authority, const char *client,
		  const struct certificates_request *request, int64_t now_s,
		  struct certificates_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
