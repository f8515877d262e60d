#ifndef CERTPOOL_CRYPTO_ECDSA_NONCE_H
#define CERTPOOL_CRYPTO_ECDSA_NONCE_H

#include "common/base/key_type.h"
#include "common/crypto/digest.h"

/*
 * The secret numbers of ECDSA signatures, for ec_key.c: made from the private key, the digest and
 * fresh random octets (RFC 6979 sections 3.2 and 3.6). A source of random numbers that repeats
 * itself then gives no two digests the same number, which would reveal the key; and without knowing
 * the random octets nobody can have two signatures over one digest that differ by a fault alone.
 */
struct ecdsa_nonces {
	enum digest_algorithm hash;
	size_t octets;             /* of a number */
	uint8_t key[DIGEST_MAX];   /* K of the RFC */
	uint8_t value[DIGEST_MAX]; /* V */
	bool drawn;
};

/*
 * HMAC is with SHA-256 for P-256, and with SHA-384 for P-384. If the digest is of the same function
 * and there are no extra octets, the numbers are those of section 3.2. The caller wipes the struct.
 * Shape: is_ec_key_type(type); the scalar has ec_octets.
 */
void init_ecdsa_nonces(struct ecdsa_nonces *nonces, enum key_type type, const uint8_t *scalar,
		       struct bytes digest, struct bytes extra);

/* The next number. Shape: len is that of the scalar. */
void draw_ecdsa_nonce(struct ecdsa_nonces *nonces, size_t len, uint8_t *ret_octets);

/* Where the secret number of one signature comes from. */
struct nonce_source {
	struct ecdsa_nonces *hedged; /* NULL: from the kernel alone */
	bool failed; /* the kernel gave none: what was signed is to be thrown away */
	struct fault *fault;
};

/*
 * The next number of a nonce_source, for Nettle (nettle_random_func), which draws again until it is
 * in range, and cannot be told that there is none. Shape: len is that of the scalar.
 */
void draw_nonce(void *source, size_t len, uint8_t *ret_octets);

#endif
