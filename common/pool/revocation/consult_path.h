#ifndef CERTPOOL_POOL_REVOCATION_CONSULT_PATH_H
#define CERTPOOL_POOL_REVOCATION_CONSULT_PATH_H

#include "common/pool/revocation/crl_source.h"
#include "common/x509/chain.h"

/*
 * Looks every certificate of a path below the root up in the CRL of its issuer: a member's
 * certificate is worth nothing when that of the CA which issued it is revoked (RFC 5280 section
 * 6.1.3 (a)(3)). *ret_finding is that of the first certificate which is revoked, else of the first
 * whose status is unknown, else of the member's.
 * Shape: the path is of verify_chain.
 */
void consult_path(struct crl_source *source, const struct path *path, int64_t at_s,
		  struct crl_finding *ret_finding);

/* Makes the verdict invalid, by a finding that a certificate is revoked. */
void reject_revoked(const struct crl_finding *finding, struct verdict *verdict);

/* consult_path as a check: every status but CRL_GOOD makes the verdict invalid. */
void check_path_status(struct crl_source *source, const struct path *path, int64_t at_s,
		       struct verdict *verdict);

#endif
