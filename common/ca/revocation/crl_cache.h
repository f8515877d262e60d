#ifndef CERTPOOL_CA_REVOCATION_CRL_CACHE_H
#define CERTPOOL_CA_REVOCATION_CRL_CACHE_H

#include "common/ca/revocation/publish_crl.h"
#include "common/net/shared_body.h"

#include <pthread.h>

/*
 * The CA's CRL as a server gives it out: in memory once, whoever made it last, this process or
 * another, and never older than the last revocation. Safe for several threads.
 */
struct crl_cache {
	struct ca_crl_options terms;
	pthread_mutex_t lock;
	struct shared_body *body; /* NULL: not read yet */
	struct crl_info info;     /* of the body */
	struct fault fault;       /* why none could be made */
	int64_t retry_from_us;    /* of the stopwatch: not before, after that */
};

/* What the terms have must outlive it. */
void init_crl_cache(struct crl_cache *cache, const struct ca_crl_options *terms);
void clear_crl_cache(struct crl_cache *cache);

/*
 * The current one, made if it is due. *ret_body is to be released. When it could not be made, that
 * is the answer for a second: making one may be much work, and anybody may ask for it.
 */
int get_crl(struct crl_cache *cache, int64_t now_s, struct shared_body **ret_body,
	    struct crl_info *ret_info, struct fault *fault) MUST_CHECK;

#endif
