#ifndef CERTPOOL_TESTS_BENCH_PARTS_QUICK_SIGNER_H
#define CERTPOOL_TESTS_BENCH_PARTS_QUICK_SIGNER_H

#include "common/base/bytes.h"
#include "common/crypto/digest.h"

#include <gmp.h>

/*
 * Signs ES256 for a load generator, which shares the machine with the server that is measured: all
 * signatures are made from one secret number, whose multiple of the base point, which is nearly all
 * of the work, is computed once. The server cannot tell, and has as much to check as ever; but two
 * of the signatures give the private key away, so that it may be good for nothing else.
 */
struct quick_signer {
	mpz_t order; /* of the group of P-256 */
	mpz_t key;
	mpz_t inverse; /* of the secret number */
	mpz_t r;
	struct buffer jwk; /* of the public key (RFC 7518 section 6.2.1) */
};

/* Draws key and number. Owns: clear_quick_signer, which a zeroed struct does not need. */
int init_quick_signer(struct quick_signer *signer, struct fault *fault) MUST_CHECK;
void clear_quick_signer(struct quick_signer *signer);

/* Appends R || S (RFC 7518 section 3.4). */
void sign_quickly(const struct quick_signer *signer, struct bytes data, struct buffer *signature);

#endif
