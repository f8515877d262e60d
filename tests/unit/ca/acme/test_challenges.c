#include "common/ca/acme/challenges.h"

#include "common/ca/acme/validator.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ca_fixture fixture;
static struct store *store;
static const uint8_t id[CHALLENGE_ID_LEN] = {1};

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	store = authority_store(fixture.authority);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(challenges, .init = set_up, .fini = tear_down);

static struct challenge read_at(int64_t now_s)
{
	struct challenge challenge;

	OK(find_challenge(store, id, now_s, &challenge, &fault));
	return challenge;
}

static bool begin_at(int64_t now_s)
{
	bool begun;

	OK(begin_challenge(store, id, NOW_S + 3600, now_s, &begun, &fault));
	return begun;
}

Test(challenges, are_processed_once_and_then_what_they_became)
{
	const struct refusal none = {0};

	cr_expect_eq(read_at(NOW_S).state, CHALLENGE_PENDING);
	cr_expect(begin_at(NOW_S));
	cr_expect_eq(read_at(NOW_S).state, CHALLENGE_PROCESSING);
	cr_expect(!begin_at(NOW_S), "it is being processed");
	OK(settle_challenge(store, id, &none, NOW_S + 2, &fault));
	cr_expect_eq(read_at(NOW_S + 3000).state, CHALLENGE_VALID);
	cr_expect_eq(read_at(NOW_S + 3000).validated_at_s, NOW_S + 2);
	cr_expect(!begin_at(NOW_S + 3000), "it is valid for good");
}

Test(challenges, that_failed_keep_the_reason_and_are_not_tried_again)
{
	struct refusal problem = {0};
	const struct refusal none = {0};

	set_refusal(&problem, "connection", "nobody there");
	cr_expect(begin_at(NOW_S));
	OK(settle_challenge(store, id, &problem, NOW_S, &fault));
	cr_expect_eq(read_at(NOW_S).state, CHALLENGE_INVALID);
	cr_expect_str_eq(read_at(NOW_S).problem.type, "connection");
	cr_expect_str_eq(read_at(NOW_S).problem.detail, "nobody there");
	cr_expect(!begin_at(NOW_S + 3000));
	OK(settle_challenge(store, id, &none, NOW_S, &fault));
	cr_expect_eq(read_at(NOW_S).state, CHALLENGE_INVALID, "the first outcome counts");
}

/* A front end that was killed meanwhile, or had no room. */
Test(challenges, that_nobody_finished_are_pending_again)
{
	cr_expect(begin_at(NOW_S));
	cr_expect_eq(read_at(NOW_S + VALIDATION_MAX_S).state, CHALLENGE_PROCESSING);
	cr_expect_eq(read_at(NOW_S + VALIDATION_MAX_S + 1).state, CHALLENGE_PENDING);
	cr_expect(begin_at(NOW_S + VALIDATION_MAX_S + 1));
	cr_expect_eq(read_at(NOW_S + VALIDATION_MAX_S + 2).state, CHALLENGE_PROCESSING);
	OK(drop_challenge(store, id, &fault));
	cr_expect_eq(read_at(NOW_S).state, CHALLENGE_PENDING);
	cr_expect(begin_at(NOW_S));
}

Test(challenges, of_orders_that_have_expired_go)
{
	static const uint8_t other[CHALLENGE_ID_LEN] = {2};
	const struct refusal none = {0};
	bool begun;

	cr_expect(begin_at(NOW_S));
	OK(settle_challenge(store, id, &none, NOW_S, &fault));
	OK(begin_challenge(store, other, NOW_S + 9000, NOW_S + 3601, &begun, &fault));
	cr_expect_eq(read_at(NOW_S + 3601).state, CHALLENGE_PENDING);
}

Test(challenges, are_of_one_name_of_one_order)
{
	const struct acme_order first = {.id = {1}};
	const struct acme_order second = {.id = {2}};
	uint8_t ids[3][CHALLENGE_ID_LEN];

	identify_challenge(&first, "DNS:a.example", ids[0]);
	identify_challenge(&first, "DNS:b.example", ids[1]);
	identify_challenge(&second, "DNS:a.example", ids[2]);
	cr_expect_neq(memcmp(ids[0], ids[1], CHALLENGE_ID_LEN), 0);
	cr_expect_neq(memcmp(ids[0], ids[2], CHALLENGE_ID_LEN), 0);
}

/* RFC 8555 section 8.3: white space at the end counts for nothing, all else does. */
Test(challenges, are_met_by_the_key_authorization_alone)
{
	static const struct {
		struct bytes page;
		bool met;
	} rows[] = {{{(const uint8_t *)"a.b", 3}, true},
		    {{(const uint8_t *)"a.b\r\n \t", 7}, true},
		    {{(const uint8_t *)"a.b\0", 4}, false},
		    {{(const uint8_t *)" a.b", 4}, false},
		    {{(const uint8_t *)"a.bc", 4}, false},
		    {{(const uint8_t *)"a.", 2}, false},
		    {{(const uint8_t *)"", 0}, false},
		    {{(const uint8_t *)"\n\n\n", 3}, false},
		    {{(const uint8_t *)"a.b\na.b", 7}, false}};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(is_key_authorization(rows[i].page, "a.b"), rows[i].met, "row %zu", i);
}
