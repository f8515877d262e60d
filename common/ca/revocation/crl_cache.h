#ifndef CERTPOOL_CA_REVOCATION_CRL_CACHE_H
#define CERTPOOL_CA_REVOCATION_CRL_CACHE_H

#include "common/ca/revocation/publish_crl.h"
#include "common/net/shared_body.h"

#include <pthread.h>

/*
 * The CA's CRL in the memory of a server, which shares one copy among all answers. It lists every
 * revocation so far, whichever process made the CRL. Safe for several threads.
 */
struct crl_cache {
	struct ca_crl_options options;
	pthread_mutex_t lock;
	struct shared_body *body;      /* NULL: not read yet */
	struct retired_bodies retired; /* earlier ones; slow readers of the oldest are ended */
	struct crl_info info;          /* of the body */
	struct fault fault;            /* of the last attempt; FAULT_NONE: it succeeded */
	int64_t retry_from_us; /* of the stopwatch: no attempt before then, after a failure */
};

/* The objects of the options must outlive it. */
void init_crl_cache(struct crl_cache *cache, const struct ca_crl_options *options);
void clear_crl_cache(struct crl_cache *cache);

/*
 * Gives the current CRL, which is made if it is due. A failure is the answer for one second: making
 * a CRL may be much work, and any client may ask for it.
 * Owns: release_shared_body.
 */
int get_crl(struct crl_cache *cache, int64_t now_s, struct shared_body **ret_body,
	    struct crl_info *ret_info, struct fault *fault) MUST_CHECK;

#endif
