#ifndef CERTPOOL_POOL_MEMBERS_WINDOW_NUMBERS_H
#define CERTPOOL_POOL_MEMBERS_WINDOW_NUMBERS_H

#include "common/pool/members/pool_state.h"

/*
 * The numbers of a pool whose members are each for one window of time (pool_windows.h). The members
 * of a window have the numbers after those of the window before, so that every process knows whose
 * time it is, and whose will come, from one line of state/pool.
 */

/*
 * Makes of a state what such a pool needs at a time: numbers for the windows from the present one
 * on, as many as the manifest has ahead. Members whose window is over are set aside; and all there
 * are where the manifest has other windows than the state. What a clock that was ahead has set
 * aside comes back, unless its keys are destroyed. *ret_changed: the state is to be written.
 * Errors: FAULT_TOO_LARGE without numbers that are free, FAULT_REFUSED at a time before the state's
 * first window.
 * The caller has the lock of state/.
 */
int begin_windows(const struct layout *layout, const struct client_node *client, int64_t now_s,
		  struct pool_state *state, bool *ret_changed, struct fault *fault) MUST_CHECK;

/* Marks all members that have files as used, so that their numbers do not come back. */
int set_files_aside(const struct layout *layout, struct pool_state *state,
		    struct fault *fault) MUST_CHECK;

#endif
