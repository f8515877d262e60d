#ifndef CERTPOOL_CRYPTO_SIGNATURE_H
#define CERTPOOL_CRYPTO_SIGNATURE_H

#include "common/base/verdict.h"
#include "common/crypto/key.h"

/* How a signature is made, and its JOSE name (RFC 7518 section 3.1, RFC 8037). */
enum signature_algorithm {
	SIGNATURE_ES256,
	SIGNATURE_ES384,
	SIGNATURE_EDDSA,
	SIGNATURE_RS256,
	SIGNATURE_PS256,
	SIGNATURE_ALGORITHM_COUNT,
};

const char *format_signature_algorithm(enum signature_algorithm algorithm);
int parse_signature_algorithm(const char *name, enum signature_algorithm *ret_algorithm,
			      struct fault *fault) MUST_CHECK;

/* What we sign with under a key of the type: ES256, ES384, EdDSA, RS256. */
enum signature_algorithm default_signature_algorithm(enum key_type type);

/* Whether the algorithm may be used with a key of the type (an RSA key: RS256 and PS256). */
bool signature_algorithm_fits(enum signature_algorithm algorithm, enum key_type type);

/*
 * Signs the data. The signature has its JOSE form: R || S of fixed length for ECDSA (RFC 7518
 * section 3.4), else as RFC 8017 and RFC 8032 have it.
 */
int sign_data(const struct private_key *key, enum signature_algorithm algorithm, struct bytes data,
	      struct buffer *ret_signature, struct fault *fault) MUST_CHECK;

/*
 * Whether the signature (JOSE form) over the data is by the key. A length that is not the exact
 * one, R or S of 0 or not below the group's order: invalid.
 * Errors: only when it could not be judged.
 */
int verify_data(const struct public_key *key, enum signature_algorithm algorithm, struct bytes data,
		struct bytes signature, struct verdict *verdict, struct fault *fault) MUST_CHECK;

/*
 * The same for signatures inside X.509 objects, which for ECDSA have R and S as a SEQUENCE (RFC
 * 3279 section 2.2.3). Signed is with the digest that a key of the type signs with; an object to
 * verify names a digest of its own, which Ed25519 does not use, and RSA is PKCS #1 v1.5.
 */
int sign_object_data(const struct private_key *key, struct bytes data, struct buffer *ret_signature,
		     struct fault *fault) MUST_CHECK;
int verify_object_data(const struct public_key *key, enum digest_algorithm digest,
		       struct bytes data, struct bytes signature, struct verdict *verdict,
		       struct fault *fault) MUST_CHECK;

/*
 * Whether an ECDSA signature is in the one DER form of its R and S (X.690 section 8.3), each from 1
 * to the group's order - 1. Other key types: whether the length is the exact one.
 */
bool canonical_signature(enum key_type type, struct bytes signature);

#endif
