#ifndef CERTPOOL_X509_INTERMEDIATES_H
#define CERTPOOL_X509_INTERMEDIATES_H

#include "common/crypto/signed_message.h"
#include "common/x509/certificate.h"

/*
 * Certificates between members' and a root, in any order: what a path may be found through, and
 * never what is trusted. Zero-initialised is none.
 */
struct intermediates {
	struct certificate *certificates[CHAIN_MAX];
	size_t count;
};

enum { INTERMEDIATES_PEM_MAX = CHAIN_MAX * CERTIFICATE_PEM_MAX };

/* What verify_chain and find_issuer take. */
const struct certificate *const *
intermediate_certificates(const struct intermediates *intermediates);

/* Takes the certificate over, also on failure. FAULT_TOO_LARGE beyond CHAIN_MAX. */
int add_intermediate(struct intermediates *intermediates, struct certificate **certificate,
		     struct fault *fault) MUST_CHECK;

/* Adds copies of the others that are not there yet, in their order, while there is room. */
int merge_intermediates(struct intermediates *intermediates, const struct intermediates *others,
			struct fault *fault) MUST_CHECK;

/* Whether this very certificate is one of them. */
bool has_intermediate(const struct intermediates *intermediates,
		      const struct certificate *certificate);

/* Reads PEM, one after the other: none is none. FAULT_MALFORMED, FAULT_TOO_LARGE. */
int parse_intermediates(struct bytes text, struct intermediates *ret_intermediates,
			struct fault *fault) MUST_CHECK;

int format_intermediates(const struct intermediates *intermediates, struct buffer *ret_text,
			 struct fault *fault) MUST_CHECK;
void clear_intermediates(struct intermediates *intermediates);

#endif
