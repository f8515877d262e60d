#include "common/wire/shared_keys.h"

#include "common/base/clock.h"
#include "common/crypto/key_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum {
	TIMESTAMP_STEP_S = 1, /* the coarsest mtime of a file system that we expect */
	PAUSE_US = 1000000,   /* between two readings, or looks at the files, that no change of
				 Private/ asks for */
};

static const int64_t never_us = INT64_MIN;
static const char away_text[] = "the CA cannot reach its record: ask again";

static int read_mtime(const struct shared_keys *keys, struct timespec *ret_mtime,
		      struct fault *fault)
{
	struct stat status;

	if (fstatat(keys->layout->root, "Private", &status, AT_SYMLINK_NOFOLLOW) < 0)
		return set_errno_fault(fault, "%s/Private", keys->layout->path);
	*ret_mtime = status.st_mtim;
	return 0;
}

/*
 * A further change soon after the last one might not alter the mtime. Such an mtime settles by one
 * more reading after a pause, whatever the clock says of it.
 */
static bool settles(const struct shared_keys *keys, struct timespec mtime, int64_t now_us)
{
	return read_clock() - mtime.tv_sec > TIMESTAMP_STEP_S ||
	       (equal_times(keys->mtime, mtime) && now_us - keys->read_us >= PAUSE_US);
}

static int read_stamp(const struct shared_keys *keys, uint8_t ret_stamp[static SHA256_LEN],
		      struct fault *fault)
{
	return keys->source.stamp != NULL
		       ? keys->source.stamp(keys->source.context, ret_stamp, fault)
		       : stamp_shared_keys(keys->layout, ret_stamp, fault);
}

/* 0: no key in the ring ends. */
static int64_t find_first_end(const struct key_ring *ring)
{
	int64_t first_s = 0;

	for (size_t i = 0; i < ring->count; i++) {
		int64_t end_s = ring->keys[i].key.ends_s;

		if (end_s != 0 && (first_s == 0 || end_s < first_s))
			first_s = end_s;
	}
	return first_s;
}

static bool has_ended_key(struct shared_keys *keys)
{
	const int64_t first_end_s = atomic_load(&keys->first_end_s);

	return first_end_s != 0 && read_clock() >= first_end_s;
}

/* Reads the ring and puts it in place, for which alone its lock is held. The caller holds
   `reading`. */
static int take_ring(struct shared_keys *keys, struct fault *fault)
{
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	struct key_ring before;
	int64_t first_end_s;

	keys->read_us = read_stopwatch_us();
	if ((keys->source.read != NULL
		     ? keys->source.read(keys->source.context, &ring, fault)
		     : read_key_ring(keys->layout, read_clock(), &ring, fault)) < 0)
		return -1;
	first_end_s = find_first_end(&ring);
	pthread_rwlock_wrlock(&keys->lock);
	before = keys->ring;
	keys->ring = ring;
	pthread_rwlock_unlock(&keys->lock);
	atomic_store(&keys->first_end_s, first_end_s);
	ring = before;
	return 0;
}

static bool is_recorded(const struct shared_keys *keys)
{
	return keys->source.settling_us > 0;
}

/* Which keys the record has is not known: the next look at it finds a change, whatever it has
   then. */
static void forget_record(struct shared_keys *keys)
{
	memset(keys->stamp, UINT8_MAX, sizeof(keys->stamp));
	atomic_store(&keys->seen_us, never_us);
}

/* The caller holds `reading`. */
static int read_ring(struct shared_keys *keys, struct fault *fault)
{
	struct timespec mtime;
	int64_t now_us = read_stopwatch_us();

	if (read_mtime(keys, &mtime, fault) < 0 || read_stamp(keys, keys->stamp, fault) < 0)
		return -1;
	keys->looked_us = now_us;
	keys->settled = settles(keys, mtime, now_us);
	keys->mtime = mtime;
	if (take_ring(keys, fault) < 0) {
		if (is_recorded(keys))
			forget_record(keys);
		return -1;
	}
	atomic_store(&keys->seen_us, now_us);
	return 0;
}

int reload_shared_keys(struct shared_keys *keys, struct fault *fault)
{
	int result;

	pthread_mutex_lock(&keys->reading);
	result = read_ring(keys, fault);
	pthread_mutex_unlock(&keys->reading);
	return result;
}

/* Whether a file is another one than when the keys were read. */
static int look_at_files(struct shared_keys *keys, bool *ret_changed, struct fault *fault)
{
	int64_t now_us = read_stopwatch_us();
	uint8_t stamp[SHA256_LEN];

	*ret_changed = false;
	if (now_us - keys->looked_us < PAUSE_US)
		return 0;
	keys->looked_us = now_us;
	if (read_stamp(keys, stamp, fault) < 0)
		return -1;
	*ret_changed = memcmp(stamp, keys->stamp, SHA256_LEN) != 0;
	return 0;
}

