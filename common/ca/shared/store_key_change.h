#ifndef CERTPOOL_CA_SHARED_STORE_KEY_CHANGE_H
#define CERTPOOL_CA_SHARED_STORE_KEY_CHANGE_H

#include "common/ca/store/store.h"
#include "common/crypto/shared_key.h"

struct transaction;

/*
 * In the WRITE that removed a front end: a new key of the store. All that the record has under the
 * old one is under the new one from the commit on, and each front end that has joined, and was not
 * removed, finds the new one there, sealed to its own key pair (front_end_key.h). *ret_left: how
 * many of them have no key pair in the record, and have to join again. ret_kid: of the new key.
 */
int change_store_key(struct transaction *transaction, const struct layout *layout,
		     char ret_kid[static KEY_ID_SIZE], size_t *ret_left,
		     struct fault *fault) MUST_CHECK;

#endif
