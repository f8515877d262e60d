#ifndef CERTPOOL_CA_SERVICE_REVOCATION_REQUEST_H
#define CERTPOOL_CA_SERVICE_REVOCATION_REQUEST_H

#include "common/ca/revocation/publish_crl.h"
#include "common/wire/revocation.h"

/*
 * The CA's half of POST /v1/revocations: revokes certificates of an authenticated client, all that
 * the request names or none, and publishes the CRL. *ret_answer's claims are left to the caller.
 *
 * A request for another client's certificate, or for one that was not issued, is refused in
 * *ret_answer (not_yours, not_issued); the audit log of that is left to the caller, too. When only
 * the CRL could not be made the certificates are revoked all the same, the answer has no CRL
 * number, and *ret_crl_problem has the reason; FAULT_NONE otherwise. Errors: -1 only when the CA
 * itself failed: nothing was revoked.
 */
int revoke_own(const struct ca_crl_options *crl, const char *client,
	       const struct revocation_request *request, int64_t now_s,
	       struct revocation_answer *ret_answer, struct fault *ret_crl_problem,
	       struct fault *fault) MUST_CHECK;

#endif
