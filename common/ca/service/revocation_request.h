#ifndef CERTPOOL_CA_SERVICE_REVOCATION_REQUEST_H
#define CERTPOOL_CA_SERVICE_REVOCATION_REQUEST_H

#include "common/ca/issue/authority.h"
#include "common/wire/revocation.h"

/*
 * The CA's half of POST /v1/revocations: revokes certificates of an authenticated client, all that
 * the request names or none. They are durable, and OCSP has them, on return; the CRL of the number
 * in *ret_answer will have them, and is made by another thread (crl_cache.h): a client that revokes
 * one by one does not cause a CRL each. *ret_answer's claims are left to the caller.
 *
 * A request for another client's certificate, or for one that was not issued, is refused in
 * *ret_answer (not_yours, not_issued); the audit log of that is left to the caller, too.
 * Errors: -1 only when the CA itself failed.
 */
int revoke_own(struct authority *authority, const char *client,
	       const struct revocation_request *request, int64_t now_s,
	       struct revocation_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
