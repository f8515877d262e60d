#ifndef CERTPOOL_POOL_TRUST_H
#define CERTPOOL_POOL_TRUST_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"
#include "common/x509/chain.h"

/* The root that a layout trusts, cert/root.crt, and what goes with it. */

#define ROOT_FILE "root.crt"

/* FAULT_NOT_FOUND says to run init or join. The root must be in PROFILE_ROOT. */
int read_root(const struct layout *layout, struct certificate **ret_root,
	      struct fault *fault) MUST_CHECK;

/*
 * Pins a root: writes cert/root.crt. The same one there already is a success; another is
 * FAULT_REFUSED, and stays. The caller holds the layout's lock.
 */
int pin_root(const struct layout *layout, struct bytes root_der, bool *ret_written,
	     struct fault *fault) MUST_CHECK;

/*
 * Fetches GET /root.crt from the CA (no authentication), refuses (FAULT_UNVERIFIED) one whose
 * SHA-256 of the DER is another than expected, and one not in PROFILE_ROOT.
 */
int fetch_root(const struct endpoint *endpoint, const uint8_t expected_sha256[static SHA256_LEN],
	       struct buffer *ret_der, struct fault *fault) MUST_CHECK;

#endif
