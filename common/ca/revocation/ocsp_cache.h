#ifndef CERTPOOL_CA_REVOCATION_OCSP_CACHE_H
#define CERTPOOL_CA_REVOCATION_OCSP_CACHE_H

#include "common/base/bytes.h"

/*
 * A cache of signed OCSP answers without a nonce, each about one certificate. Of fixed size: the
 * digest of a CertID chooses its entry, and a later answer replaces the one in the same entry. Safe
 * for several threads.
 */
struct ocsp_cache;

enum { OCSP_CACHE_ENTRIES = 16384 };

struct cached_answer {
	struct buffer der;
	int64_t revision; /* of the store at or before the reading of the status */
	int64_t this_update_s;
	int64_t next_update_s;
};

int new_ocsp_cache(struct ocsp_cache **ret_cache, struct fault *fault) MUST_CHECK;
void free_ocsp_cache(struct ocsp_cache **cache);

/*
 * Copies the answer about a CertID (its DER) if it is of that revision, the first half of its
 * validity is not over, and its thisUpdate is at most OCSP_SKEW_S (ocsp_verify.h) in the future: no
 * client would take it then. *ret_found false and ret_answer->der empty otherwise.
 */
int find_cached_answer(struct ocsp_cache *cache, struct bytes cert_id, int64_t revision,
		       int64_t now_s, struct cached_answer *ret_answer, bool *ret_found,
		       struct fault *fault) MUST_CHECK;

/* Stores a copy; does nothing for lack of memory. */
void cache_answer(struct ocsp_cache *cache, struct bytes cert_id,
		  const struct cached_answer *answer);

#endif
