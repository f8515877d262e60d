#ifndef CERTPOOL_CA_SERVICE_SHARED_KEYS_H
#define CERTPOOL_CA_SERVICE_SHARED_KEYS_H

#include "common/layout/layout.h"
#include "common/wire/envelope.h"

#include <pthread.h>
#include <time.h>

/*
 * The shared keys of a layout's Private/, read again when its mtime changes: a key that is added
 * while the CA serves is valid at once, and a removed one no longer. Safe for several threads.
 */
struct shared_keys {
	const struct layout *layout;
	pthread_rwlock_t lock;
	struct key_ring ring;
	struct timespec mtime; /* of Private/, before the ring was read */
	/*
	 * Whether an equal mtime proves that nothing changed. False if the mtime was so recent that
	 * a further change might not alter it (coarse timestamps), and after a failure.
	 */
	bool mtime_proves;
};

int init_shared_keys(struct shared_keys *keys, const struct layout *layout,
		     struct fault *fault) MUST_CHECK;
void clear_shared_keys(struct shared_keys *keys);

/* Reads the keys again if they may have changed. On failure the previous keys stay. */
int refresh_shared_keys(struct shared_keys *keys, struct fault *fault) MUST_CHECK;

/* open_request and answer_request (common/wire/envelope.h) with these keys. */
int open_under_shared_keys(struct shared_keys *keys, const struct message_kind *kind,
			   struct bytes jwe, struct question *ret_question,
			   struct fault *fault) MUST_CHECK;
int answer_under_shared_keys(struct shared_keys *keys, const struct message_kind *kind,
			     const struct question *question, struct bytes plaintext,
			     struct http_response *response, struct fault *fault) MUST_CHECK;

#endif
