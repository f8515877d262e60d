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

/* The same for the old key: key->ends_s is its end (the rotation, below). */
int stage_old_key(struct staging *staging, const struct layout *layout, const char *peer,
		  const struct shared_key *key, struct fault *fault) MUST_CHECK;

/* Removes the key and the old one before it, durably, as far as there are any. */
int remove_shared_key(const struct layout *layout, const char *peer,
		      struct fault *fault) MUST_CHECK;

/* Reads the keys that the layout shares with all its peers, and those of their old keys that have
   not ended. ret_ring must be empty. */
int read_key_ring(const struct layout *layout, int64_t now_s, struct key_ring *ret_ring,
		  struct fault *fault) MUST_CHECK;

/*
 * A digest of what the file system says of these keys, old ones too: name, inode, size and times of
 * each file. It is another one after a key was added, removed or replaced, also in its file.
 */
int stamp_shared_keys(const struct layout *layout, uint8_t ret_stamp[static SHA256_LEN],
		      struct fault *fault) MUST_CHECK;

/*
 * The rotation of a shared key. The key before the current one lies in Private/old_{peer}.jwk until
 * its end (shared_key.h): a message under it is still taken. The new key is a new file that takes
 * the name shared_{peer}.jwk, after the old one is durable: at every moment the layout has all keys
 * that the peer may use. What is replaced or ended is removed, and then overwritten with zeros.
 * Shape: the caller holds the layout's lock.
 */

/* *ret_found is false if there is no old key, or it has ended. */
int read_old_key(const struct layout *layout, const char *peer, int64_t now_s,
		 struct shared_key *ret_key, bool *ret_found, struct fault *fault) MUST_CHECK;

/*
 * Puts the key in place of the current one, which becomes the old one until old_ends_s; when that
 * is not after now_s, it is gone at once, with the old one before it. Does nothing but for the old
 * key's end if the key is the current one already.
 * Errors: FAULT_NOT_FOUND without a current key.
 */
int replace_shared_key(const struct layout *layout, const char *peer, const struct shared_key *key,
		       int64_t old_ends_s, bool offer, int64_t now_s,
		       struct fault *fault) MUST_CHECK;

/* Notes in the old key that the peer has its successor (offer is false from then on). */
int note_taken_key(const struct layout *layout, const char *peer, struct fault *fault) MUST_CHECK;

/* Ends the old key, if there is one. */
int end_old_key(const struct layout *layout, const char *peer, bool *ret_ended,
		struct fault *fault) MUST_CHECK;

/* Removes all old keys that have ended. */
int sweep_ended_keys(const struct layout *layout, int64_t now_s, struct fault *fault) MUST_CHECK;

/*
 * Makes two layouts on this machine share a key: generates one if neither has it, and copies it to
 * the layout that lacks it. *ret_made says whether a file was written.
 * Errors: FAULT_REFUSED if they have different keys.
 */
int share_key(const struct layout *a, const char *a_name, const struct layout *b,
	      const char *b_name, bool *ret_made, struct fault *fault) MUST_CHECK;

#endif
