#ifndef CERTPOOL_CA_STORE_CLIENT_ROOTS_H
#define CERTPOOL_CA_STORE_CLIENT_ROOTS_H

#include "common/base/name.h"
#include "common/ca/store/store.h"
#include "common/crypto/digest.h"

/* Which roots each client has pinned, as it said itself (client.roots: the SHA-256 of each). */

/* digests: one behind the other. *ret_new: they are others than were noted. False for a client that
   is disabled, revoked or not in the record, whose roots do not count. */
int find_new_roots(struct store *store, const char *client, struct bytes digests, bool *ret_new,
		   struct fault *fault) MUST_CHECK;
int note_client_roots(struct store *store, const char *client, struct bytes digests,
		      struct fault *fault) MUST_CHECK;

enum root_acknowledgement {
	ROOT_PINNED,
	ROOT_LACKING, /* the client joined, and has not pinned it */
	ROOT_UNKNOWN, /* the client has not joined */
};

typedef int root_function(void *context, const char *client, enum root_acknowledgement state,
			  struct fault *fault);

/* Lists the clients that are neither disabled, revoked nor removed, by name. -1 of the function
   ends the listing. */
int list_client_roots(struct store *store, const uint8_t root_sha256[static SHA256_LEN],
		      root_function *function, void *context, struct fault *fault) MUST_CHECK;

#endif
