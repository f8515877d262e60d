#ifndef CERTPOOL_CA_REVOCATION_OCSP_CACHE_H
#define CERTPOOL_CA_REVOCATION_OCSP_CACHE_H

#include "common/base/bytes.h"

/*
 * OCSP answers without a nonce, each about one certificate, kept to be given again. Bounded: each
 * question has one place, and whoever comes later to the same place takes it. Safe for several
 * threads.
 */
struct kept_answers;

enum { KEPT_ANSWERS_MAX = 16384 };

struct kept_answer {
	struct buffer der;
	int64_t revision; /* of the record that it was made from, or an earlier one */
	int64_t this_update_s;
	int64_t next_update_s;
};

int new_kept_answers(struct kept_answers **ret_answers, struct fault *fault) MUST_CHECK;
void free_kept_answers(struct kept_answers **answers);

/*
 * A copy of what is kept for the question (a CertID), if it is of this revision and half of its
 * life is left.
 */
int find_kept_answer(struct kept_answers *answers, struct bytes question, int64_t revision,
		     int64_t now_s, struct kept_answer *ret_answer, bool *ret_found,
		     struct fault *fault) MUST_CHECK;

/* Keeps a copy; without memory, nothing. */
void keep_answer(struct kept_answers *answers, struct bytes question,
		 const struct kept_answer *answer);

#endif
