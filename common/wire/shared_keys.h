#ifndef CERTPOOL_WIRE_SHARED_KEYS_H
#define CERTPOOL_WIRE_SHARED_KEYS_H

#include "common/crypto/digest.h"
#include "common/layout/layout.h"
#include "common/wire/envelope.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* Who reads the keys: another process, when this one has no access to Private/. */
struct key_source {
	int (*read)(void *context, struct key_ring *ret_ring, struct fault *fault);
	int (*stamp)(void *context, uint8_t ret_stamp[static SHA256_LEN], struct fault *fault);
	void *context;
	/* 0: files of this host have the keys. Otherwise a record that others change too has them:
	   a stamp costs no more than a query, and whoever changes a key waits a little longer than
	   this before he says so. */
	int64_t settling_us;
};

/*
 * The shared keys of a layout's Private/, in memory while the CA or a receiver serves. They are
 * read again
 *
 *   - when Private/'s mtime has changed: a key that is added is valid at once, and a removed one no
 *     longer;
 *   - when an old key has ended, which is wiped from memory then;
 *   - when a key's file has changed, which is looked at once a second at most: a key that was
 *     replaced in its place is no longer valid, however well it decrypts;
 *   - after a message that they do not decrypt, at most once a second: any client may send one.
 *
 * When a key cannot be read, the previous keys stay. Safe for several threads, which go on with the
 * previous keys during a reading.
 *
 * Where a record has the keys, it is asked whether they have changed before anything counts under
 * them, unless that was done within the settling time: what one front end changes holds at all
 * others as soon as it says so, and strangers cannot have the record asked more often than that.
 * As long as it does not tell its keys, nothing counts. Threads that come meanwhile wait. Errors:
 * FAULT_BUSY when it cannot be reached, FAULT_FAILED when its keys cannot be read.
 */
struct shared_keys {
	const struct layout *layout;
	struct key_source source;
	pthread_rwlock_t lock; /* of the ring */
	struct key_ring ring;
	pthread_mutex_t reading;   /* held during a reading; of the members below */
	struct timespec mtime;     /* of Private/, before the last reading */
	bool settled;              /* an equal mtime proves that nothing changed since */
	uint8_t stamp[SHA256_LEN]; /* of the files, before the last reading: stamp_shared_keys */
	int64_t looked_us;         /* of the stopwatch: the last look at the files, or the record */
	int64_t read_us;           /* the same: the last reading */
	int64_t retried_us;        /* the same: the last one after a failure to decrypt */
	/* Set by whoever holds `reading`: */
	atomic_int_least64_t first_end_s; /* when the first old key in the ring ends; 0: never */
	atomic_int_least64_t seen_us;     /* of the stopwatch: the ring is the record's of then */
};

/* source NULL: the files of Private/ are read here. */
int init_shared_keys(struct shared_keys *keys, const struct layout *layout,
		     const struct key_source *source, struct fault *fault) MUST_CHECK;
void clear_shared_keys(struct shared_keys *keys);

/* Reads the keys. On failure the previous keys stay. */
int reload_shared_keys(struct shared_keys *keys, struct fault *fault) MUST_CHECK;

/* The same if Private/ or a key has changed. */
int refresh_shared_keys(struct shared_keys *keys, struct fault *fault) MUST_CHECK;

/*
 * Reads the keys after an attempt that began at `since_us` (of the stopwatch) and found no key that
 * fits, unless this was done less than a second ago. *ret_read: they were read since, by whichever
 * thread, so that another attempt may succeed.
 */
int retry_shared_keys(struct shared_keys *keys, int64_t since_us, bool *ret_read,
		      struct fault *fault) MUST_CHECK;

/*
 * find_sender (common/crypto/message.h), open_request and answer_request (common/wire/envelope.h)
 * with these keys. *ret_problem is the reason why keys could not be read, for the log; FAULT_NONE:
 * none. Further errors: those of a record.
 */
int find_sharing_sender(struct shared_keys *keys, struct bytes start,
			char ret_peer[static NAME_SIZE], struct fault *ret_problem,
			struct fault *fault) MUST_CHECK;

/* find_sharing_sender without a wait for a record. *ret_unknown true: no key at hand is the
   sender's, and the record may have one. */
int find_sender_at_hand(struct shared_keys *keys, struct bytes start,
			char ret_peer[static NAME_SIZE], bool *ret_unknown,
			struct fault *ret_problem, struct fault *fault) MUST_CHECK;

int open_under_shared_keys(struct shared_keys *keys, const struct message_kind *kind,
			   struct bytes jwe, struct question *ret_question,
			   struct fault *ret_problem, struct fault *fault) MUST_CHECK;

/* The current key shared with the sender of a message under its old one, and the old one's end;
   false: the message is not under an old key. ret_key: clear_shared_key. */
bool find_successor(struct shared_keys *keys, const struct decrypted_message *message,
		    struct shared_key *ret_key, int64_t *ret_old_ends_s);

/*
 * Keys derived (derive_key) under a label from those that are shared with the peer: from the
 * current one, then from the old one until its end. *ret_count is how many there are; the caller
 * wipes them. Errors: those of a record.
 */
enum { DERIVED_KEYS_MAX = 2 };

struct derived_key {
	char kid[KEY_ID_SIZE]; /* of the shared key */
	uint8_t key[SHA256_LEN];
};

int derive_from_shared_keys(struct shared_keys *keys, const char *peer, const char *label,
			    struct derived_key ret_keys[static DERIVED_KEYS_MAX], size_t *ret_count,
			    struct fault *fault) MUST_CHECK;

int answer_under_shared_keys(struct shared_keys *keys, const struct message_kind *kind,
			     const struct question *question, struct bytes plaintext,
			     struct http_response *response, struct fault *fault) MUST_CHECK;

#endif
