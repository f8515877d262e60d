#ifndef CERTPOOL_CA_SHARED_STORE_KEY_H
#define CERTPOOL_CA_SHARED_STORE_KEY_H

#include "common/ca/store/store.h"
#include "common/crypto/shared_key.h"

/*
 * The key of the store, Private/store.jwk: a 256-bit AES key that every front end of a record has,
 * and nobody else. What front ends share and others must not know is in the record under it. The
 * record has the key's kid. When a front end is removed the others get a new key
 * (store_key_change.h): the file is then that of one before, from which this front end finds the
 * new one in the record.
 */
#define STORE_KEY_FILE "store.jwk"

struct transaction;

/* The key, in a transaction, for the front end that the store is. Errors: FAULT_NOT_FOUND without
   one; FAULT_REFUSED for a layout whose key is not the record's, and does not lead to it. */
int need_store_key(const struct layout *layout, struct transaction *transaction,
		   struct shared_key *ret_key, struct fault *fault) MUST_CHECK;

/* The same; *ret_found false: the record has no key yet. What is written under the key is written
   in the same transaction. */
int find_store_key(const struct layout *layout, struct transaction *transaction,
		   struct shared_key *ret_key, bool *ret_found, struct fault *fault) MUST_CHECK;

/* Makes the first key: its file, and in the WRITE transaction its kid. A file that is there, of a
   process that was killed, is used. */
int make_store_key(const struct layout *layout, struct transaction *transaction,
		   struct shared_key *ret_key, struct fault *fault) MUST_CHECK;

/* Makes the file that of the key. */
int take_store_key(const struct layout *layout, const struct shared_key *key,
		   struct fault *fault) MUST_CHECK;

#endif
