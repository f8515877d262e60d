#ifndef CERTPOOL_POOL_UPKEEP_CHECK_POOL_H
#define CERTPOOL_POOL_UPKEEP_CHECK_POOL_H

#include "common/layout/manifest.h"

/*
 * Looks whether a client's layout has what its manifest says: the pinned root, the issuers'
 * certificates, state/pool, what is known to be revoked, and every member's key, request and
 * certificate against each other and against the root. Nothing is changed, and the CA is not asked.
 */
struct pool_finding {
	bool warning;       /* it may be intended: it does not count */
	const char *where;  /* a member as CLIENT/MEMBER, or a file */
	const char *text;   /* what was expected and what was found */
	const char *advice; /* what to do: a command that helps */
};

/* Called for each finding, by rising member. -1 ends the check. */
typedef int pool_finding_function(void *context, const struct pool_finding *finding,
				  struct fault *fault);

struct pool_check {
	const struct layout *layout;
	const struct client_node *client;
	int64_t now_s;
	pool_finding_function *function;
	void *context;
};

/* *ret_findings is without the warnings. */
int check_pool(const struct pool_check *check, size_t *ret_findings,
	       struct fault *fault) MUST_CHECK;

#endif
