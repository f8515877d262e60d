#ifndef CERTPOOL_X509_REVOCATION_CRL_BUILDER_H
#define CERTPOOL_X509_REVOCATION_CRL_BUILDER_H

#include "common/x509/issuer.h"
#include "common/x509/revocation/crl.h"

/*
 * Writes a CRL (RFC 5280 section 5) as DER: begin_crl, then add_crl_entry for each revoked
 * certificate, then finish_crl. In memory are only the DER of the entries, about 53 octets each,
 * and a second copy while the CRL is signed. The time is linear in the number of entries; with
 * GnuTLS it would be quadratic.
 *
 * The CRL has version 2; the issuer's name as in its certificate; authorityKeyIdentifier and CRL
 * number; each entry with its reason, unless the reason is unspecified; entries in the order in
 * which they were added; no list if there are no entries (section 5.1.2.6).
 *
 * Not done: detecting a serial that is added twice.
 */

struct crl_options {
	uint64_t number; /* grows with every CRL of the issuer (section 5.2.3) */
	int64_t this_update_s;
	int64_t next_update_s;
	int64_t now_s; /* for the signer */
};

struct crl_entry {
	uint8_t serial[SERIAL_MAX]; /* positive; leading zeros are not written */
	int64_t revoked_at_s;
	int reason; /* enum crl_reason */
};

/* Zero-initialised is empty. */
struct crl_builder {
	const struct issuer *issuer;
	uint64_t number;
	int64_t now_s;
	struct buffer body; /* the octets to be signed, as far as they are written */
	size_t list;        /* offset in the body at which the entries begin */
	size_t count;
};

/*
 * Begins a CRL. builder must be empty; the issuer is borrowed until finish_crl.
 * Errors: FAULT_REFUSED unless thisUpdate is before nextUpdate, both within 1970 to 9999, and the
 * issuer's certificate allows cRLSign.
 */
int begin_crl(struct crl_builder *builder, const struct issuer *issuer,
	      const struct crl_options *options, struct fault *fault) MUST_CHECK;

/*
 * Adds an entry.
 * Errors: FAULT_FAILED for a serial that is not positive, a reason that a complete CRL cannot have,
 * or a time outside 1970 to 9999; FAULT_TOO_LARGE if the CRL would exceed CRL_DER_MAX.
 */
int add_crl_entry(struct crl_builder *builder, const struct crl_entry *entry,
		  struct fault *fault) MUST_CHECK;

/* Has the issuer sign the CRL. The builder is empty afterwards, also on failure. */
int finish_crl(struct crl_builder *builder, struct buffer *ret_der, struct fault *fault) MUST_CHECK;

void clear_crl_builder(struct crl_builder *builder);

/* The PEM of a CRL, -----BEGIN X509 CRL----- (RFC 7468 section 6). */
int format_crl_pem(struct bytes der, struct buffer *ret_pem, struct fault *fault) MUST_CHECK;

#endif
