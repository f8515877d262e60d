#ifndef CERTPOOL_CA_SHARED_STORE_KEY_H
#define CERTPOOL_CA_SHARED_STORE_KEY_H

#include "common/ca/store/store.h"
#include "common/crypto/shared_key.h"

/*
 * The key of the store, Private/store.jwk: a 256-bit AES key that every front end of a record has,
 * and nobody else. What front ends share and others must not know is in the record under it. The
 * record has the key's kid.
 */
#define STORE_KEY_FILE "store.jwk"

/* Reads the file. Errors: FAULT_NOT_FOUND without it; FAULT_REFUSED for another key than the
   record's. */
int read_store_key(const struct layout *layout, struct store *store, struct shared_key *ret_key,
		   struct fault *fault) MUST_CHECK;

/* The same, in a transaction. *ret_found false: neither the record nor the layout has a key. */
struct transaction;
int find_store_key(const struct layout *layout, struct transaction *transaction,
		   struct shared_key *ret_key, bool *ret_found, struct fault *fault) MUST_CHECK;

/* Makes the first key: its file, and in the WRITE transaction its kid. A file that is there, of a
   process that was killed, is used. */
int make_store_key(const struct layout *layout, struct transaction *transaction,
		   struct shared_key *ret_key, struct fault *fault) MUST_CHECK;

#endif
