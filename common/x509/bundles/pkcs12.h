#ifndef CERTPOOL_X509_BUNDLES_PKCS12_H
#define CERTPOOL_X509_BUNDLES_PKCS12_H

#include "common/x509/certificate.h"

/* A key pair's certificate and those above it, without the root. Borrowed. */
struct key_bundle {
	const struct private_key *key;
	const struct certificate *const *certificates; /* the key's first */
	size_t count;                                  /* at least 1 */
	const char *name; /* friendlyName, which programs show for it */
};

/*
 * Writes PKCS#12 (RFC 7292), DER: key and certificates under the passphrase (PBES2, AES-256-CBC),
 * and a MAC (HMAC with SHA-256). The rounds are GnuTLS's: 600,000 in Debian 12's, 5,120 and 10,240
 * in those of before, which protect a good passphrase, not a short one. Shape: the passphrase has 1
 * to PASSPHRASE_MAX octets without control characters. Errors: FAULT_USAGE unless it is UTF-8,
 * FAULT_REFUSED for a key in a token.
 */
int format_pkcs12(const struct key_bundle *bundle, const struct secret *passphrase,
		  struct buffer *ret_der, struct fault *fault) MUST_CHECK;

#endif
