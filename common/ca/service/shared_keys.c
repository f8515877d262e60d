#include "common/ca/service/shared_keys.h"

#include "common/base/clock.h"
#include "common/crypto/key_file.h"

#include <sys/stat.h>

enum { TIMESTAMP_STEP_S = 1 }; /* the coarsest mtime of a file system that we expect */

/* Reads the ring. The caller holds the lock for writing. */
static int read_ring(struct shared_keys *keys, struct timespec mtime, struct fault *fault)
{
	struct key_ring ring = {0};

	keys->mtime_proves = false;
	if (read_key_ring(keys->layout, &ring, fault) < 0)
		return -1;
	clear_key_ring(&keys->ring);
	keys->ring = ring;
	keys->mtime = mtime;
	keys->mtime_proves = read_clock() - mtime.tv_sec > TIMESTAMP_STEP_S;
	return 0;
}

static bool is_current(const struct shared_keys *keys, struct timespec mtime)
{
	return keys->mtime_proves && equal_times(keys->mtime, mtime);
}

int refresh_shared_keys(struct shared_keys *keys, struct fault *fault)
{
	struct stat status;
	bool current;
	int result = 0;

	if (fstat(keys->layout->private, &status) < 0)
		return set_errno_fault(fault, "%s/Private", keys->layout->path);
	pthread_rwlock_rdlock(&keys->lock);
	current = is_current(keys, status.st_mtim);
	pthread_rwlock_unlock(&keys->lock);
	if (current)
		return 0;
	pthread_rwlock_wrlock(&keys->lock);
	/* Another thread may have read them meanwhile. */
	if (!is_current(keys, status.st_mtim))
		result = read_ring(keys, status.st_mtim, fault);
	pthread_rwlock_unlock(&keys->lock);
	return result;
}

int init_shared_keys(struct shared_keys *keys, const struct layout *layout, struct fault *fault)
{
	*keys = (struct shared_keys){.layout = layout};
	pthread_rwlock_init(&keys->lock, NULL);
	return refresh_shared_keys(keys, fault);
}

void clear_shared_keys(struct shared_keys *keys)
{
	if (keys->layout == NULL)
		return;
	clear_key_ring(&keys->ring);
	pthread_rwlock_destroy(&keys->lock);
	keys->layout = NULL;
}

int open_under_shared_keys(struct shared_keys *keys, const struct message_kind *kind,
			   struct bytes jwe, struct question *ret_question, struct fault *fault)
{
	int result;

	pthread_rwlock_rdlock(&keys->lock);
	result = open_request(&keys->ring, kind, jwe, ret_question, fault);
	pthread_rwlock_unlock(&keys->lock);
	return result;
}

int answer_under_shared_keys(struct shared_keys *keys, const struct message_kind *kind,
			     const struct question *question, struct bytes plaintext,
			     struct http_response *response, struct fault *fault)
{
	int result;

	pthread_rwlock_rdlock(&keys->lock);
	result = answer_request(&keys->ring, kind, question, plaintext, response, fault);
	pthread_rwlock_unlock(&keys->lock);
	return result;
}
