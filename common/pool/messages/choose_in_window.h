#ifndef CERTPOOL_POOL_MESSAGES_CHOOSE_IN_WINDOW_H
#define CERTPOOL_POOL_MESSAGES_CHOOSE_IN_WINDOW_H

#include "common/pool/messages/choose_signer.h"

/*
 * Chooses the member that signs the next message among all members of a pool, or, in a pool with
 * windows, among those of the window that the message's time is in, by the pool's method each
 * (choose_signer.h). With the window everything is another's: the order, the member whose time
 * runs, those of receivers. Members of another window never sign, also while it goes on beside the
 * next. Safe for several threads.
 */
struct window_chooser;

/* layout and client must outlive it. Owns: free_window_chooser. */
int new_window_chooser(const struct layout *layout, const struct client_node *client,
		       struct window_chooser **ret_chooser, struct fault *fault) MUST_CHECK;
void free_window_chooser(struct window_chooser **chooser);

/* expect_messages; in each window anew. */
void expect_window_messages(struct window_chooser *chooser, size_t count);

/*
 * The member that signs the next message to this peer at a time, as choose_signer; or the one of
 * that index, as open_chosen_signer, unless it is 0.
 * Owns: the caller releases *ret_signer. Errors: those of both; FAULT_REFUSED for a member of
 * another window.
 */
int choose_in_window(struct window_chooser *chooser, const char *peer, size_t member, int64_t now_s,
		     struct signer **ret_signer, struct fault *fault) MUST_CHECK;

#endif
