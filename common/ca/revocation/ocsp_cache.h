#ifndef CERTPOOL_CA_REVOCATION_OCSP_CACHE_H
#define CERTPOOL_CA_REVOCATION_OCSP_CACHE_H

#include "common/base/bytes.h"

/*
 * OCSP answers without a nonce, each about one certificate, kept to be given again. Bounded: each
 * question has one place, and whoever comes later to the same place takes it. Safe for several
 * threads.
 */
struct ocsp_cache;

enum { KEPT_ANSWERS_MAX = 16384 };

struct cached_answer {
	struct buffer der;
	int64_t revision; /* of the record that it was made from, or an earlier one */
	int64_t this_update_s;
	int64_t next_update_s;
};

int new_ocsp_cache(struct ocsp_cache **ret_answers, struct fault *fault) MUST_CHECK;
void free_ocsp_cache(struct ocsp_cache **answers);

/*
 * A copy of what is kept for the question (a CertID), if it is of this revision and half of its
 * life is left.
 */
int find_cached_answer(struct ocsp_cache *answers, struct bytes question, int64_t revision,
		       int64_t now_s, struct cached_answer *ret_answer, bool *ret_found,
		       struct fault *fault) MUST_CHECK;

/* Keeps a copy; without memory, nothing. */
void cache_answer(struct ocsp_cache *answers, struct bytes question,
		  const struct cached_answer *answer);

#endif
