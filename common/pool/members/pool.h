#ifndef CERTPOOL_POOL_MEMBERS_POOL_H
#define CERTPOOL_POOL_MEMBERS_POOL_H

#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/pool/members/member.h"
#include "common/pool/members/member_set.h"

#include <pthread.h>

/* Called at most some 200 times during a long job, from one thread at a time, with what is done for
   good. May be NULL. */
typedef void progress_function(void *context, size_t done, size_t total);

struct progress {
	progress_function *function;
	void *context;
};

/* The progress that several threads make together on one job. */
struct progress_report {
	struct progress progress;
	pthread_mutex_t lock;
	size_t done;
	size_t total;
};

/* progress may be NULL. */
void init_progress(struct progress_report *report, const struct progress *progress, size_t total);
void clear_progress(struct progress_report *report);

/* Adds `count` pieces that are done, and calls the function if a step is complete or all is done.
 */
void report_progress(struct progress_report *report, size_t count);

struct make_summary {
	size_t keys;     /* key pairs made */
	size_t requests; /* requests made */
	size_t present;  /* members that had everything before */
};

/*
 * Makes the key pairs and requests that members 1 … size lack, on all cores. Existing files are not
 * changed: a member with a key and no request gets a request for that key; a member with a request
 * and no key is left alone, because its key is stored elsewhere. A key is durable before its
 * request gets its name. After a kill the next call continues. Memory does not grow with the pool.
 * A renewal that was killed during its renames is completed first.
 * The caller holds the layout's lock.
 */
int make_pool(const struct layout *layout, const struct client_node *client,
	      const struct progress *progress, struct make_summary *ret_summary,
	      struct fault *fault) MUST_CHECK;

/* For make_members: which members, and under which file names. */
struct make_options {
	const struct layout *layout;
	const struct client_node *client;
	const struct member_files *files;
	const struct member_set *members; /* NULL: all */
	struct progress progress;
};

/* make_pool for some members, or with other file names. Completes no renewal. */
int make_members(const struct make_options *options, struct make_summary *ret_summary,
		 struct fault *fault) MUST_CHECK;

#endif
