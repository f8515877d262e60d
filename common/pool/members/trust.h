#ifndef CERTPOOL_POOL_MEMBERS_TRUST_H
#define CERTPOOL_POOL_MEMBERS_TRUST_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"
#include "common/x509/chain.h"
#include "common/x509/intermediates.h"

/*
 * The root that a layout trusts, cert/root.crt, and the intermediates that were met below it,
 * cert/ca.crt: those are not trusted, and only help to find a path.
 */

#define ROOT_FILE "root.crt"
#define INTERMEDIATES_FILE "ca.crt"

/* FAULT_NOT_FOUND says to run init or join. The root must be in PROFILE_ROOT. */
int read_root(const struct layout *layout, struct certificate **ret_root,
	      struct fault *fault) MUST_CHECK;

/*
 * Pins a root: writes cert/root.crt. The same one there already is a success; another is
 * FAULT_REFUSED, and stays. The caller holds the layout's lock.
 */
int pin_root(const struct layout *layout, struct bytes root_der, bool *ret_written,
	     struct fault *fault) MUST_CHECK;

/* Those of cert/ca.crt; none without that file. */
int read_intermediates(const struct layout *layout, struct intermediates *ret_intermediates,
		       struct fault *fault) MUST_CHECK;

/*
 * Sees to it that they are in cert/ca.crt. What is there already stays behind them, since older
 * certificates may need it, up to CHAIN_MAX in all. The caller holds the layout's lock.
 */
int keep_intermediates(const struct layout *layout, const struct intermediates *intermediates,
		       bool *ret_written, struct fault *fault) MUST_CHECK;

/*
 * Fetches GET /root.crt from the CA (no authentication), refuses (FAULT_UNVERIFIED) one whose
 * SHA-256 of the DER is another than expected, and one not in PROFILE_ROOT.
 */
int fetch_root(const struct endpoint *endpoint, const uint8_t expected_sha256[static SHA256_LEN],
	       struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * Fetches GET /ca.crt, the CA's issuing certificate: none when that is the root, FAULT_UNVERIFIED
 * when it is no intermediate by the root.
 */
int fetch_intermediates(const struct endpoint *endpoint, struct bytes root_der,
			struct intermediates *ret_intermediates, struct fault *fault) MUST_CHECK;

#endif
