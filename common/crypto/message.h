#ifndef CERTPOOL_CRYPTO_MESSAGE_H
#define CERTPOOL_CRYPTO_MESSAGE_H

#include "common/crypto/shared_key.h"

/*
 * Encryption of the messages between nodes: JWE compact (RFC 7516), alg A256KW (RFC 3394, RFC 7518
 * section 4.4), enc A256GCM (section 5.3), with Nettle's AES. Every message has its own content
 * key, so that no nonce of a long-lived key can repeat.
 */

enum { TYPE_SIZE = 64 };

/*
 * Encrypts the plaintext under the key shared with a peer.
 * Header: {"alg":"A256KW","enc":"A256GCM","kid":…,"typ":…,"cty":…}; without cty if it is NULL.
 * Shape: typ and cty have fewer than TYPE_SIZE characters, all from A-Za-z0-9.+-/.
 */
int encrypt_message(const struct shared_key *key, const char *typ, const char *cty,
		    struct bytes plaintext, struct buffer *ret_jwe, struct fault *fault) MUST_CHECK;

struct decrypted_message {
	char peer[NAME_SIZE];  /* the peer with whom the key is shared */
	char kid[KEY_ID_SIZE]; /* of the key */
	bool under_old_key;    /* which has a successor: shared_key.h */
	char typ[TYPE_SIZE];   /* "": the header has none */
	char cty[TYPE_SIZE];   /* "": the header has none */
	struct secret plaintext;
};

/*
 * Decrypts and authenticates. These checks come before any cryptography: there are five parts; the
 * header is exactly one JSON object with string members among alg, enc, kid, typ and cty; alg and
 * enc are as above, and kid is present; encrypted_key has 40 octets, the IV 12 and the tag 16. An
 * unknown kid takes the same path and time as a wrong key.
 * Errors: FAULT_UNDECRYPTABLE for every problem with the message, with a text for the log of this
 * node. The answer to the peer must not differ between them: net sends one answer for the class.
 */
int decrypt_message(const struct key_ring *ring, struct bytes jwe,
		    struct decrypted_message *ret_message, struct fault *fault) MUST_CHECK;
void clear_decrypted_message(struct decrypted_message *message);

/*
 * The kid in the header of a JWE, from the JWE's beginning alone, which must contain the whole
 * header and the point after it. Checks the header as decrypt_message does. It says nothing about
 * who made the JWE: the kid is no secret. Errors: FAULT_UNDECRYPTABLE.
 */
int read_key_id(struct bytes start, char ret_kid[static KEY_ID_SIZE],
		struct fault *fault) MUST_CHECK;

/*
 * The peer with whom the key is shared that a JWE names, as read_key_id reads it.
 * Errors: FAULT_UNDECRYPTABLE, also for a kid that is not in the ring.
 */
int find_sender(const struct key_ring *ring, struct bytes start, char ret_peer[static NAME_SIZE],
		struct fault *fault) MUST_CHECK;

#endif
