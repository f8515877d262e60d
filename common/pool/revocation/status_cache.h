#ifndef CERTPOOL_POOL_REVOCATION_STATUS_CACHE_H
#define CERTPOOL_POOL_REVOCATION_STATUS_CACHE_H

#include "common/pool/revocation/ask_status.h"

/*
 * Whether the CA stands by certificates, asked once and kept for a few seconds. Safe for several
 * threads, of which one at a time asks. When the CA cannot be asked, the certificate is not good.
 */
struct status_cache;

enum { STATUS_KEPT_S = 5 };

int new_status_cache(const struct layout *layout, const char *client, const struct endpoint *ca,
		     struct status_cache **ret_online, struct fault *fault) MUST_CHECK;
void free_status_cache(struct status_cache **online);

/* Rejects unless the CA says that the certificate is good. */
void check_cached_status(struct status_cache *online, const struct certificate *certificate,
			 int64_t now_s, struct verdict *verdict);

#endif
