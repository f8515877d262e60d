#ifndef CERTPOOL_CA_STORE_CLIENT_KEYS_H
#define CERTPOOL_CA_STORE_CLIENT_KEYS_H

#include "common/ca/store/store.h"
#include "common/crypto/shared_key.h"

/* What the record knows of the keys that the CA shares with its clients: their rotations. The keys
   themselves are in Private/. */
struct client_key {
	char kid[KEY_ID_SIZE]; /* of the new key; "": the key was never rotated */
	int64_t rotated_at_s;
	int64_t old_ends_s; /* when the key before it ends or ended */
	int64_t taken_at_s; /* when the client first used it; 0: not yet */
};

int read_client_key(struct store *store, const char *client, struct client_key *ret_key,
		    struct fault *fault) MUST_CHECK;

/* Records a rotation, with an event. */
int record_key_rotation(struct store *store, const char *client, const char *kid,
			int64_t old_ends_s, int64_t now_s, struct fault *fault) MUST_CHECK;

/* The same inside a WRITE transaction. */
struct transaction;
int append_key_rotation(struct transaction *transaction, const char *client, const char *kid,
			int64_t old_ends_s, int64_t now_s, struct fault *fault) MUST_CHECK;

/* Records that the client used the new key, with an event, if it is the first time. */
int record_key_taken(struct store *store, const char *client, const char *kid, int64_t now_s,
		     struct fault *fault) MUST_CHECK;

/* Records that the operator ended the old key, with an event. */
int record_key_end(struct store *store, const char *client, int64_t now_s,
		   struct fault *fault) MUST_CHECK;

#endif
