#ifndef CERTPOOL_CRYPTO_SIGNATURE_H
#define CERTPOOL_CRYPTO_SIGNATURE_H

#include "common/base/verdict.h"
#include "common/crypto/key.h"

/* Signatures by the keys of key.h. */

/* Algorithms by their JOSE names (RFC 7518 section 3.1, RFC 8037). */
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

/* The algorithm that sign_message and sign_object_data use: ES256, ES384, EdDSA or RS256. */
enum signature_algorithm default_signature_algorithm(enum key_type type);

/* Whether the algorithm may be used with a key of the type: one for each, but RS256 and PS256 for
   RSA. */
bool signature_algorithm_fits(enum signature_algorithm algorithm, enum key_type type);

/*
 * Signs the data. The signature has its JOSE form: for ECDSA R || S of fixed length (RFC 7518
 * section 3.4), else the octets of RFC 8017 and RFC 8032.
 * Errors: FAULT_FAILED also for an algorithm that does not fit the key.
 */
int sign_data(const struct private_key *key, enum signature_algorithm algorithm, struct bytes data,
	      struct buffer *ret_signature, struct fault *fault) MUST_CHECK;

/*
 * Whether the signature (JOSE form) over the data is by the key. Invalid also for an algorithm that
 * does not fit the key, for another length than the exact one, and if R or S is 0 or not below the
 * group's order.
 */
int verify_data(const struct public_key *key, enum signature_algorithm algorithm, struct bytes data,
		struct bytes signature, struct verdict *verdict, struct fault *fault) MUST_CHECK;

/*
 * The same for signatures in X.509 objects, which for ECDSA are a SEQUENCE of R and S (RFC 3279
 * section 2.2.3) and for RSA PKCS #1 v1.5. sign_object_data uses default_signature_algorithm;
 * verify_object_data uses the digest that the object names, except with Ed25519, which has its own.
 */
int sign_object_data(const struct private_key *key, struct bytes data, struct buffer *ret_signature,
		     struct fault *fault) MUST_CHECK;
int verify_object_data(const struct public_key *key, enum digest_algorithm digest,
		       struct bytes data, struct bytes signature, struct verdict *verdict,
		       struct fault *fault) MUST_CHECK;

/*
 * sign_object_data for what an authority gives out: ECDSA's secret number is hedged
 * (ecdsa_nonce.h), and the signature is verified before it is returned. A fault of the processor or
 * of the memory then lets out no wrong signature, which would reveal the key.
 * CHECK_WITH_PRIVATE_KEY costs a third of CHECK_WITH_PUBLIC_KEY for an ECDSA key in memory, and is
 * the same for all others. Shape: public_key belongs to key. Errors: as for
 * sign_object_data; FAULT_FAILED for a wrong signature.
 */
enum signature_check { CHECK_WITH_PUBLIC_KEY, CHECK_WITH_PRIVATE_KEY };

struct checked_signer {
	const struct private_key *key;
	const struct public_key *public_key;
	enum signature_check check;
};

int sign_checked_object_data(const struct checked_signer *signer, struct bytes data,
			     struct buffer *ret_signature, struct fault *fault) MUST_CHECK;

/*
 * Whether the signature in an X.509 object has the right form for a key of the type. ECDSA: the one
 * DER form of R and S (X.690 section 8.3), each from 1 to the group's order - 1. Other types: the
 * exact length.
 */
bool canonical_signature(enum key_type type, struct bytes signature);

#endif
