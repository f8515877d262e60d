#ifndef CERTPOOL_CRYPTO_KEY_FILE_H
#define CERTPOOL_CRYPTO_KEY_FILE_H

#include "common/crypto/key.h"
#include "common/crypto/shared_key.h"
#include "common/layout/layout.h"

/* Keys as a layout keeps them, in Private/. Reading never makes a key. */

enum { PRIVATE_KEY_FILE_MAX = 16384 };

/* Reads Private/{name}. The fault begins with the file's path. */
int read_private_key(const struct layout *layout, const char *name, struct private_key **ret_key,
		     struct fault *fault) MUST_CHECK;

/* Reads Private/shared_{peer}.jwk. FAULT_NOT_FOUND says how such a key comes into being. */
int read_shared_key(const struct layout *layout, const char *peer, struct shared_key *ret_key,
		    struct fault *fault) MUST_CHECK;

/* Writes Private/shared_{peer}.jwk, 0600. The same key there already is a success; another is
   FAULT_REFUSED, and stays. */
int write_shared_key(const struct layout *layout, const char *peer, const struct shared_key *key,
		     struct fault *fault) MUST_CHECK;

/* All the keys that the layout shares with its peers. ret_ring must be empty. */
int read_key_ring(const struct layout *layout, struct key_ring *ret_ring,
		  struct fault *fault) MUST_CHECK;

/*
 * Sees to it that two layouts on this machine share a key: makes one when neither has it, copies it
 * to the one that lacks it. *ret_made: whether anything was written. Two different keys:
 * FAULT_REFUSED.
 */
int share_key(const struct layout *a, const char *a_name, const struct layout *b,
	      const char *b_name, bool *ret_made, struct fault *fault) MUST_CHECK;

#endif
