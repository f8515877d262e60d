#ifndef CERTPOOL_CA_SHARED_CLIENT_KEY_COPIES_H
#define CERTPOOL_CA_SHARED_CLIENT_KEY_COPIES_H

#include "common/ca/store/store.h"
#include "common/crypto/digest.h"
#include "common/crypto/shared_key.h"

/*
 * The keys that the CA shares with its clients. In a record that several front ends share, the
 * record has them, under the key of the store (store_key.h), and the files in the layout
 * (common/crypto/key_file.h) are this front end's copies. Otherwise the files are all there is. The
 * functions here know of the difference, and those who call them do not.
 *
 * A change is in the record before it is in a file: killed in between, take_client_keys completes
 * it. Two front ends that change one client's key at once: one of them is refused. When a change
 * is done, all front ends go by it (settle_changes).
 * Shape: the caller holds the layout's lock.
 */

/* Brings the copies up to date, that of the store's key among them, and has the public half of this
   front end's key pair in the record (front_end_key.h). With the first call the record takes over
   the keys that the layout has. For every verb that reads or changes such a key, before it does. */
int take_client_keys(struct store *store, const struct layout *layout,
		     struct fault *fault) MUST_CHECK;

/* The same as the functions of key_file.h. */
int write_client_key(struct store *store, const struct layout *layout, const char *client,
		     const struct shared_key *key, struct fault *fault) MUST_CHECK;
int replace_client_key(struct store *store, const struct layout *layout, const char *client,
		       const struct shared_key *key, int64_t old_ends_s, int64_t now_s,
		       struct fault *fault) MUST_CHECK;
int end_old_client_key(struct store *store, const struct layout *layout, const char *client,
		       bool *ret_ended, struct fault *fault) MUST_CHECK;
int remove_client_key(struct store *store, const struct layout *layout, const char *client,
		      struct fault *fault) MUST_CHECK;

/* A key whose file is written with others: the record alone. One that it has already is a success.
   All front ends go by it when the caller has called settle_changes. */
int record_client_key(struct store *store, const struct layout *layout, const char *client,
		      const struct shared_key *key, struct fault *fault) MUST_CHECK;

/* The same for new clients, in one transaction, after which all front ends go by the keys: a
   current key of each, and perhaps an old one right after it. */
int record_client_keys(struct store *store, const struct layout *layout,
		       const struct key_ring *keys, struct fault *fault) MUST_CHECK;

/* read_key_ring and stamp_shared_keys, of the record itself where that has the keys: the process
   needs read access to Private/ alone. ret_ring must be empty. */
int read_client_keys(struct store *store, const struct layout *layout, int64_t now_s,
		     struct key_ring *ret_ring, struct fault *fault) MUST_CHECK;
int stamp_client_keys(struct store *store, const struct layout *layout,
		      uint8_t ret_stamp[static SHA256_LEN], struct fault *fault) MUST_CHECK;

/* How a client's key, or its old one, is sealed in the record (seal_under_key). */
enum { CLIENT_KEY_CONTEXT_SIZE = NAME_SIZE + 32 };
void name_client_key(const char *client, bool old,
		     char ret_context[static CLIENT_KEY_CONTEXT_SIZE]);

#endif
