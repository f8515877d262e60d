#ifndef CERTPOOL_TESTS_UNIT_CRYPTO_JWE_SPECIMENS_H
#define CERTPOOL_TESTS_UNIT_CRYPTO_JWE_SPECIMENS_H

#include "common/crypto/aes.h"
#include "common/crypto/shared_key.h"
#include "tests/unit/crypto/vectors.h"

/* Messages that are decrypted, to be damaged in what only the cryptography can see. */

enum { PART_HEADER, PART_KEY, PART_IV, PART_CIPHERTEXT, PART_TAG, PART_COUNT };

/* A JWE's parts as octets. The header's are JSON. */
struct jwe {
	struct buffer parts[PART_COUNT];
};

struct jwe take_apart(struct bytes text);
struct jwe copy_jwe(const struct jwe *jwe);
void set_part(struct jwe *jwe, size_t part, struct bytes octets);
void clear_jwe(struct jwe *jwe);

/* The text that is sent, and of its header alone: what is authenticated. */
struct buffer put_together(const struct jwe *jwe);
struct buffer encode_header(const struct jwe *jwe);

/* A message, and what its sender knows. */
struct specimen {
	const struct shared_key *key; /* one of the ring's */
	struct jwe jwe;
	struct jwe other; /* by the same key, of another type */
	uint8_t content_key[CONTENT_KEY_LEN];
	struct buffer plaintext;
};

/*
 * Seals the plaintext, of at most 64 octets, under any content key, with any associated data, under
 * the JWE's IV; and as the sender does, with the JWE's header.
 */
void seal_with(struct jwe *jwe, const uint8_t *content_key, struct bytes associated,
	       struct bytes plaintext);
void seal_properly(struct jwe *jwe, const struct specimen *from);

/*
 * Three messages of ours under kid "link-1": of no octets, of 5 and of three blocks. Two by others,
 * Wycheproof and npm's jose, which name no kid: their keys, IV and ciphertext with a header of
 * ours, and so with our tag. The ring has their keys, and that of kid "link-2".
 */
enum { OURS_EMPTY, OURS, OURS_LONG, WYCHEPROOF, NPM, SPECIMEN_COUNT };

struct specimens {
	struct key_ring ring;
	struct specimen rows[SPECIMEN_COUNT];
};

/* Each was seen to be decrypted. */
void make_specimens(struct specimens *ret_specimens);
void clear_specimens(struct specimens *specimens);

/* A header that we take, under any kid. */
#define JOSE_HEADER(kid)                                                                           \
	"{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"" kid "\",\"typ\":\"JOSE\"}"

/* Wycheproof's one valid case with our algorithms, and its key. */
const json_t *find_our_case(const json_t *suite, const json_t **ret_private);

/* decrypt_message, which must give nothing when it refuses, and FAULT_UNDECRYPTABLE. */
int decrypt_jwe(const struct key_ring *ring, const struct jwe *jwe, struct fault *fault);

/* What refuses a JWE that was parsed: the check of the unwrapped key, or the tag. */
enum stage { STAGE_NONE, STAGE_KEY, STAGE_TAG };

/*
 * Takes the JWE, and decrypts it: it must be refused by that stage, in the one text that there is
 * for it; or not at all. `what` and `i` say which it was when not.
 */
void expect_stage(const struct key_ring *ring, struct jwe jwe, enum stage stage, const char *what,
		  size_t i);

#endif
