#ifndef CERTPOOL_CRYPTO_SHARED_KEY_H
#define CERTPOOL_CRYPTO_SHARED_KEY_H

#include "common/base/bytes.h"
#include "common/base/name.h"

/*
 * A 256-bit AES key that exactly two nodes have, as JWK (RFC 7517; RFC 7518 section 6.4):
 * {"kty":"oct","alg":"A256KW","kid":"<128 random bits>","key_ops":["wrapKey","unwrapKey"],"k":"…"}.
 * kty, alg, kid and k are required; k has exactly 32 octets; key_ops, if present, has wrapKey and
 * unwrapKey; other members are ignored, but for exp and offer in the file of an old key.
 */

enum { SHARED_KEY_LEN = 32, KEY_ID_SIZE = 65, SHARED_KEY_FILE_MAX = 4096 };

struct shared_key {
	char kid[KEY_ID_SIZE]; /* valid_name; generate_shared_key writes 22 characters */
	uint8_t key[SHARED_KEY_LEN];
	int64_t ends_s; /* of an old key, which has a successor: not valid from then on; else 0 */
	bool offer;     /* of an old key: the peer still has to be offered the successor */
};

int generate_shared_key(struct shared_key *ret_key, struct fault *fault) MUST_CHECK;
int format_shared_key(const struct shared_key *key, struct secret *ret_jwk,
		      struct fault *fault) MUST_CHECK;

/* Errors: FAULT_MALFORMED names the member, and never quotes k. A k of 32 equal octets is malformed
   too. */
int parse_shared_key(struct bytes jwk, struct shared_key *ret_key, struct fault *fault) MUST_CHECK;
void clear_shared_key(struct shared_key *key);

/*
 * Octets that are kept where others can read and write: AES-256-GCM (NIST SP 800-38D) under the
 * key, with a random initialisation vector in front and the tag at the end. The context, which says
 * what and whose the octets are, is authenticated, and not in the result.
 */
int seal_under_key(const struct shared_key *key, const char *context, struct bytes plaintext,
		   struct buffer *ret_sealed, struct fault *fault) MUST_CHECK;

/* Errors: FAULT_UNDECRYPTABLE for octets of another key or context, or that were changed. */
int open_under_key(const struct shared_key *key, const char *context, struct bytes sealed,
		   struct secret *ret_plaintext, struct fault *fault) MUST_CHECK;

/* The shared keys of a node, each with the peer that has the other copy. Zero-initialised is
   empty. */
struct peer_key {
	char peer[NAME_SIZE];
	struct shared_key key;
};

struct key_ring {
	struct peer_key *keys;
	size_t count;
};

/*
 * Adds a copy. Beside its current key a peer may have one old key, which is left out if it is the
 * current key as well: a rotation was interrupted.
 * Shape: a current key comes before its peer's old one.
 * Errors: FAULT_REFUSED if the ring has a current key of the peer, or the kid, already.
 */
int add_peer_key(struct key_ring *ring, const char *peer, const struct shared_key *key,
		 struct fault *fault) MUST_CHECK;

/* The peer's current key, or any key by its kid, borrowed; NULL if there is none. */
const struct peer_key *find_peer_key(const struct key_ring *ring, const char *peer);
const struct peer_key *find_key_id(const struct key_ring *ring, struct bytes kid);
void clear_key_ring(struct key_ring *ring);

/*
 * Makes jansson wipe all memory before it frees it: its strings hold the `k` of JWKs. A process
 * calls this once, before it reads or writes any JSON. The setting is global in jansson.
 */
void wipe_json_memory(void);

#endif
