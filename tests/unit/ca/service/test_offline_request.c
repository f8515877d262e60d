#include "common/ca/service/offline_request.h"

#include "common/wire/envelope.h"
#include "common/wire/status.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>

/* A CA that shares a key with client1, and a request that was encrypted under it. */
struct desk {
	struct ca_fixture ca;
	struct key_ring ring;
	struct buffer jwe;
};

static void encrypt_json(struct desk *desk, const char *typ, struct bytes json)
{
	clear_buffer(&desk->jwe);
	OK(encrypt_message(&desk->ring.keys[0].key, typ, NULL, json, &desk->jwe, &fault));
}

static void open_desk(struct desk *desk, const char *iss, int64_t iat_s, size_t count)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	struct shared_key key;

	*desk = (struct desk){0};
	make_ca(&desk->ca, NOW_S);
	OK(generate_shared_key(&key, &fault));
	OK(add_peer_key(&desk->ring, "client1", &key, &fault));
	add_members(&request, "client1", 1, count);
	OK(make_request_claims(iss, CA_NAME, iat_s, &request.claims, &fault));
	OK(format_certificates_request(&request, &json, &fault));
	encrypt_json(desk, CERTIFICATES_TYPE, bytes_of_secret(&json));
}

static void close_desk(struct desk *desk)
{
	clear_buffer(&desk->jwe);
	clear_key_ring(&desk->ring);
	remove_ca(&desk->ca);
}

static int answer_at(struct desk *desk, int64_t now_s, struct offline_answer *ret_answer,
		     struct fault *fault)
{
	return answer_offline_request(desk->ca.authority, desk->ca.layout, &desk->ring,
				      bytes_of_buffer(&desk->jwe), now_s, ret_answer, fault);
}

/* catalogue 21, 23 */
Test(offline_request, refuses_a_jwe_of_another_type_or_key)
{
	struct desk desk;
	CLEANUP(clear_offline_answer) struct offline_answer answer = {0};

	open_desk(&desk, "client1", NOW_S, 1);
	encrypt_json(&desk, STATUS_TYPE, bytes_of_string("{}"));
	REFUSED(answer_at(&desk, NOW_S, &answer, &fault), FAULT_UNDECRYPTABLE, "typ");
	clear_key_ring(&desk.ring);
	REFUSED(answer_at(&desk, NOW_S, &answer, &fault), FAULT_UNDECRYPTABLE, NULL);
	cr_expect_eq(count_rows(&desk.ca), 0);
	close_desk(&desk);
}

/* catalogue 63, 64, 67: the refusal is in the answer, for the person who carries it back */
Test(offline_request, refuses_whole_requests_in_the_answer)
{
	static const struct {
		const char *iss;
		int64_t age_s;
		const char *type;
	} rows[] = {
		{"client2", 0, "not_for_us"},
		{"client1", OFFLINE_WINDOW_S + 1, "stale"},
		{"client1", -FRESHNESS_WINDOW_S - 1, "stale"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct desk desk;
		CLEANUP(clear_offline_answer) struct offline_answer answer = {0};

		open_desk(&desk, rows[i].iss, NOW_S - rows[i].age_s, 1);
		OK(answer_at(&desk, NOW_S, &answer, &fault));
		cr_expect_str_eq(answer.answer.refusal.type, rows[i].type, "row %zu", i);
		cr_expect_gt(answer.jwe.len, 0);
		cr_expect_eq(count_rows(&desk.ca), 0);
		close_desk(&desk);
	}
}

Test(offline_request, refuses_a_plaintext_that_is_no_request)
{
	struct desk desk;
	CLEANUP(clear_offline_answer) struct offline_answer answer = {0};

	open_desk(&desk, "client1", NOW_S, 1);
	encrypt_json(&desk, CERTIFICATES_TYPE, bytes_of_string("{\"requests\":{}}"));
	OK(answer_at(&desk, NOW_S, &answer, &fault));
	cr_expect_str_eq(answer.answer.refusal.type, "malformed");
	close_desk(&desk);
}

/* catalogue 61: after weeks, and again */
Test(offline_request, certifies_a_request_once_that_is_weeks_old)
{
	struct desk desk;
	CLEANUP(clear_offline_answer) struct offline_answer answer = {0};
	CLEANUP(clear_offline_answer) struct offline_answer again = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer read = {0};

	open_desk(&desk, "client1", NOW_S, 3);
	OK(answer_at(&desk, NOW_S + 60 * DAY_S, &answer, &fault));
	cr_expect_str_eq(answer.client, "client1");
	cr_expect_eq(answer.answer.certificate_count, 3);
	OK(answer_at(&desk, NOW_S + 61 * DAY_S, &again, &fault));
	cr_assert_eq(again.answer.certificate_count, 3);
	for (size_t i = 0; i < 3; i++)
		cr_expect(equal_bytes(bytes_of_buffer(&answer.answer.certificates[i].pem),
				      bytes_of_buffer(&again.answer.certificates[i].pem)));
	cr_expect_eq(count_rows(&desk.ca), 3);
	OK(open_answer(&certificates_kind, &desk.ring.keys[0].key, bytes_of_buffer(&answer.jwe),
		       &json, &fault));
	OK(parse_certificates_answer(bytes_of_secret(&json), &read, &fault));
	cr_expect_eq(read.certificate_count, 3);
	close_desk(&desk);
}
