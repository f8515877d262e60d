#include "common/ca/service/shared_keys.h"

#include "common/base/clock.h"
#include "common/crypto/key_file.h"

#include <sys/stat.h>

enum { STEP_S = 1 }; /* of a file system's times, at most */

/* Reads the ring under the lock for writing. */
static int read_locked(struct shared_keys *ring, struct timespec changed, struct fault *fault)
{
	struct key_ring fresh = {0};

	ring->settled = false;
	if (read_key_ring(ring->layout, &fresh, fault) < 0)
		return -1;
	clear_key_ring(&ring->ring);
	ring->ring = fresh;
	ring->changed = changed;
	ring->settled = read_clock() - changed.tv_sec > STEP_S;
	return 0;
}

int refresh_shared_keys(struct shared_keys *ring, struct fault *fault)
{
	struct stat status;
	bool fresh;
	int result = 0;

	if (fstat(ring->layout->private, &status) < 0)
		return set_errno_fault(fault, "%s/Private", ring->layout->path);
	pthread_rwlock_rdlock(&ring->lock);
	fresh = ring->settled && equal_times(ring->changed, status.st_mtim);
	pthread_rwlock_unlock(&ring->lock);
	if (fresh)
		return 0;
	pthread_rwlock_wrlock(&ring->lock);
	/* Another thread may have been here first. */
	if (!ring->settled || !equal_times(ring->changed, status.st_mtim))
		result = read_locked(ring, status.st_mtim, fault);
	pthread_rwlock_unlock(&ring->lock);
	return result;
}

int init_shared_keys(struct shared_keys *ring, const struct layout *layout, struct fault *fault)
{
	*ring = (struct shared_keys){.layout = layout};
	pthread_rwlock_init(&ring->lock, NULL);
	return refresh_shared_keys(ring, fault);
}

void clear_shared_keys(struct shared_keys *ring)
{
	if (ring->layout == NULL)
		return;
	clear_key_ring(&ring->ring);
	pthread_rwlock_destroy(&ring->lock);
	ring->layout = NULL;
}

int open_encrypted_request(struct shared_keys *ring, const struct message_kind *kind,
			   struct bytes jwe, struct question *ret_question, struct fault *fault)
{
	int result;

	pthread_rwlock_rdlock(&ring->lock);
	result = open_request(&ring->ring, kind, jwe, ret_question, fault);
	pthread_rwlock_unlock(&ring->lock);
	return result;
}

int answer_encrypted_request(struct shared_keys *ring, const struct message_kind *kind,
			     const struct question *question, struct bytes plaintext,
			     struct http_response *response, struct fault *fault)
{
	int result;

	pthread_rwlock_rdlock(&ring->lock);
	result = answer_request(&ring->ring, kind, question, plaintext, response, fault);
	pthread_rwlock_unlock(&ring->lock);
	return result;
}
