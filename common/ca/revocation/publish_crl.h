#ifndef CERTPOOL_CA_REVOCATION_PUBLISH_CRL_H
#define CERTPOOL_CA_REVOCATION_PUBLISH_CRL_H

#include "common/ca/store/crl_state.h"
#include "common/layout/layout.h"
#include "common/x509/issuer.h"

/*
 * The CA's current CRL, cert/ca.crl in its layout (DER). Whoever publishes, the server or a verb,
 * holds state/crl meanwhile; who waited for that finds a CRL that covers what it came for, so that
 * a burst of revocations makes one.
 */
#define CRL_FILE "ca.crl"

struct ca_crl_options {
	struct store *store;
	const struct layout *layout;
	const struct issuer *issuer;
	int64_t validity_s;
};

struct crl_info {
	uint64_t number;
	int64_t this_update_s;
	int64_t next_update_s;
	size_t entries; /* when it was made now */
	bool made;      /* now; else the one that stood is current */
};

enum crl_publishing {
	CRL_WHEN_DUE,
	CRL_ANYWAY, /* also when the one that stands is current */
};

/*
 * Sees to it that the CRL is current: it has everything that is revoked, and a third of its time is
 * left. thisUpdate is never earlier than before, whatever the clock says; a certificate that is
 * revoked stays on it until a CRL that was made after its end has been replaced, and its validity
 * has passed once more.
 */
int publish_crl(const struct ca_crl_options *terms, enum crl_publishing mode, int64_t now_s,
		struct crl_info *ret_info, struct fault *fault) MUST_CHECK;

/*
 * What is revoked and ended before this time is left out of a CRL that is made now, in place of the
 * one that stands (`before`).
 */
int64_t choose_crl_cut(const struct crl_state *before, int64_t validity_s, int64_t now_s);

/* Whether it is, without making it: for /health and `check`. */
int check_crl(const struct ca_crl_options *terms, int64_t now_s, struct fault *fault) MUST_CHECK;

/* The file's content; publish first. */
int read_crl(const struct layout *layout, struct buffer *ret_der, struct fault *fault) MUST_CHECK;

#endif