static int find_change(struct shared_keys *keys, struct timespec mtime, bool *ret_changed,
		       struct fault *fault)
{
	if (!has_ended_key(keys) && equal_times(keys->mtime, mtime) &&
	    (keys->settled || read_stopwatch_us() - keys->read_us < PAUSE_US))
		return look_at_files(keys, ret_changed, fault);
	*ret_changed = true;
	return 0;
}

int refresh_shared_keys(struct shared_keys *keys, struct fault *fault)
{
	struct timespec mtime;
	bool changed = false;
	int result;

	if (read_mtime(keys, &mtime, fault) < 0)
		return -1;
	/* While another thread reads the keys, nobody waits for it. */
	if (pthread_mutex_trylock(&keys->reading) != 0)
		return 0;
	result = find_change(keys, mtime, &changed, fault);
	if (result == 0 && changed)
		result = read_ring(keys, fault);
	pthread_mutex_unlock(&keys->reading);
	return result;
}

int retry_shared_keys(struct shared_keys *keys, int64_t since_us, bool *ret_read,
		      struct fault *fault)
{
	int64_t now_us = read_stopwatch_us();
	int result = 0;

	pthread_mutex_lock(&keys->reading);
	if (keys->read_us < since_us &&
	    (keys->retried_us == 0 || now_us - keys->retried_us >= PAUSE_US)) {
		keys->retried_us = now_us;
		result = read_ring(keys, fault);
	}
	*ret_read = keys->read_us >= since_us;
	pthread_mutex_unlock(&keys->reading);
	return result;
}

/* The record has changed, and its keys were not read. */
static int refuse_unread(const struct fault *problem, struct fault *fault)
{
	if (problem->class == FAULT_BUSY || problem->class == FAULT_INTERRUPTED)
		return set_fault(fault, FAULT_BUSY, "%s", away_text);
	return set_fault(fault, FAULT_FAILED, "the keys of the record cannot be read");
}

/* The caller holds `reading`. */
static int look_at_record(struct shared_keys *keys, struct fault *ret_problem, struct fault *fault)
{
	uint8_t stamp[SHA256_LEN];

	keys->looked_us = read_stopwatch_us();
	if (read_stamp(keys, stamp, ret_problem) < 0)
		return set_fault(fault, FAULT_BUSY, "%s", away_text);
	if (memcmp(stamp, keys->stamp, SHA256_LEN) != 0 || has_ended_key(keys)) {
		/* From here on no message counts under the keys of before. */
		forget_record(keys);
		if (take_ring(keys, ret_problem) < 0)
			return refuse_unread(ret_problem, fault);
		memcpy(keys->stamp, stamp, SHA256_LEN);
	}
	atomic_store(&keys->seen_us, keys->looked_us);
	return 0;
}

/* Whether the ring has all that was said to be changed in the record before that time. */
static bool is_recent(struct shared_keys *keys, int64_t at_us)
{
	return atomic_load(&keys->seen_us) >= at_us - keys->source.settling_us &&
	       !has_ended_key(keys);
}

/* Has the ring become what a record has now. Threads that come meanwhile share a look. *ret_problem
   is why it failed, for the log. */
static int follow_record(struct shared_keys *keys, struct fault *ret_problem, struct fault *fault)
{
	const int64_t now_us = read_stopwatch_us();
	int result = 0;

	if (is_recent(keys, now_us))
		return 0;
	pthread_mutex_lock(&keys->reading);
	if (keys->looked_us > now_us && atomic_load(&keys->seen_us) < keys->looked_us)
		result = set_fault(fault, FAULT_BUSY, "%s", away_text);
	else if (!is_recent(keys, now_us))
		result = look_at_record(keys, ret_problem, fault);
	pthread_mutex_unlock(&keys->reading);
	return result;
}

int init_shared_keys(struct shared_keys *keys, const struct layout *layout,
		     const struct key_source *source, struct fault *fault)
{
	*keys = (struct shared_keys){.layout = layout, .seen_us = never_us};
	if (source != NULL)
		keys->source = *source;
	pthread_rwlock_init(&keys->lock, NULL);
	pthread_mutex_init(&keys->reading, NULL);
	return reload_shared_keys(keys, fault);
}

void clear_shared_keys(struct shared_keys *keys)
{
	if (keys->layout == NULL)
		return;
	clear_key_ring(&keys->ring);
	pthread_mutex_destroy(&keys->reading);
	pthread_rwlock_destroy(&keys->lock);
	keys->layout = NULL;
}

static int open_with_ring(struct shared_keys *keys, const struct message_kind *kind,
			  struct bytes jwe, struct question *ret_question, struct fault *fault)
{
	int result;

	pthread_rwlock_rdlock(&keys->lock);
	result = open_request(&keys->ring, kind, jwe, ret_question, fault);
	pthread_rwlock_unlock(&keys->lock);
	return result;
}

static int find_in_ring(struct shared_keys *keys, struct bytes start,
			char ret_peer[static NAME_SIZE], struct fault *fault)
{
	int result;

	pthread_rwlock_rdlock(&keys->lock);
	result = find_sender(&keys->ring, start, ret_peer, fault);
	pthread_rwlock_unlock(&keys->lock);
	return result;
}

