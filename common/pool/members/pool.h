#ifndef CERTPOOL_POOL_MEMBERS_POOL_H
#define CERTPOOL_POOL_MEMBERS_POOL_H

#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/pool/members/member.h"
#include "common/pool/members/member_set.h"

#include <pthread.h>

/* Told now and then how far a long piece of work is, from one thread at a time. May be NULL. */
typedef void progress_function(void *context, size_t done, size_t total);

struct progress {
	progress_function *function;
	void *context;
};

/* How several threads tell one progress_function how far they are together. */
struct progress_report {
	struct progress progress;
	pthread_mutex_t lock;
	size_t done;
	size_t total;
};

/* progress may be NULL, and so may its function. */
void init_progress(struct progress_report *report, const struct progress *progress, size_t total);
void clear_progress(struct progress_report *report);

/* `more` further pieces are done. The function is told some 200 times in all, and of the last. */
void report_progress(struct progress_report *report, size_t more);

struct pool_made {
	size_t keys;     /* key pairs made now */
	size_t requests; /* requests made now */
	size_t present;  /* members of which nothing was missing */
};

/*
 * Makes the key pairs and requests that members 1 … size lack, on all cores. Nothing that exists is
 * touched: a member with a key and no request gets a request for that key; one with a request and
 * no key is left alone (its key is kept elsewhere). A key is durable before its request has its
 * name. Killed and started again, it goes on. Memory does not grow with the pool's size. A renewal
 * that was killed halfway through its renames is completed first.
 * The caller holds the layout's lock.
 */
int make_pool(const struct layout *layout, const struct client_node *client,
	      const struct progress *progress, struct pool_made *ret_made,
	      struct fault *fault) MUST_CHECK;

/* What to make of which members: make_pool makes the current_files of all. */
struct making_order {
	const struct layout *layout;
	const struct client_node *client;
	const struct member_files *files;
	const struct member_set *members; /* NULL: all */
	struct progress progress;
};

/* The same as make_pool for some members, or under other names. No renewal is completed. */
int make_members(const struct making_order *order, struct pool_made *ret_made,
		 struct fault *fault) MUST_CHECK;

/* What there is of a pool at a time, as `status` shows it. */
struct pool_summary {
	size_t size; /* as the manifest says */
	size_t keys;
	size_t requests;
	size_t certificates; /* of any age */
	size_t valid;
	size_t expired;
	int64_t first_expiry_s; /* of those valid; 0 when none is */
	int64_t last_expiry_s;
};

int summarize_pool(const struct layout *layout, const struct client_node *client, int64_t now_s,
		   struct pool_summary *ret_summary, struct fault *fault) MUST_CHECK;

#endif
