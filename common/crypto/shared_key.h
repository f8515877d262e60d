#ifndef CERTPOOL_CRYPTO_SHARED_KEY_H
#define CERTPOOL_CRYPTO_SHARED_KEY_H

#include "common/base/bytes.h"
#include "common/base/name.h"

/*
 * A 256-bit AES key that exactly two nodes hold, as JWK (RFC 7517; RFC 7518 section 6.4):
 * {"kty":"oct","alg":"A256KW","kid":"<128 random bits>","key_ops":["wrapKey","unwrapKey"],"k":"…"}.
 * kty, alg, kid and k are required; k is exactly 32 octets; other members are ignored; key_ops,
 * when there, has wrapKey and unwrapKey.
 */

enum { SHARED_KEY_LEN = 32, KEY_ID_SIZE = 65, SHARED_KEY_FILE_MAX = 4096 };

struct shared_key {
	char kid[KEY_ID_SIZE]; /* valid_name; 22 characters when we made it */
	uint8_t key[SHARED_KEY_LEN];
};

int generate_shared_key(struct shared_key *ret_key, struct fault *fault) MUST_CHECK;
int format_shared_key(const struct shared_key *key, struct secret *ret_jwk,
		      struct fault *fault) MUST_CHECK;

/* FAULT_MALFORMED names the member; the text never has any of k. A key of all equal octets is
   refused. */
int parse_shared_key(struct bytes jwk, struct shared_key *ret_key, struct fault *fault) MUST_CHECK;
void clear_shared_key(struct shared_key *key);

/* The shared keys that a node holds, each with the peer that holds the other copy. */
struct peer_key {
	char peer[NAME_SIZE];
	struct shared_key key;
};

struct key_ring {
	struct peer_key *keys;
	size_t count;
};

/* Adds a copy. Two keys of one kid, or two of one peer: FAULT_REFUSED. */
int add_peer_key(struct key_ring *ring, const char *peer, const struct shared_key *key,
		 struct fault *fault) MUST_CHECK;

/* Borrowed; NULL when there is none. */
const struct peer_key *find_peer_key(const struct key_ring *ring, const char *peer);
const struct peer_key *find_key_id(const struct key_ring *ring, struct bytes kid);
void clear_key_ring(struct key_ring *ring);

/*
 * Makes jansson wipe all memory that it frees: a JWK's `k` passes through its strings. For a
 * process, once, before any JSON is read or written. It is jansson's one global setting.
 */
void wipe_json_memory(void);

#endif
