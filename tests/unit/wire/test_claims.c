#include "common/wire/claims.h"

#include "common/wire/claims_json.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t digest[SHA256_LEN] = {1, 2, 3};

static struct request_claims sample_claims(void)
{
	struct request_claims claims;

	OK(make_request_claims("client1", "ca", 1790000000, &claims, &fault));
	return claims;
}

/* catalogue 63, 64, 67, 23 */
Test(claims, refuses_a_wrong_sender_receiver_or_time)
{
	static const struct {
		const char *peer;
		const char *self;
		int64_t now_s;
		const char *type;
		const char *part;
	} rows[] = {
		{"client2", "ca", 1790000000, "not_for_us", "iss: expected \"client2\""},
		{"client1", "client2", 1790000000, "not_for_us", "aud: expected \"client2\""},
		{"client1", "ca", 1790000301, "stale", "301 s off"},
		{"client1", "ca", 1790000000 - 301, "stale", "-301 s off"},
		{"client1", "ca", 1990000000, "stale", "iat"},
		{"client1", "ca", 1790000300, "", ""},
		{"client1", "ca", 1790000000 - 300, "", ""},
	};
	struct request_claims claims = sample_claims();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct refusal refusal = {0};

		check_request_claims(&claims, rows[i].peer, rows[i].self, rows[i].now_s, &refusal);
		cr_expect_str_eq(refusal.type, rows[i].type, "row %zu", i);
		cr_expect(strstr(refusal.detail, rows[i].part) != NULL, "row %zu: %s", i,
			  refusal.detail);
	}
}

/* catalogue 63, 64, 67: a request that was carried by hand may be old; all else holds for it too
 */
Test(claims, allow_a_request_by_hand_to_be_old)
{
	static const struct {
		const char *peer;
		const char *self;
		int64_t age_s;
		const char *type;
		const char *part;
	} rows[] = {
		{"client2", "ca", 0, "not_for_us", "iss: expected \"client2\""},
		{"client1", "client2", 0, "not_for_us", "aud: expected \"client2\""},
		{"client1", "ca", OFFLINE_WINDOW_S + 1, "stale", "at most 90 days ago"},
		{"client1", "ca", -301, "stale", "found -301 s"},
		{"client1", "ca", OFFLINE_WINDOW_S, "", ""},
		{"client1", "ca", -300, "", ""},
	};
	struct request_claims claims = sample_claims();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct refusal refusal = {0};

		check_offline_claims(&claims, rows[i].peer, rows[i].self,
				     claims.iat_s + rows[i].age_s, &refusal);
		cr_expect_str_eq(refusal.type, rows[i].type, "row %zu", i);
		cr_expect(strstr(refusal.detail, rows[i].part) != NULL, "row %zu: %s", i,
			  refusal.detail);
	}
}

/* catalogue 65 */
Test(claims, refuses_the_answer_to_another_request)
{
	struct request_claims request = sample_claims();
	struct request_claims other = sample_claims();
	struct answer_claims answer = make_answer_claims(&request, digest, "ca", "client1", 1);
	struct answer_claims changed;
	uint8_t other_digest[SHA256_LEN] = {9};

	OK(check_answer_claims(&answer, &request, digest, &fault));

	REFUSED(check_answer_claims(&answer, &other, digest, &fault), FAULT_UNVERIFIED,
		"in_reply_to");

	REFUSED(check_answer_claims(&answer, &request, other_digest, &fault), FAULT_UNVERIFIED,
		"request_sha256");

	changed = make_answer_claims(&request, digest, "client2", "client1", 1);
	REFUSED(check_answer_claims(&changed, &request, digest, &fault), FAULT_UNVERIFIED,
		"from \"client2\"");

	changed = make_answer_claims(&request, digest, "ca", "client2", 1);
	REFUSED(check_answer_claims(&changed, &request, digest, &fault), FAULT_UNVERIFIED,
		"to \"client2\"");
}

Test(claims, turns_a_refusal_of_the_ca_into_a_fault)
{
	static const struct {
		const char *type;
		enum fault_class class;
	} rows[] = {
		{"", FAULT_NONE},
		{"rate", FAULT_BUSY},
		{"failed", FAULT_FAILED},
		{"disabled", FAULT_REFUSED},
	};
	struct request_claims request = sample_claims();
	struct answer_claims answer = make_answer_claims(&request, digest, "ca", "client1", 1);
	struct answer_claims other = make_answer_claims(&request, digest, "ca", "client2", 1);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct refusal refusal = {0};
		struct fault fault = {0};

		set_refusal(&refusal, rows[i].type, "not today");
		cr_expect_eq(check_ca_answer(&answer, &refusal, &request, digest, &fault),
			     rows[i].class == FAULT_NONE ? 0 : -1);
		cr_expect_eq(fault.class, rows[i].class, "row %zu: %s", i, fault.text);
		/* Only the CA's own answer is looked into. */
		fault = (struct fault){0};
		cr_expect_eq(check_ca_answer(&other, &refusal, &request, digest, &fault), -1);
		cr_expect_eq(fault.class, FAULT_UNVERIFIED, "row %zu: %s", i, fault.text);
	}
}

Test(claims, makes_a_jti_that_is_new_each_time)
{
	struct request_claims a = sample_claims();
	struct request_claims b = sample_claims();

	cr_expect(valid_jti(a.jti));
	cr_expect_str_neq(a.jti, b.jti);
}

Test(claims, turns_the_fault_of_a_request_into_a_refusal_and_passes_a_failure_on)
{
	static const struct {
		enum fault_class class;
		const char *given;
		const char *type; /* "": passed on */
	} rows[] = {
		{FAULT_MALFORMED, NULL, "malformed"},
		{FAULT_TOO_LARGE, NULL, "too_many"},
		{FAULT_REFUSED, NULL, "malformed"},
		{FAULT_MALFORMED, "bad_request", "bad_request"},
		{FAULT_TOO_LARGE, "policy", "policy"},
		{FAULT_FAILED, NULL, ""},
		{FAULT_FAILED, "bad_request", ""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct fault failure = {0};
		struct refusal refusal = {0};
		struct fault fault = {0};
		bool passed_on = rows[i].type[0] == '\0';

		set_fault(&failure, rows[i].class, "member \"x\"");
		cr_expect_eq(refuse_for_fault(&failure, rows[i].given, &refusal, &fault),
			     passed_on ? -1 : 0, "row %zu", i);
		cr_expect_eq(is_refused(&refusal), !passed_on, "row %zu", i);
		cr_expect_str_eq(refusal.type, rows[i].type, "row %zu", i);
		cr_expect_str_eq(passed_on ? fault.text : refusal.detail, "member \"x\"");
	}
}

Test(claims, masks_control_characters_in_a_refusal)
{
	struct refusal refusal = {0};

	set_refusal(&refusal, "policy", "subject \"%s\"", "a\nb\x1b[31m");
	cr_expect_str_eq(refusal.detail, "subject \"a?b?[31m\"");
}
