#ifndef CERTPOOL_POOL_REVOCATION_STATUS_CACHE_H
#define CERTPOOL_POOL_REVOCATION_STATUS_CACHE_H

#include "common/pool/revocation/ask_status.h"

/*
 * Caches the CA's answers about certificates for STATUS_CACHED_S. Safe for several threads: one at
 * a time asks the CA, and those who need an answer too wait for it; no lock is held meanwhile.
 *
 * A CA that cannot be reached, or says nothing for two seconds (STATUS_IMPATIENT), is remembered:
 * from then on a thread of the cache's own asks it every STATUS_RETRY_S, and until it answers,
 * nobody else waits for it: the status of a certificate without a cached answer is unknown at once.
 */
struct status_cache;

enum { STATUS_CACHED_S = 5, STATUS_RETRY_S = 5 };

/* An empty cache; the arguments are those of new_status_client. Owns: free_status_cache. */
int new_status_cache(const struct layout *layout, const char *client, const struct endpoint *ca,
		     struct status_cache **ret_cache, struct fault *fault) MUST_CHECK;
void free_status_cache(struct status_cache **cache);

/* Ends every wait for the CA at once, now and later: the status is unknown then. Accepts NULL. */
void stop_status_cache(struct status_cache *cache);

/* Makes the verdict invalid unless the CA says that the certificate is good; also if the CA cannot
   be asked. */
void check_cached_status(struct status_cache *cache, const struct certificate *certificate,
			 int64_t now_s, struct verdict *verdict);

#endif
