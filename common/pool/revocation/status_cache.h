#ifndef CERTPOOL_POOL_REVOCATION_STATUS_CACHE_H
#define CERTPOOL_POOL_REVOCATION_STATUS_CACHE_H

#include "common/pool/revocation/ask_status.h"

/*
 * Caches the CA's answers about certificates for STATUS_CACHED_S. A failure to ask the CA is not
 * cached. Safe for several threads, which take turns.
 */
struct status_cache;

enum { STATUS_CACHED_S = 5 };

/* An empty cache; the arguments are those of new_status_client. */
int new_status_cache(const struct layout *layout, const char *client, const struct endpoint *ca,
		     struct status_cache **ret_cache, struct fault *fault) MUST_CHECK;
void free_status_cache(struct status_cache **cache);

/* Makes the verdict invalid unless the CA says that the certificate is good; also if the CA cannot
   be asked. */
void check_cached_status(struct status_cache *cache, const struct certificate *certificate,
			 int64_t now_s, struct verdict *verdict);

#endif
