#ifndef CERTPOOL_CRYPTO_MESSAGE_H
#define CERTPOOL_CRYPTO_MESSAGE_H

#include "common/crypto/shared_key.h"

/*
 * The two functions through which every message between nodes passes: JWE compact (RFC 7516), alg
 * A256KW (RFC 3394, RFC 7518 section 4.4), enc A256GCM (section 5.3), with Nettle's AES. Every
 * message has a content key of its own, so that no nonce of a long-lived key can repeat.
 */

enum { TYPE_SIZE = 64 };

/*
 * Encrypts the plaintext under the key shared with a peer.
 * Header: {"alg":"A256KW","enc":"A256GCM","kid":…,"typ":…,"cty":…}; cty NULL is left out.
 * Shape: typ and cty of fewer than TYPE_SIZE characters, from A-Za-z0-9.+-/ alone.
 */
int encrypt_message(const struct shared_key *key, const char *typ, const char *cty,
		    struct bytes plaintext, struct buffer *ret_jwe, struct fault *fault) MUST_CHECK;

struct decrypted_message {
	char peer[NAME_SIZE]; /* whose shared key it came under */
	char typ[TYPE_SIZE];  /* "" when the header has none */
	char cty[TYPE_SIZE];
	struct secret plaintext;
};

/*
 * Decrypts and authenticates. Before any cryptography the header must be exactly one JSON object
 * with string members from the list alg, enc, kid, typ, cty, alg and enc ours, kid there; five
 * parts; encrypted_key of 40 octets, IV of 12, tag of 16. An unknown kid takes the same way as a
 * wrong key.
 * Errors: FAULT_UNDECRYPTABLE whatever is wrong; the text says what, for the log of this node. What
 * is answered to the other side must be the same for all (net does so for the class).
 */
int decrypt_message(const struct key_ring *ring, struct bytes jwe,
		    struct decrypted_message *ret_message, struct fault *fault) MUST_CHECK;
void clear_decrypted_message(struct decrypted_message *message);

#endif
