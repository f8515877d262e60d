#ifndef CERTPOOL_CRYPTO_KEY_FILE_H
#define CERTPOOL_CRYPTO_KEY_FILE_H

#include "common/crypto/digest.h"
#include "common/crypto/key.h"
#include "common/crypto/shared_key.h"
#include "common/layout/layout.h"

/* The files of keys in a layout's folder Private/. Reading never creates a key. */

enum { PRIVATE_KEY_FILE_MAX = 16384 };

/* Reads the unencrypted private key Private/{name}. Faults begin with the file's path. */
int read_private_key(const struct layout *layout, const char *name, struct private_key **ret_key,
		     struct fault *fault) MUST_CHECK;

/* Reads Private/shared_{peer}.jwk. Errors: FAULT_NOT_FOUND says how to create the key. */
int read_shared_key(const struct layout *layout, const char *peer, struct shared_key *ret_key,
		    struct fault *fault) MUST_CHECK;

/* Writes Private/shared_{peer}.jwk, mode 0600. Succeeds if the file has the same key already.
   Errors: FAULT_REFUSED if it has another key, which is not overwritten. */
int write_shared_key(const struct layout *layout, const char *peer, const struct shared_key *key,
		     struct fault *fault) MUST_CHECK;

/* The same as one of several files that are written together. `replace`: another key loses its
 * file. */
struct staging;
int stage_shared_key(struct staging *staging, const struct layout *layout, const char *peer,
		     const struct shared_key *key, bool replace, struct fault *fault) MUST_CHECK;

/* Removes the key, durably, if there is one. */
int remove_shared_key(const struct layout *layout, const char *peer,
		      struct fault *fault) MUST_CHECK;

/* Reads the keys that the layout shares with all its peers. ret_ring must be empty. */
int read_key_ring(const struct layout *layout, struct key_ring *ret_ring,
		  struct fault *fault) MUST_CHECK;

/*
 * A digest of what the file system says of these keys: name, inode, size and times of each file. It
 * is another one after a key was added, removed or replaced, also in its file.
 */
int stamp_shared_keys(const struct layout *layout, uint8_t ret_stamp[static SHA256_LEN],
		      struct fault *fault) MUST_CHECK;

/*
 * Makes two layouts on this machine share a key: generates one if neither has it, and copies it to
 * the layout that lacks it. *ret_made says whether a file was written.
 * Errors: FAULT_REFUSED if they have different keys.
 */
int share_key(const struct layout *a, const char *a_name, const struct layout *b,
	      const char *b_name, bool *ret_made, struct fault *fault) MUST_CHECK;

#endif
