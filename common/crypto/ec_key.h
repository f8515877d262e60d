#ifndef CERTPOOL_CRYPTO_EC_KEY_H
#define CERTPOOL_CRYPTO_EC_KEY_H

#include "common/base/bytes.h"
#include "common/base/key_type.h"

#include <gnutls/abstract.h>

/*
 * For this folder: ECDSA keys on P-256 and P-384, computed with by Nettle. GnuTLS does the same
 * arithmetic through objects that cost as much again, generates a key with two multiplications, and
 * is less strict about forms.
 */

/* A private key: a scalar, and the point that is its public half. */
struct ec_key;

/* A public key: a point of the curve, which is never the identity. */
struct ec_point;

/* Octets of a coordinate, of a scalar, and of each half of a signature. */
enum { EC_OCTETS_MAX = 48 };

/* Whether the type is KEY_ECDSA_P256 or KEY_ECDSA_P384, which the functions below are for. */
bool is_ec_key_type(enum key_type type);

size_t ec_octets(enum key_type type);

/* A scalar from the kernel, and one multiplication. */
int generate_ec_key(enum key_type type, struct ec_key **ret_key, struct fault *fault) MUST_CHECK;

/* Takes a key out of GnuTLS, which read it and found that its halves belong together. */
int import_ec_key(enum key_type type, gnutls_privkey_t handle, struct ec_key **ret_key,
		  struct fault *fault) MUST_CHECK;
void free_ec_key(struct ec_key **key);

/*
 * PKCS#8 DER (RFC 5958) in which the scalar has the length that RFC 5915 section 3 asks for. GnuTLS
 * writes the scalar as an INTEGER's octets, 33 of them half the time for P-256, which strict
 * readers refuse.
 */
int format_ec_key(const struct ec_key *key, struct secret *ret_der, struct fault *fault) MUST_CHECK;

/* Appends the SubjectPublicKeyInfo of the key's public half (RFC 5480 section 2). */
void append_ec_spki(const struct ec_key *key, struct buffer *buffer);

/*
 * Reads a SubjectPublicKeyInfo in the one DER form that a key on one of the curves has, named and
 * uncompressed. *ret_point is NULL for anything else, which is not looked into. FAULT_REFUSED when
 * the coordinates are not a point of the curve.
 */
int parse_ec_spki(struct bytes spki, enum key_type *ret_type, struct ec_point **ret_point,
		  struct fault *fault) MUST_CHECK;
void free_ec_point(struct ec_point **point);

/* ECDSA (FIPS 186-4 section 6) over a digest. Appends R || S, each of ec_octets. */
int sign_with_ec_key(const struct ec_key *key, struct bytes digest, struct buffer *signature,
		     struct fault *fault) MUST_CHECK;

/* Shape: the signature has twice ec_octets. False also for R or S that is out of range. */
bool verify_with_ec_point(const struct ec_point *point, struct bytes digest,
			  struct bytes signature);

#endif
