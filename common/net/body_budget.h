#ifndef CERTPOOL_NET_BODY_BUDGET_H
#define CERTPOOL_NET_BODY_BUDGET_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The memory for the bodies of all requests in progress. An origin (origin.h) may have a quarter of
 * it; and bodies over SMALL_BODY_MAX leave an eighth of it free for small ones. Safe for several
 * threads.
 */
struct body_budget;

enum { SMALL_BODY_MAX = 65536 };

/* Owns: free_body_budget. */
int new_body_budget(size_t most_octets, struct body_budget **ret_budget,
		    struct fault *fault) MUST_CHECK;
void free_body_budget(struct body_budget **budget);

/*
 * Changes the share of a request's body, which the caller keeps in *share: 0 at first, and at the
 * end. false: it may not have so much, or there is no memory, and *share stays as it was.
 */
bool change_body_share(struct body_budget *budget, const char *origin, size_t octets,
		       size_t *share);

#endif
