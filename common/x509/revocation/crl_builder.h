#ifndef CERTPOOL_X509_REVOCATION_CRL_BUILDER_H
#define CERTPOOL_X509_REVOCATION_CRL_BUILDER_H

#include "common/x509/issuer.h"
#include "common/x509/revocation/crl.h"

/*
 * Makes a CRL (RFC 5280 section 5) as DER, written directly: begin_crl, add_crl_entry for each
 * certificate that is revoked, finish_crl. The entries may come one by one from elsewhere; what is
 * held is their DER alone, some 53 octets each, and that twice while it is signed. Adding entries
 * is linear: with GnuTLS it would be quadratic.
 *
 * Version 2; the issuer's name as its certificate has it; authorityKeyIdentifier and CRL number;
 * each entry with its reason, unless that is unspecified; entries in the order in which they were
 * added; no list at all when there are none (section 5.1.2.6).
 *
 * Not done: noticing a serial that is added twice.
 */

struct crl_options {
	uint64_t number; /* grows with every CRL of the issuer (section 5.2.3) */
	int64_t this_update_s;
	int64_t next_update_s;
};

struct crl_entry {
	uint8_t serial[SERIAL_MAX]; /* positive; zeros in front are not written */
	int64_t revoked_at_s;
	int reason; /* enum crl_reason */
};

/* Zero-initialised is empty. */
struct crl_builder {
	const struct issuer *issuer;
	uint64_t number;
	struct buffer body; /* what is to be signed, as far as it goes */
	size_t list;        /* where in it the entries begin */
	size_t count;
};

/*
 * The issuer must live until the CRL is finished. builder must be empty.
 * Errors: FAULT_REFUSED unless thisUpdate is before nextUpdate, both from 1970 to 9999, and the
 * issuer's certificate allows cRLSign.
 */
int begin_crl(struct crl_builder *builder, const struct issuer *issuer,
	      const struct crl_options *terms, struct fault *fault) MUST_CHECK;

/* Errors: FAULT_FAILED for an entry that cannot be: a serial or a reason that is none, a time
   outside 1970 to 9999; FAULT_TOO_LARGE when the CRL would be larger than CRL_DER_MAX. */
int add_crl_entry(struct crl_builder *builder, const struct crl_entry *entry,
		  struct fault *fault) MUST_CHECK;

/* Signs. The builder is empty afterwards, also after a failure. */
int finish_crl(struct crl_builder *builder, struct buffer *ret_der, struct fault *fault) MUST_CHECK;

void clear_crl_builder(struct crl_builder *builder);

/* PEM, -----BEGIN X509 CRL----- (RFC 7468 section 6). */
int format_crl_pem(struct bytes der, struct buffer *ret_pem, struct fault *fault) MUST_CHECK;

#endif
