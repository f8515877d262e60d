#ifndef CERTPOOL_POOL_MESSAGES_CHOOSE_SIGNER_H
#define CERTPOOL_POOL_MESSAGES_CHOOSE_SIGNER_H

#include "common/layout/client_node.h"
#include "common/pool/members/pool_state.h"
#include "common/pool/messages/choose_once.h"

/*
 * Chooses the member that signs the next message by the pool's method (pool_reuse.h). What has to
 * be remembered is in state/pool (pool_state.h), which all threads and processes that send from the
 * layout share; so a choice holds for all of them. It is written before the choice is returned.
 *
 * random                draw_signer for each message, and nothing is remembered; or for each hold
 * limited_time          one member until its hold is over, or else until it can sign no more; then
 *                       another, drawn uniformly
 * rotating-batch        the members in an order drawn at random, each for one hold; then in another
 * per-relying-party     a receiver's own member, drawn uniformly from those that no receiver was
 *                       given
 * once_only             a member that has never signed (choose_once.h)
 *
 * A hold in messages has places in an order (member_order.h), and a message takes its place before
 * it is signed. A member that cannot sign is passed over. Up to UNDER_WAY_MAX places are taken at
 * once, and are lost when the process is killed before it uses them. After a restart of the
 * machine, from a copy of state/pool, or with another hold, another order begins.
 *
 * A hold in time ends when the clock is that far from its beginning, in either direction.
 * Safe for several threads.
 */
struct chooser;

/* layout, client and cache must outlive it. Owns: free_chooser. */
int new_chooser(const struct layout *layout, const struct client_node *client,
		struct signer_cache *cache, struct chooser **ret_chooser,
		struct fault *fault) MUST_CHECK;
void free_chooser(struct chooser **chooser);

/* How many messages are about to be signed: as long as that is unknown, one place is taken at a
   time. */
void expect_messages(struct chooser *chooser, size_t count);

/*
 * The member that signs the next message to this peer.
 * Owns: the caller releases *ret_signer.
 * Errors: FAULT_NOT_FOUND if no member can sign, or none is left for the peer; FAULT_MALFORMED for
 * a damaged state/pool.
 */
int choose_signer(struct chooser *chooser, const char *peer, int64_t now_s,
		  struct signer **ret_signer, struct fault *fault) MUST_CHECK;

/*
 * The member of that index, which the caller has chosen. With once_only it is used from then on.
 * Errors: those of open_signer; FAULT_REFUSED for a member that was used.
 */
int open_chosen_signer(struct chooser *chooser, size_t member, int64_t now_s,
		       struct signer **ret_signer, struct fault *fault) MUST_CHECK;

#endif