int find_sharing_sender(struct shared_keys *keys, struct bytes start,
			char ret_peer[static NAME_SIZE], struct fault *ret_problem,
			struct fault *fault)
{
	struct fault failure = {0};
	int64_t begun_us = read_stopwatch_us();
	bool read = false;

	if (is_recorded(keys))
		return follow_record(keys, ret_problem, fault) < 0
			       ? -1
			       : find_in_ring(keys, start, ret_peer, fault);
	(void)!refresh_shared_keys(keys, ret_problem);
	if (find_in_ring(keys, start, ret_peer, &failure) == 0)
		return 0;
	if (failure.class == FAULT_UNDECRYPTABLE)
		(void)!retry_shared_keys(keys, begun_us, &read, ret_problem);
	return read ? find_in_ring(keys, start, ret_peer, fault) : pass_fault(&failure, fault);
}

int find_sender_at_hand(struct shared_keys *keys, struct bytes start,
			char ret_peer[static NAME_SIZE], bool *ret_unknown,
			struct fault *ret_problem, struct fault *fault)
{
	/* Before the ring is looked at: what it has then is as recent, or more so. */
	const bool recent = is_recent(keys, read_stopwatch_us());
	struct fault failure = {0};
	struct fault ignored = {0};
	char kid[KEY_ID_SIZE];

	if (!is_recorded(keys))
		return find_sharing_sender(keys, start, ret_peer, ret_problem, fault);
	if (find_in_ring(keys, start, ret_peer, &failure) == 0)
		return 0;
	if (recent || read_key_id(start, kid, &ignored) < 0)
		return pass_fault(&failure, fault);
	*ret_unknown = true;
	return 0;
}

int open_under_shared_keys(struct shared_keys *keys, const struct message_kind *kind,
			   struct bytes jwe, struct question *ret_question,
			   struct fault *ret_problem, struct fault *fault)
{
	struct fault failure = {0};
	int64_t begun_us = read_stopwatch_us();
	bool read = false;

	/* Another front end may just have replaced the key, or removed it. */
	if (is_recorded(keys))
		return follow_record(keys, ret_problem, fault) < 0
			       ? -1
			       : open_with_ring(keys, kind, jwe, ret_question, fault);
	/* One unreadable key is no reason to refuse the clients whose keys are good. */
	(void)!refresh_shared_keys(keys, ret_problem);
	if (open_with_ring(keys, kind, jwe, ret_question, &failure) == 0)
		return 0;
	if (failure.class == FAULT_UNDECRYPTABLE)
		(void)!retry_shared_keys(keys, begun_us, &read, ret_problem);
	return read ? open_with_ring(keys, kind, jwe, ret_question, fault)
		    : pass_fault(&failure, fault);
}

bool find_successor(struct shared_keys *keys, const struct decrypted_message *message,
		    struct shared_key *ret_key, int64_t *ret_old_ends_s)
{
	const struct peer_key *old;
	const struct peer_key *current;
	bool found;

	pthread_rwlock_rdlock(&keys->lock);
	old = find_key_id(&keys->ring, bytes_of_string(message->kid));
	current = find_peer_key(&keys->ring, message->peer);
	found = old != NULL && current != NULL && old->key.ends_s != 0;
	if (found) {
		*ret_key = current->key;
		*ret_old_ends_s = old->key.ends_s;
	}
	pthread_rwlock_unlock(&keys->lock);
	return found;
}

static void derive_from_key(const struct shared_key *key, const char *label,
			    struct derived_key *ret_key)
{
	memcpy(ret_key->kid, key->kid, sizeof(ret_key->kid));
	derive_key((struct bytes){key->key, SHARED_KEY_LEN}, label, ret_key->key);
}

static size_t derive_from_ring(struct shared_keys *keys, const char *peer, const char *label,
			       struct derived_key ret_keys[static DERIVED_KEYS_MAX])
{
	const int64_t now_s = read_clock();
	size_t count = 0;

	pthread_rwlock_rdlock(&keys->lock);
	/* A peer's current key comes before its old one. */
	for (size_t i = 0; i < keys->ring.count && count < DERIVED_KEYS_MAX; i++) {
		const struct peer_key *each = &keys->ring.keys[i];

		if (strcmp(each->peer, peer) == 0 &&
		    (each->key.ends_s == 0 || each->key.ends_s > now_s))
			derive_from_key(&each->key, label, &ret_keys[count++]);
	}
	pthread_rwlock_unlock(&keys->lock);
	return count;
}

int derive_from_shared_keys(struct shared_keys *keys, const char *peer, const char *label,
			    struct derived_key ret_keys[static DERIVED_KEYS_MAX], size_t *ret_count,
			    struct fault *fault)
{
	struct fault ignored = {0};

	if (!is_recorded(keys))
		(void)!refresh_shared_keys(keys, &ignored);
	else if (follow_record(keys, &ignored, fault) < 0)
		return -1;
	*ret_count = derive_from_ring(keys, peer, label, ret_keys);
	return 0;
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
