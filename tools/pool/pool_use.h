#ifndef CERTPOOL_TOOLS_POOL_POOL_USE_H
#define CERTPOOL_TOOLS_POOL_POOL_USE_H

#include "common/layout/client_node.h"
#include "common/pool/members/pool_state.h"
#include "common/pool/members/survey.h"
#include "tools/output.h"

/*
 * Prints how the members of a pool are used, when it is filled up, why that failed last, and how
 * long it lasts, in words, or into the object if line is not NULL. With reuse: random no member is
 * in use, and all that can sign are unused. A pool lasts until its last certificate ends, with
 * once_only until all members are used up at the present rate, if that is earlier.
 */
void print_pool_use(const struct client_node *client, const struct pool_summary *summary,
		    const struct pool_state *state, int64_t now_s, struct json_line *line);

/* Prints which windows a pool has members for, if it has windows, in the same way. */
void print_windows(const struct client_node *client, int64_t now_s, struct json_line *line);

#endif
