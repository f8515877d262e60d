#ifndef CERTPOOL_CA_SERVICE_REVOCATION_REQUEST_H
#define CERTPOOL_CA_SERVICE_REVOCATION_REQUEST_H

#include "common/ca/revocation/publish_crl.h"
#include "common/wire/revocation.h"

/*
 * The CA's half of POST /v1/revocations: revokes what an authenticated client asks for, of its own
 * certificates alone, all of it or nothing, and publishes the CRL. *ret_answer's claims are left to
 * the caller.
 * What the client may not do is refused in *ret_answer, with its event in the audit log: not_yours,
 * not_issued. When only the CRL could not be made the revocation stands, the answer has no CRL
 * number, and *ret_trouble says why.
 * -1 only when the CA itself failed: nothing was revoked then.
 */
int revoke_own(const struct ca_crl_options *terms, const char *client,
	       const struct revocation_request *request, int64_t now_s,
	       struct revocation_answer *ret_answer, struct fault *ret_trouble,
	       struct fault *fault) MUST_CHECK;

#endif
