#include "common/ca/revocation/ocsp_cache.h"

#include "common/crypto/digest.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct place {
	uint8_t question_sha256[SHA256_LEN];
	struct cached_answer answer; /* der empty: nothing is kept here */
};

struct ocsp_cache {
	pthread_mutex_t lock;
	struct place places[KEPT_ANSWERS_MAX];
};

int new_ocsp_cache(struct ocsp_cache **ret_answers, struct fault *fault)
{
	struct ocsp_cache *answers = calloc(1, sizeof(*answers));

	if (answers == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&answers->lock, NULL);
	*ret_answers = answers;
	return 0;
}

void free_ocsp_cache(struct ocsp_cache **answers_pointer)
{
	struct ocsp_cache *answers = TAKE(*answers_pointer);

	if (answers == NULL)
		return;
	for (size_t i = 0; i < KEPT_ANSWERS_MAX; i++)
		clear_buffer(&answers->places[i].answer.der);
	pthread_mutex_destroy(&answers->lock);
	free(answers);
}

/* Who asks can choose where an answer lies, and gains nothing but that it is signed anew. */
static struct place *find_place(struct ocsp_cache *answers, const uint8_t sha256[static SHA256_LEN])
{
	return &answers->places[(sha256[0] << 8 | sha256[1]) % KEPT_ANSWERS_MAX];
}

static bool is_current(const struct cached_answer *answer, int64_t revision, int64_t now_s)
{
	int64_t life_s = answer->next_update_s - answer->this_update_s;

	return answer->der.len > 0 && answer->revision == revision &&
	       now_s - answer->this_update_s < life_s / 2;
}

int find_cached_answer(struct ocsp_cache *answers, struct bytes question, int64_t revision,
		       int64_t now_s, struct cached_answer *ret_answer, bool *ret_found,
		       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer copy = {0};
	struct cached_answer found = {0};
	uint8_t sha256[SHA256_LEN];
	const struct place *place;
	bool is_found;

	digest_sha256(question, sha256);
	place = find_place(answers, sha256);
	pthread_mutex_lock(&answers->lock);
	is_found = memcmp(place->question_sha256, sha256, SHA256_LEN) == 0 &&
		   is_current(&place->answer, revision, now_s);
	if (is_found) {
		append_bytes(&copy, bytes_of_buffer(&place->answer.der));
		found = place->answer;
	}
	pthread_mutex_unlock(&answers->lock);
	if (check_buffer(&copy, fault) < 0)
		return -1;
	found.der = take_buffer(&copy);
	*ret_answer = found;
	*ret_found = is_found;
	return 0;
}

void cache_answer(struct ocsp_cache *answers, struct bytes question,
		  const struct cached_answer *answer)
{
	CLEANUP(clear_buffer) struct buffer copy = {0};
	CLEANUP(clear_buffer) struct buffer old = {0};
	uint8_t sha256[SHA256_LEN];
	struct place *place;

	append_bytes(&copy, bytes_of_buffer(&answer->der));
	if (copy.failed)
		return;
	digest_sha256(question, sha256);
	place = find_place(answers, sha256);
	pthread_mutex_lock(&answers->lock);
	old = take_buffer(&place->answer.der);
	memcpy(place->question_sha256, sha256, SHA256_LEN);
	place->answer = *answer;
	place->answer.der = take_buffer(&copy);
	pthread_mutex_unlock(&answers->lock);
}
