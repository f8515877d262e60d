#ifndef CERTPOOL_CRYPTO_JOSE_PUBLIC_JWK_H
#define CERTPOOL_CRYPTO_JOSE_PUBLIC_JWK_H

#include "common/crypto/key.h"

/*
 * Reads a public key as JWK (RFC 7517): kty EC with crv P-256 or P-384 (RFC 7518 section 6.2), OKP
 * with Ed25519 (RFC 8037 section 2), RSA (RFC 7518 section 6.3). Numbers have the one length that
 * their section asks for. Other members are ignored, as RFC 7517 section 4 has it, but those of a
 * private or symmetric key. Owns: free_public_key.
 * Errors: FAULT_MALFORMED; FAULT_REFUSED for a key that is weak, private or not of our types.
 */
struct json_t;
int parse_public_jwk(const struct json_t *jwk, struct public_key **ret_key,
		     struct fault *fault) MUST_CHECK;

/* The thumbprint of a key (RFC 7638) with SHA-256: the digest of its JWK with the required members
   alone, in their one form. */
int compute_jwk_thumbprint(const struct public_key *key, uint8_t ret_sha256[static SHA256_LEN],
			   struct fault *fault) MUST_CHECK;

#endif
