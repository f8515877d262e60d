#ifndef CERTPOOL_CRYPTO_EC_KEY_H
#define CERTPOOL_CRYPTO_EC_KEY_H

#include "common/base/bytes.h"
#include "common/base/key_type.h"

#include <gnutls/abstract.h>

/*
 * ECDSA keys on P-256 and P-384, on Nettle. For this folder. GnuTLS's objects double the cost of
 * the same arithmetic; GnuTLS also generates a key with two multiplications instead of one, and
 * accepts more encodings.
 */

/* A private key: a scalar, and the point of its public key. */
struct ec_key;

/* A public key: a point of the curve, which is never the identity. */
struct ec_point;

/* The greatest length in octets of a coordinate, of a scalar, and of R and S. */
enum { EC_OCTETS_MAX = 48 };

/* Whether the type is KEY_ECDSA_P256 or KEY_ECDSA_P384. The functions below need one of these. */
bool is_ec_key_type(enum key_type type);

/* The length on the curve of the type: 32 or 48, at most EC_OCTETS_MAX. */
size_t ec_octets(enum key_type type);

/* The order of the group (SEC 2 sections 2.4.2 and 2.5.1): ec_octets, without leading zeros. */
struct bytes ec_order(enum key_type type);

/* Draws a scalar from the kernel's random numbers, and multiplies once. */
int generate_ec_key(enum key_type type, struct ec_key **ret_key, struct fault *fault) MUST_CHECK;

/* Copies a key out of a GnuTLS handle. Shape: GnuTLS has checked that scalar and point match. */
int import_ec_key(enum key_type type, gnutls_privkey_t handle, struct ec_key **ret_key,
		  struct fault *fault) MUST_CHECK;
void free_ec_key(struct ec_key **key);

/*
 * Writes PKCS#8 DER (RFC 5958) with a scalar of the length that RFC 5915 section 3 asks for. GnuTLS
 * writes the scalar like an INTEGER: half of its P-256 keys have 33 octets, which strict readers
 * refuse.
 */
int format_ec_key(const struct ec_key *key, struct secret *ret_der, struct fault *fault) MUST_CHECK;

/* Appends the SubjectPublicKeyInfo (RFC 5480 section 2) of the public key. */
void append_ec_spki(const struct ec_key *key, struct buffer *buffer);

/*
 * Reads the SubjectPublicKeyInfo of a key on one of the curves, in its one DER form: named curve,
 * uncompressed point. For any other octets *ret_point is NULL, without a fault.
 * Errors: FAULT_REFUSED if the coordinates are not a point of the curve.
 */
int parse_ec_spki(struct bytes spki, enum key_type *ret_type, struct ec_point **ret_point,
		  struct fault *fault) MUST_CHECK;
void free_ec_point(struct ec_point **point);

/*
 * Where the secret number of a signature comes from: the kernel's random numbers, or the key, the
 * digest and the kernel's random numbers (ecdsa_nonce.h). The latter hashes some 1,500 octets.
 */
enum ecdsa_randomness { RANDOMNESS_OF_KERNEL, RANDOMNESS_HEDGED };

/* Signs a digest with ECDSA (FIPS 186-4 section 6). Appends R || S, each of ec_octets. */
int sign_with_ec_key(const struct ec_key *key, enum ecdsa_randomness randomness,
		     struct bytes digest, struct buffer *signature, struct fault *fault) MUST_CHECK;

/*
 * Whether the signature of the digest is by the private key. This takes one multiplication of the
 * base point, a third of the cost of verify_with_ec_point. The scalar is another copy than that of
 * sign_with_ec_key, so that a fault in either is found.
 * Shape: the signature is R || S, each of ec_octets; the digest has at most ec_octets.
 */
bool check_with_ec_key(const struct ec_key *key, struct bytes digest, struct bytes signature);

/* Whether the signature of the digest is by the key. False also if R or S is out of range.
   Shape: the signature is R || S, each of ec_octets. */
bool verify_with_ec_point(const struct ec_point *point, struct bytes digest,
			  struct bytes signature);

#endif
