#ifndef CERTPOOL_POOL_MEMBERS_POOL_STATE_H
#define CERTPOOL_POOL_MEMBERS_POOL_STATE_H

#include "common/layout/client_node.h"
#include "common/layout/layout.h"

/*
 * What a pool remembers of the members that signed: state/pool, lines of text.
 *
 *     certpool pool 1 INODE BORN
 *     order BOOT SEED COUNT HOLD POSITION
 *     current MEMBER SINCE
 *     peer NAME MEMBER
 *     last NUMBER
 *     used FIRST LAST
 *     retired FIRST LAST
 *     marks FIRST MARKS
 *     windows BEGIN EVERY OVERLAP MEMBERS FIRST
 *     doubtful
 *     since TIME
 *     failed TIME COUNT REASON
 *
 * The first line has the number and the time of birth of this very file, in nanoseconds: a copy of
 * the file, from a backup say, has others, and so tells itself from the original. The file is
 * replaced as a whole and durably, but for the second line, which every file has and which is
 * overwritten in place: after a crash of the machine it may be an older one, and BOOT tells. A pool
 * with reuse: random and no hold has such a file only after keep has failed.
 *
 * Who changes the file holds a lock on the directory state/ (lock_directory), for no longer than
 * that takes.
 */
enum { BOOT_SIZE = 37, SEED_LEN = 16, FAILURE_SIZE = 512, FAILURES_MAX = 1000000 };

/* An order of the members 1 … count, or with a hold of random and limited_time of one of them, each
   of which signs `hold` messages. */
struct pool_order {
	char boot[BOOT_SIZE]; /* the start of the machine (boot_id) of the last change */
	uint8_t seed[SEED_LEN];
	size_t count; /* 0: there is none */
	size_t hold;
	uint64_t position; /* messages of the order that were signed, or are about to be */
};

struct pool_peer {
	char name[NAME_SIZE];
	size_t member;
};

/* Zero-initialised is empty. */
struct pool_state {
	bool copied; /* it was read from a copy of the file, whose order does not count */
	struct pool_order order;
	size_t current;          /* the member whose time runs; 0: none */
	int64_t current_since_s; /* the beginning of that time */
	struct pool_peer *peers; /* in the order in which they were added */
	size_t peer_count;

	/* The numbers that were ever given to members, 1 … last, if members are used up, or have
	   windows. */
	size_t last;    /* 0: none was */
	uint8_t *marks; /* last of them: enum member_mark */
	bool doubtful;  /* those without a mark may have signed */

	/* The windows when the numbers of their members were given; first 0: there are none. */
	struct pool_windows windows; /* ahead is 0 */
	struct window_numbers window_numbers;

	int64_t first_used_s; /* when the first of those marked MEMBER_USED signed; 0: none has */

	/* The fill-up that failed last, if none has succeeded since. */
	int64_t failed_at_s;
	size_t failures; /* in a row; 0: none */
	char failure[FAILURE_SIZE];
};

#define POOL_STATE_FILE "pool"

/* The same at every call until the machine starts again; without /proc, for ever. */
int read_boot(char ret_boot[static BOOT_SIZE], struct fault *fault) MUST_CHECK;

/* Owns: close_descriptor, which unlocks. */
int lock_pool_state(const struct layout *layout, int *ret_lock, struct fault *fault) MUST_CHECK;

/* The same lock by a descriptor that is kept between two turns, for who takes it often: *lock is -1
   before the first. Owns: close_descriptor. */
int begin_turn(const struct layout *layout, int *lock, struct fault *fault) MUST_CHECK;
void end_turn(int lock);

/*
 * Reads state/pool; without that file the state is empty. client is for the text.
 * Owns: clear_pool_state. Errors: FAULT_MALFORMED for a file that is not of this form.
 */
int read_pool_state(const struct layout *layout, const char *client, struct pool_state *ret_state,
		    struct fault *fault) MUST_CHECK;
void clear_pool_state(struct pool_state *state);

/* Replaces the file, durably. The caller has the lock. */
int write_pool_state(const struct layout *layout, const struct pool_state *state,
		     struct fault *fault) MUST_CHECK;

/*
 * Opens the file for the three functions below; *ret_file is -1 if there is none.
 * Owns: close_descriptor.
 */
int open_pool_order(const struct layout *layout, int *ret_file, struct fault *fault) MUST_CHECK;

/* Whether the file, from open_pool_order, is the one that state/pool names: as long as it is,
   nothing but the order was written. file -1: it is not. */
int find_pool_state(const struct layout *layout, int file, bool *ret_same,
		    struct fault *fault) MUST_CHECK;

/* Reads the order alone, or writes it in place: so that another process sees it, but not durably.
   The caller has the lock. */
int read_pool_order(int file, struct pool_order *ret_order, struct fault *fault) MUST_CHECK;
int write_pool_order(int file, const struct pool_order *order, struct fault *fault) MUST_CHECK;

/* The form of the file, but for its first line. */
int parse_pool_state(struct bytes text, struct pool_state *ret_state,
		     struct fault *fault) MUST_CHECK;

/* The last member that was given to this peer; 0: none was. */
size_t find_pool_peer(const struct pool_state *state, const char *name);
/* Forgets the peers whose member's number is retired. */
void drop_retired_peers(struct pool_state *state);

/* Members that have a message or a receiver now: of the order that goes on, whose time runs, that
   were given to peers. */
size_t count_in_use(const struct pool_state *state);

/* Makes the state's numbers 1 … last, of which the new ones are unused. Errors: FAULT_TOO_LARGE
   above POOL_SIZE_MAX. */
int extend_numbers(struct pool_state *state, size_t last, struct fault *fault) MUST_CHECK;

/* How many numbers have that mark. */
size_t count_marked(const struct pool_state *state, enum member_mark mark);

int add_pool_peer(struct pool_state *state, const char *name, size_t member,
		  struct fault *fault) MUST_CHECK;

#endif
