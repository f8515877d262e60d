#include "common/wire/key_exchange.h"
#include "tests/fuzz/target.h"

#include <assert.h>
#include <string.h>

/* A successor is whole, or absent. */
static void check_successor(const struct successor *successor)
{
	assert(!successor->present || valid_name(successor->key.kid));
	assert(successor->present || successor->key.kid[0] == '\0');
}

static void check_same(const struct successor *a, const struct successor *b)
{
	assert(a->present == b->present && a->old_ends_s == b->old_ends_s);
	assert(strcmp(a->key.kid, b->key.kid) == 0);
	assert(memcmp(a->key.key, b->key.key, sizeof(a->key.key)) == 0);
}

static void try_request(struct bytes json)
{
	CLEANUP(clear_key_request) struct key_request request = {0};
	CLEANUP(clear_key_request) struct key_request again = {0};
	CLEANUP(clear_secret) struct secret written = {0};
	struct request_claims claims = {0};
	struct fault fault = {0};

	if (parse_key_request(json, &request, &claims, &fault) < 0) {
		assert(!request.offer.present && fault.class == FAULT_MALFORMED);
		return;
	}
	check_successor(&request.offer);
	assert(format_key_request(&request, &written, &fault) == 0);
	assert(parse_key_request(bytes_of_secret(&written), &again, &claims, &fault) == 0);
	check_same(&request.offer, &again.offer);
}

static void try_answer(struct bytes json)
{
	CLEANUP(clear_key_answer) struct key_answer answer = {0};
	CLEANUP(clear_key_answer) struct key_answer again = {0};
	CLEANUP(clear_secret) struct secret written = {0};
	struct fault fault = {0};

	if (parse_key_answer(json, &answer, &fault) < 0) {
		assert(!answer.successor.present && fault.class == FAULT_MALFORMED);
		return;
	}
	check_successor(&answer.successor);
	assert(!is_refused(&answer.refusal) || !answer.successor.present);
	assert(format_key_answer(&answer, &written, &fault) == 0);
	assert(parse_key_answer(bytes_of_secret(&written), &again, &fault) == 0);
	assert(is_refused(&answer.refusal) == is_refused(&again.refusal));
	check_same(&answer.successor, &again.successor);
}

/* A question and an answer of /v1/key are refused with a reason, or are written as they were read.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_request((struct bytes){data, size});
	try_answer((struct bytes){data, size});
	return 0;
}
