#ifndef CERTPOOL_X509_INTERMEDIATES_H
#define CERTPOOL_X509_INTERMEDIATES_H

#include "common/crypto/signed_message.h"
#include "common/x509/certificate.h"

/* More than a path may have, so that the issuers of old certificates, and others that are of no
   use, have room beside those of a path. */
enum { INTERMEDIATES_MAX = 16 };

/*
 * Certificates between those of members and a root, in any order. A path may go through them, but
 * they are not trusted by themselves. Zero-initialised is empty.
 */
struct intermediates {
	struct certificate *certificates[INTERMEDIATES_MAX];
	size_t count;
};

enum { INTERMEDIATES_PEM_MAX = INTERMEDIATES_MAX * CERTIFICATE_PEM_MAX };

/* The array that verify_chain and find_issuer take; borrowed. */
const struct certificate *const *
intermediate_certificates(const struct intermediates *intermediates);

/* Takes ownership of the certificate, also on failure. Errors: FAULT_TOO_LARGE beyond
 * INTERMEDIATES_MAX. */
int add_intermediate(struct intermediates *intermediates, struct certificate **certificate,
		     struct fault *fault) MUST_CHECK;

/* Adds copies of the others that are not in the set yet, in their order, until the set has `most`,
   which is at most INTERMEDIATES_MAX. */
int merge_intermediates(struct intermediates *intermediates, const struct intermediates *others,
			size_t most, struct fault *fault) MUST_CHECK;

/* Whether the set has a certificate with the same DER. */
bool has_intermediate(const struct intermediates *intermediates,
		      const struct certificate *certificate);

/*
 * Reads PEM blocks, one after the other; empty text gives an empty set.
 * Shape: the caller limits the text to INTERMEDIATES_PEM_MAX.
 * Errors: FAULT_MALFORMED, FAULT_TOO_LARGE, FAULT_REFUSED as of parse_certificate_pem.
 */
int parse_intermediates(struct bytes text, struct intermediates *ret_intermediates,
			struct fault *fault) MUST_CHECK;

/*
 * The same for text from somebody else: certificates that cannot be read, or are not supported, are
 * left out. *left_out says which the first of them is, and why; its class is FAULT_NONE if there is
 * none.
 */
int parse_usable_intermediates(struct bytes text, struct intermediates *ret_intermediates,
			       struct fault *left_out, struct fault *fault) MUST_CHECK;

/* Writes the PEM blocks, one after the other. */
int format_intermediates(const struct intermediates *intermediates, struct buffer *ret_text,
			 struct fault *fault) MUST_CHECK;
void clear_intermediates(struct intermediates *intermediates);

#endif
