#ifndef CERTPOOL_CA_SERVICE_SHARED_KEYS_H
#define CERTPOOL_CA_SERVICE_SHARED_KEYS_H

#include "common/layout/layout.h"
#include "common/wire/envelope.h"

#include <pthread.h>
#include <time.h>

/*
 * The shared keys of a layout, as they are now: read again when Private/ has changed, so that a key
 * added while the CA serves is good at once, and one taken away is good no more. Safe for several
 * threads.
 */
struct shared_keys {
	const struct layout *layout;
	pthread_rwlock_t lock;
	struct key_ring ring;
	struct timespec changed; /* Private/, when it was read */
	/*
	 * False while a change right after the reading could have left that time as it was, whose
	 * steps are as long as the file system makes them; and after a failure.
	 */
	bool settled;
};

int init_shared_keys(struct shared_keys *ring, const struct layout *layout,
		     struct fault *fault) MUST_CHECK;
void clear_shared_keys(struct shared_keys *ring);

/* Reads the keys again if need be. On failure those that were read before stay. */
int refresh_shared_keys(struct shared_keys *ring, struct fault *fault) MUST_CHECK;

/* open_request and answer_request with these keys. */
int open_encrypted_request(struct shared_keys *ring, const struct message_kind *kind,
			   struct bytes jwe, struct question *ret_question,
			   struct fault *fault) MUST_CHECK;
int answer_encrypted_request(struct shared_keys *ring, const struct message_kind *kind,
			     const struct question *question, struct bytes plaintext,
			     struct http_response *response, struct fault *fault) MUST_CHECK;

#endif
