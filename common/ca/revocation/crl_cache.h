#ifndef CERTPOOL_CA_REVOCATION_CRL_CACHE_H
#define CERTPOOL_CA_REVOCATION_CRL_CACHE_H

#include "common/ca/revocation/publish_crl.h"
#include "common/net/shared_body.h"
#include "common/x509/issuer_set.h"

#include <pthread.h>

/*
 * The CRL of one issuer in the memory of a server, which shares one copy among all answers,
 * whichever process made it. One thread makes CRLs (renew_crl); nobody who asks for the CRL waits
 * for that, or causes it. Safe for several threads.
 */
struct crl_cache {
	struct ca_crl_options options;
	int64_t made_us;      /* of the stopwatch: the last renew_crl that made one; 0: none yet */
	int64_t pace_us;      /* from there to the next one for revocations */
	pthread_mutex_t lock; /* of the members below */
	struct shared_body *body;      /* NULL: not read yet */
	struct retired_bodies retired; /* earlier ones; slow readers of the oldest are ended */
	struct crl_info info;          /* of the body */
	struct fault fault;            /* of the last renew_crl; FAULT_NONE: it succeeded */
};

/* The objects of the options must outlive it. */
void init_crl_cache(struct crl_cache *cache, const struct ca_crl_options *options);
void clear_crl_cache(struct crl_cache *cache);

/* Whether the last attempt to make a CRL ended in an alarm: it may not take the place of the one
   that stands (succession.h). */
bool is_crl_alarmed(struct crl_cache *cache);

/*
 * The caches of all issuers of a CA, which may get more of them: one thread extends it while others
 * read. The objects of the options must outlive it. Zero-initialised is empty.
 */
struct crl_caches {
	struct ca_crl_options options; /* but number and issuer */
	const struct issuer_set *issuers;
	struct crl_cache caches[ISSUERS_MAX];
	atomic_uint count;
};

void init_crl_caches(struct crl_caches *caches, const struct ca_crl_options *options,
		     const struct issuer_set *issuers);
void extend_crl_caches(struct crl_caches *caches);
void clear_crl_caches(struct crl_caches *caches);

/* Borrowed; NULL: there is no issuer of that number. */
struct crl_cache *find_crl_cache(struct crl_caches *caches, unsigned int issuer);

/* Whether the last attempt of one of them ended in an alarm. */
bool is_any_crl_alarmed(struct crl_caches *caches);

/*
 * Makes a CRL if one is due. For revocations it makes at most one in CRL_PACE_S: clients can cause
 * them one by one, and a verb makes a CRL for an operator's. In a record that several front ends
 * share, whose CRL all of them are to have soon, this is but a tenth of the time: the next one may
 * come after CRL_SHARE times as long as the last one took, CRL_PACE_S at most. *ret_info is the
 * current CRL. For one thread only.
 */
enum { CRL_PACE_S = 10, CRL_SHARE = 10 };
int renew_crl(struct crl_cache *cache, int64_t now_s, struct crl_info *ret_info,
	      struct fault *fault) MUST_CHECK;

/*
 * Gives the CRL that the record names as the current one. When the last renew_crl failed it fails
 * with the same reason: that CRL may lack a revocation, or be too old.
 * Owns: release_shared_body. Errors: FAULT_BUSY when there is none yet; FAULT_NOT_FOUND when the
 * issuer has ended.
 */
int get_crl(struct crl_cache *cache, int64_t now_s, struct shared_body **ret_body,
	    struct crl_info *ret_info, struct fault *fault) MUST_CHECK;

#endif
