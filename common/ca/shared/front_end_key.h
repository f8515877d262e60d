#ifndef CERTPOOL_CA_SHARED_FRONT_END_KEY_H
#define CERTPOOL_CA_SHARED_FRONT_END_KEY_H

#include "common/ca/store/store.h"
#include "common/crypto/agreement/key_agreement.h"
#include "common/crypto/shared_key.h"

/*
 * The key pair of a front end, Private/front_end.key, which never leaves its host. The record has
 * the public half, under the key of the store: who can write the record, and has not that key,
 * cannot put another half there. A new key of the store comes to each front end sealed to its
 * public half.
 */
#define FRONT_END_KEY_FILE "front_end.key"

struct transaction;

/* *ret_found false: there is no file. */
int read_front_end_key(const struct layout *layout, struct agreement_key *ret_key, bool *ret_found,
		       struct fault *fault) MUST_CHECK;

/* Makes the file unless it is there. */
int make_front_end_key(const struct layout *layout, struct agreement_key *ret_key,
		       struct fault *fault) MUST_CHECK;

/* In a WRITE: puts the public half of this process's front end into the record. */
int record_front_end_key(struct transaction *transaction, const struct agreement_key *key,
			 const struct shared_key *store_key, struct fault *fault) MUST_CHECK;

/* Brings the file of the store's key up to date, and has the public half of this front end's key
   pair in the record; the pair is made where there is none. For a record that has a key. */
int keep_front_end_keys(struct store *store, const struct layout *layout,
			struct fault *fault) MUST_CHECK;

/* What to do about a public half that FAULT_UNDECRYPTABLE is about. */
#define PUT_BACK ": run certpool check on that host, which puts its own back"

/* The public half of a front end as the record has it. Errors: FAULT_UNDECRYPTABLE for one that was
   not put there under the key. */
int seal_public_half(const struct shared_key *store_key, int64_t number,
		     const uint8_t public_half[static AGREEMENT_KEY_LEN], struct buffer *ret_sealed,
		     struct fault *fault) MUST_CHECK;
int open_public_half(const struct shared_key *store_key, int64_t number, struct bytes sealed,
		     uint8_t ret_public_half[static AGREEMENT_KEY_LEN],
		     struct fault *fault) MUST_CHECK;

/*
 * The key of the store that follows another one, for one front end: sealed to its public half, so
 * that no other one opens it, and under the key before, so that nobody else has made it.
 */
int seal_next_store_key(const struct shared_key *before, const struct shared_key *next,
			int64_t number, const uint8_t public_half[static AGREEMENT_KEY_LEN],
			struct buffer *ret_sealed, struct fault *fault) MUST_CHECK;
int open_next_store_key(const struct shared_key *before, const struct agreement_key *own,
			int64_t number, struct bytes sealed, struct shared_key *ret_next,
			struct fault *fault) MUST_CHECK;

/* The first octets of the SHA-256 of a front end's public half, in hex, for people to compare; "":
   the record has none. */
enum { FINGERPRINT_SIZE = 2 * 8 + 1 };
int read_fingerprint(struct store *store, const struct layout *layout, int64_t number,
		     char ret_text[static FINGERPRINT_SIZE], struct fault *fault) MUST_CHECK;

#endif
