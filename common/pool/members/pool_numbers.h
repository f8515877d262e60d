#ifndef CERTPOOL_POOL_MEMBERS_POOL_NUMBERS_H
#define CERTPOOL_POOL_MEMBERS_POOL_NUMBERS_H

#include "common/pool/members/pool_state.h"

/*
 * The numbers of a pool whose members are used up (reuse: once_only). A member that has signed is
 * set aside; when new ones have its place, its key is destroyed and its number is retired. New
 * members have new numbers. Which is which is in state/pool, which such a pool has before it has
 * keys: where it is missing, or is a copy, every member may have signed, and all are set aside.
 */

/*
 * Makes of a state what a pool with once_only needs: the numbers 1 … size, if it has none; all that
 * have files, and all of a doubtful state, are set aside. *ret_changed: the state is to be written.
 * The caller has the lock of state/.
 */
int begin_numbers(const struct layout *layout, const struct client_node *client,
		  struct pool_state *state, bool *ret_changed, struct fault *fault) MUST_CHECK;

/*
 * Notes, durably, that members without a mark may sign more than once: before they do, where the
 * pool has numbers of once_only and another reuse now. Back at once_only, all are set aside.
 */
int share_numbers(const struct layout *layout, const struct client_node *client,
		  struct fault *fault) MUST_CHECK;

/*
 * Gives the client its numbers as a sender would find them: those of state/pool, and with once_only
 * what begin_numbers makes of it, with windows what begin_windows does (window_numbers.h). Changes
 * nothing on the disk.
 * Owns: clear_pool_state; client->pool.marks, of free_client_nodes. Errors: those of
 * read_pool_state.
 */
int view_numbers(const struct layout *layout, struct client_node *client, int64_t now_s,
		 struct pool_state *ret_state, struct fault *fault) MUST_CHECK;

/*
 * The same, on disk too with once_only and with windows: before keys are made.
 * Errors: those of read_pool_state; not FAULT_MALFORMED, for a pool with another reuse.
 */
int prepare_numbers(const struct layout *layout, struct client_node *client, int64_t now_s,
		    struct fault *fault) MUST_CHECK;

/*
 * Gives the pool new numbers, durably, unless it has windows (prepare_numbers), if no more members
 * are unused than its topup says, or fewer than its size are not retired; with another reuse now,
 * if fewer than its size are unused: as many as it lacks. They are members without keys then.
 */
int fill_numbers_up(const struct layout *layout, struct client_node *client,
		    struct fault *fault) MUST_CHECK;

/*
 * Destroys the keys of the members that are set aside in the client's numbers, as fill_numbers_up
 * gave them to it, removes their requests and certificates, and retires their numbers; *ret_count
 * of them. The files are gone before the numbers are retired, and a kill in between leaves work for
 * the next call. The caller has the layout's lock since before fill_numbers_up.
 */
int retire_used_members(const struct layout *layout, struct client_node *client, size_t *ret_count,
			struct fault *fault) MUST_CHECK;

/* Whether as many members as the pool's size are not set apart. */
bool is_full(const struct pool_settings *pool);

/* When the next fill-up is to be tried after the failed ones; 0: at once, as after the first, whose
   cause may have been mended. It is 45 s after the second, and then twice as long each time, 45
   minutes at most: a timer of every minute or of every hour misses no turn of its own. */
int64_t next_fill_up_at(const struct pool_state *state);

/* Refuses (FAULT_BUSY) a fill-up before that time, unless the clock was put back since. */
int check_fill_up(const struct layout *layout, const char *client, int64_t now_s,
		  struct fault *fault) MUST_CHECK;

/* Notes why a fill-up failed; NULL: it did not. */
int note_fill_up(const struct layout *layout, const char *client, int64_t now_s,
		 const struct fault *failure, struct fault *fault) MUST_CHECK;

#endif
