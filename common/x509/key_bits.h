#ifndef CERTPOOL_X509_KEY_BITS_H
#define CERTPOOL_X509_KEY_BITS_H

#include "common/base/bytes.h"

#include <gnutls/gnutls.h>

enum { SHA1_LEN = 20 };

/*
 * The digest of a public key's bits: of its BIT STRING without tag, length and the count of unused
 * bits. With SHA-1 it is a subjectKeyIdentifier (RFC 5280 section 4.2.1.2, method 1), and what OCSP
 * calls a key hash (RFC 6960 sections 4.1.1 and 4.2.1). It is a name, not a proof.
 * Shape: spki is a SubjectPublicKeyInfo's DER; ret_digest has room for the digest.
 */
int digest_key_bits(struct bytes spki, gnutls_digest_algorithm_t algorithm, uint8_t *ret_digest,
		    struct fault *fault) MUST_CHECK;

#endif
