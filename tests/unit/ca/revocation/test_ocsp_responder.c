#include "common/ca/revocation/ocsp_responder.h"

#include "common/base/workers.h"
#include "common/ca/revocation/responder_key.h"
#include "common/x509/der.h"
#include "common/x509/revocation/ocsp_request.h"
#include "common/x509/revocation/ocsp_verify.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NONCE ((struct bytes){(const uint8_t *)"0123456789abcdef", 16})
#define NO_NONCE ((struct bytes){0})

/* A CA with one certificate, and its responder. */
struct scene {
	struct ca_fixture ca;
	struct certificate *certificate;
	struct responder *responder;
	struct issuer_hashes hashes;
};

static struct scene scene;

static const struct certificate *root_of(void)
{
	return authority_root(scene.ca.authority);
}

static struct bytes serial_of(void)
{
	return certificate_serial(scene.certificate);
}

static void set_up(void)
{
	make_ca(&scene.ca, NOW_S);
	scene.certificate = certify_one(&scene.ca, NOW_S);
	OK(digest_issuer(root_of(), &scene.hashes, &fault));
	OK(new_responder(authority_store(scene.ca.authority), authority_issuers(scene.ca.authority),
			 &scene.responder, &fault));
}

static void tear_down(void)
{
	free_responder(&scene.responder);
	free_certificate(&scene.certificate);
	remove_ca(&scene.ca);
}

TestSuite(ocsp_responder, .init = set_up, .fini = tear_down);

static void answer_octets(struct bytes request, int64_t now_s, struct ocsp_reply *ret_reply)
{
	OK(answer_ocsp(scene.responder, request, now_s, ret_reply, &fault));
}

static void ask(struct bytes serial, struct bytes nonce, int64_t now_s,
		struct ocsp_reply *ret_reply)
{
	CLEANUP(clear_buffer) struct buffer request = {0};

	OK(format_ocsp_request(&scene.hashes, OCSP_SHA1, serial, nonce, &request, &fault));
	answer_octets(bytes_of_buffer(&request), now_s, ret_reply);
}

/* Asks as a client does, which verifies the answer. */
static void expect_answer(int64_t now_s, enum ocsp_status status, struct ocsp_single *ret_single)
{
	CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
	struct ocsp_question question = {
		.issuer = root_of(), .serial = serial_of(), .nonce = NONCE, .now_s = now_s};
	struct verdict verdict = {0};

	ask(serial_of(), NONCE, now_s, &reply);
	cr_expect_eq(reply.problem.class, FAULT_NONE, "%s", reply.problem.text);
	OK(verify_ocsp_response(bytes_of_buffer(&reply.der), &question, ret_single, &verdict,
				&fault));
	cr_assert(!verdict.invalid, "%s", verdict.reason);
	cr_expect_eq(ret_single->status, status);
	cr_expect(!reply.cacheable);
}

static void revoke(int64_t at_s, int reason)
{
	char sql[160];

	(void)snprintf(sql, sizeof(sql),
		       "UPDATE certificate SET revoked_at = %lld, reason = %d"
		       " WHERE client = 'client1'; UPDATE state SET revision = revision + 1",
		       (long long)at_s, reason);
	run_foreign_sql(scene.ca.store_path, sql);
}

/* catalogue 54, 57 */
Test(ocsp_responder, refuses_octets_that_are_no_request)
{
	static const struct {
		struct bytes request;
		const char *part;
	} rows[] = {
		{{(const uint8_t *)"", 0}, "not DER"},
		{{(const uint8_t *)"GET /", 5}, "not DER"},
		{{(const uint8_t *)"\x30\x04\x30\x02\x30\x00", 6}, "at least one CertID"},
	};
	static const uint8_t expected[] = {0x30, 0x03, 0x0a, 0x01, OCSP_MALFORMED_REQUEST};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};

		answer_octets(rows[i].request, NOW_S, &reply);
		cr_expect_eq(reply.outcome, OCSP_MALFORMED_REQUEST, "row %zu", i);
		cr_expect_not_null(strstr(reply.problem.text, rows[i].part), "row %zu: %s", i,
				   reply.problem.text);
		cr_expect(equal_bytes(bytes_of_buffer(&reply.der),
				      (struct bytes){expected, sizeof(expected)}));
		cr_expect(!reply.cacheable);
	}
	cr_expect_eq(count_rows(&scene.ca), 1);
}

/* A record that cannot be read is no reason to say "good". catalogue 79 */
Test(ocsp_responder, says_internal_error_when_the_record_fails)
{
	static const char *const rows[] = {
		"ALTER TABLE state RENAME TO gone",
		"ALTER TABLE certificate RENAME TO gone",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
		struct ocsp_single single;

		expect_answer(NOW_S, OCSP_GOOD, &single);
		run_foreign_sql(scene.ca.store_path, rows[i]);
		ask(serial_of(), NONCE, NOW_S, &reply);
		cr_expect_eq(reply.outcome, OCSP_INTERNAL_ERROR, "row %zu", i);
		cr_expect_eq(reply.problem.class, FAULT_FAILED, "row %zu", i);
		cr_expect_not_null(strstr(reply.problem.text, "no such table"), "%s",
				   reply.problem.text);
		/* Each round has a scene of its own. */
		tear_down();
		set_up();
	}
}

/* Catalogue 52: a certificate that is not exactly ours is unknown, never good. */
Test(ocsp_responder, says_unknown_for_other_certificates)
{
	static const uint8_t never_issued[SERIAL_MAX] = {0x11, 0x22};
	static const char other_digest[] =
		"\x30\x1c\x30\x1a\x30\x18\x30\x16\x30\x14\x30\x07\x06\x03\x2a\x03\x04\x05\x00"
		"\x04\x02zz\x04\x02zz\x02\x01\x01";
	struct bytes requests[6];
	struct buffer made[5] = {0};
	struct issuer_hashes hashes;
	struct bytes longer;

	hashes = scene.hashes;
	longer = (struct bytes){never_issued, 19};
	OK(format_ocsp_request(&hashes, OCSP_SHA256, (struct bytes){never_issued, SERIAL_MAX},
			       NONCE, &made[0], &fault));
	OK(format_ocsp_request(&hashes, OCSP_SHA1, longer, NONCE, &made[1], &fault));
	hashes.name[OCSP_SHA1][3] ^= 1;
	OK(format_ocsp_request(&hashes, OCSP_SHA1, serial_of(), NONCE, &made[2], &fault));
	hashes.key[OCSP_SHA256][3] ^= 1;
	OK(format_ocsp_request(&hashes, OCSP_SHA256, serial_of(), NONCE, &made[3], &fault));
	OK(format_ocsp_request(&scene.hashes, OCSP_SHA1, certificate_serial(root_of()), NONCE,
			       &made[4], &fault));
	for (size_t i = 0; i < COUNT_OF(made); i++)
		requests[i] = bytes_of_buffer(&made[i]);
	requests[5] = (struct bytes){(const uint8_t *)other_digest, sizeof(other_digest) - 1};
	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
		struct ocsp_response response = {0};
		struct ocsp_single single = {0};

		answer_octets(requests[i], NOW_S, &reply);
		cr_assert_eq(reply.outcome, OCSP_SUCCESSFUL, "row %zu: %s", i, reply.problem.text);
		OK(parse_ocsp_response(bytes_of_buffer(&reply.der), &response, &fault), "row %zu",
		   i);
		cr_assert_null(read_ocsp_single(&response.singles, &single));
		cr_expect_eq(single.status, OCSP_UNKNOWN, "row %zu", i);
	}
	for (size_t i = 0; i < COUNT_OF(made); i++)
		clear_buffer(&made[i]);
}

Test(ocsp_responder, says_good_revoked_or_unknown_as_recorded)
{
	struct ocsp_single single;

	expect_answer(NOW_S, OCSP_GOOD, &single);
	cr_expect_eq(single.this_update_s, NOW_S);
	cr_expect_eq(single.next_update_s, NOW_S + OCSP_VALIDITY_S);
	/* It ended, and was not revoked. */
	expect_answer(NOW_S + 100 * DAY_S, OCSP_GOOD, &single);
	revoke(NOW_S + 5, 1);
	expect_answer(NOW_S + 100 * DAY_S, OCSP_REVOKED, &single);
	cr_expect_eq(single.revoked_at_s, NOW_S + 5);
	cr_expect_eq(single.reason, 1);
	/* Pruned: no longer known. catalogue 52 */
	run_foreign_sql(scene.ca.store_path, "DELETE FROM certificate WHERE client = 'client1';"
					     "UPDATE state SET revision = revision + 1");
	expect_answer(NOW_S + 100 * DAY_S, OCSP_UNKNOWN, &single);
}

/* catalogue 57: one answer to as many questions as there may be, in their order */
Test(ocsp_responder, answers_several_at_once)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
	struct ocsp_response response = {0};

	for (unsigned int i = 0; i < OCSP_CERTIFICATES_MAX; i++) {
		uint8_t serial[SERIAL_MAX];
		size_t begin = request.len;

		memcpy(serial, serial_of().data, SERIAL_MAX);
		serial[SERIAL_MAX - 1] ^= (uint8_t)i;
		append_cert_id(&request, i % 2 == 0 ? OCSP_SHA1 : OCSP_SHA256, &scene.hashes,
			       (struct bytes){serial, SERIAL_MAX});
		enclose_der(&request, begin, DER_SEQUENCE);
	}
	for (size_t i = 0; i < 3; i++)
		enclose_der(&request, 0, DER_SEQUENCE);
	answer_octets(bytes_of_buffer(&request), NOW_S, &reply);
	OK(parse_ocsp_response(bytes_of_buffer(&reply.der), &response, &fault));
	for (unsigned int i = 0; i < OCSP_CERTIFICATES_MAX; i++) {
		struct ocsp_single single = {0};

		cr_assert_null(read_ocsp_single(&response.singles, &single));
		cr_expect_eq(single.status, i == 0 ? OCSP_GOOD : OCSP_UNKNOWN, "answer %u", i);
		cr_expect_eq(single.id.serial.data[SERIAL_MAX - 1] ^ i,
			     serial_of().data[SERIAL_MAX - 1]);
	}
	cr_expect_eq(response.singles.len, 0);
	/* Most of them are unknown, and may be issued the next moment. */
	cr_expect(!reply.cacheable);
}

static bool same_answer(struct bytes nonce, int64_t first_s, int64_t second_s)
{
	CLEANUP(clear_ocsp_reply) struct ocsp_reply first = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply second = {0};

	ask(serial_of(), nonce, first_s, &first);
	ask(serial_of(), nonce, second_s, &second);
	cr_expect_eq(first.outcome, OCSP_SUCCESSFUL);
	cr_expect_eq(second.outcome, OCSP_SUCCESSFUL);
	cr_expect_eq(second.cacheable, nonce.len == 0);
	return equal_bytes(bytes_of_buffer(&first.der), bytes_of_buffer(&second.der));
}

Test(ocsp_responder, keeps_answers_until_something_changes)
{
	CLEANUP(clear_ocsp_reply) struct ocsp_reply before = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply after = {0};
	struct ocsp_response response = {0};
	struct ocsp_single single = {0};

	cr_expect(same_answer(NO_NONCE, NOW_S, NOW_S + OCSP_VALIDITY_S / 2 - 1));
	cr_expect(!same_answer(NO_NONCE, NOW_S, NOW_S + OCSP_VALIDITY_S / 2));
	cr_expect(!same_answer(NONCE, NOW_S + 7000, NOW_S + 7000));
	ask(serial_of(), NO_NONCE, NOW_S + 8000, &before);
	/* catalogue 59: at once */
	revoke(NOW_S + 8000, 4);
	ask(serial_of(), NO_NONCE, NOW_S + 8000, &after);
	OK(parse_ocsp_response(bytes_of_buffer(&after.der), &response, &fault));
	cr_assert_null(read_ocsp_single(&response.singles, &single));
	cr_expect_eq(single.status, OCSP_REVOKED);
	cr_expect_eq(single.reason, 4);
	cr_expect(same_answer(NO_NONCE, NOW_S + 8001, NOW_S + 8002));
}

/* catalogue 97 */
Test(ocsp_responder, never_goes_back_in_time)
{
	CLEANUP(clear_ocsp_reply) struct ocsp_reply late = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply early = {0};

	ask(serial_of(), NONCE, NOW_S + OCSP_SKEW_S, &late);
	ask(serial_of(), NONCE, NOW_S, &early);
	cr_expect_eq(late.this_update_s, NOW_S + OCSP_SKEW_S);
	cr_expect_eq(early.this_update_s, NOW_S + OCSP_SKEW_S);
}

/* catalogue 97, 106: neither a kept answer nor a kept time outlasts the wrong clock. */
Test(ocsp_responder, drops_what_is_from_the_future)
{
	static const int64_t aheads_s[] = {OCSP_SKEW_S + 1, 30 * DAY_S, 4 * 365 * DAY_S};
	struct ocsp_single single;

	for (size_t i = 0; i < COUNT_OF(aheads_s); i++) {
		CLEANUP(clear_ocsp_reply) struct ocsp_reply ahead = {0};
		CLEANUP(clear_ocsp_reply) struct ocsp_reply right = {0};

		ask(serial_of(), NO_NONCE, NOW_S + aheads_s[i], &ahead);
		cr_expect_eq(ahead.this_update_s, NOW_S + aheads_s[i]);
		ask(serial_of(), NO_NONCE, NOW_S, &right);
		cr_expect_eq(right.outcome, OCSP_SUCCESSFUL, "row %zu: %s", i, right.problem.text);
		cr_expect_eq(right.this_update_s, NOW_S);
		expect_answer(NOW_S, OCSP_GOOD, &single);
		cr_expect_eq(single.this_update_s, NOW_S);
	}
}

Test(ocsp_responder, has_one_certificate_and_renews_it)
{
	struct ocsp_single single;
	int64_t renewal_s = NOW_S + RESPONDER_VALIDITY_S * 2 / 3;

	cr_expect_eq(count_rows(&scene.ca), 1);
	for (int64_t at_s = NOW_S; at_s < renewal_s - DAY_S / 24; at_s += DAY_S)
		expect_answer(at_s, OCSP_GOOD, &single);
	cr_expect_eq(count_rows(&scene.ca), 2);
	expect_answer(renewal_s, OCSP_GOOD, &single);
	expect_answer(renewal_s + 1, OCSP_GOOD, &single);
	cr_expect_eq(count_rows(&scene.ca), 3);
}

/* The operator revoked the responder's own certificate, or pruned it. */
Test(ocsp_responder, makes_another_key_when_its_certificate_is_revoked_or_gone)
{
	static const char *const rows[] = {
		"UPDATE certificate SET revoked_at = 1, reason = 1 WHERE client = 'ca';"
		"UPDATE state SET revision = revision + 1",
		"DELETE FROM certificate WHERE client = 'ca';"
		"UPDATE state SET revision = revision + 1",
	};
	struct ocsp_single single;

	expect_answer(NOW_S, OCSP_GOOD, &single);
	cr_expect_eq(count_rows(&scene.ca), 2);
	run_foreign_sql(scene.ca.store_path, rows[0]);
	for (size_t i = 0; i < 3; i++)
		expect_answer(NOW_S, OCSP_GOOD, &single);
	cr_expect_eq(count_rows(&scene.ca), 3);
	run_foreign_sql(scene.ca.store_path, rows[1]);
	for (size_t i = 0; i < 3; i++)
		expect_answer(NOW_S, OCSP_GOOD, &single);
	cr_expect_eq(count_rows(&scene.ca), 2);
}

/* A renewal that fails is retried a minute later; after the old key's end nothing is signed. */
Test(ocsp_responder, signs_on_while_a_renewal_fails)
{
	static const char barrier[] = "CREATE TRIGGER barrier BEFORE INSERT ON certificate BEGIN"
				      " SELECT RAISE(ABORT, 'no more'); END";
	CLEANUP(clear_ocsp_reply) struct ocsp_reply first = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply second = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply third = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply last = {0};
	int64_t renewal_s = NOW_S + RESPONDER_VALIDITY_S * 2 / 3;

	ask(serial_of(), NONCE, NOW_S, &first);
	clear_ocsp_reply(&first);
	run_foreign_sql(scene.ca.store_path, barrier);
	ask(serial_of(), NONCE, renewal_s, &first);
	cr_expect_eq(first.outcome, OCSP_SUCCESSFUL);
	cr_expect_eq(first.problem.class, FAULT_FAILED);
	cr_expect_not_null(strstr(first.problem.text, "no more"), "%s", first.problem.text);
	ask(serial_of(), NONCE, renewal_s + 59, &second);
	cr_expect_eq(second.problem.class, FAULT_NONE);
	ask(serial_of(), NONCE, renewal_s + 60, &third);
	cr_expect_eq(third.outcome, OCSP_SUCCESSFUL);
	cr_expect_eq(third.problem.class, FAULT_FAILED);
	ask(serial_of(), NONCE, NOW_S + RESPONDER_VALIDITY_S + 1, &last);
	cr_expect_eq(last.outcome, OCSP_INTERNAL_ERROR);
	cr_expect_not_null(strstr(last.problem.text, "no more"), "%s", last.problem.text);
}

/* No answer speaks of a time after its signer's end. */
Test(ocsp_responder, ends_with_its_certificate)
{
	CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply after = {0};
	int64_t end_s;

	end_s = certificate_not_after(root_of());
	for (int i = 0; i < 3; i++) {
		clear_ocsp_reply(&reply);
		ask(serial_of(), NONCE, end_s - 10 + i, &reply);
		cr_expect_eq(reply.outcome, OCSP_SUCCESSFUL, "%s", reply.problem.text);
		cr_expect_eq(reply.next_update_s, end_s);
	}
	/* It cannot be had longer, so it is not made anew each time. */
	cr_expect_eq(count_rows(&scene.ca), 2);
	ask(serial_of(), NONCE, end_s + 1, &after);
	cr_expect_eq(after.outcome, OCSP_INTERNAL_ERROR);
	cr_expect_not_null(strstr(after.problem.text, "own certificate has ended"), "%s",
			   after.problem.text);
}

static int ask_once(size_t index, void *context, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};

	(void)context;
	if (format_ocsp_request(&scene.hashes, OCSP_SHA256, serial_of(),
				index % 2 == 0 ? NONCE : NO_NONCE, &request, fault) < 0 ||
	    answer_ocsp(scene.responder, bytes_of_buffer(&request), NOW_S + (int64_t)index, &reply,
			fault) < 0)
		return -1;
	return reply.outcome == OCSP_SUCCESSFUL
		       ? 0
		       : set_fault(fault, FAULT_FAILED, "%s", reply.problem.text);
}

Test(ocsp_responder, is_asked_by_many_at_once)
{
	OK(run_tasks(400, 8, ask_once, NULL, &fault));
	/* However many threads found no key, they made one. */
	cr_expect_eq(count_rows(&scene.ca), 2);
}

/* The responder's certificate is in the store like every other. */
Test(ocsp_responder, records_its_certificate)
{
	CLEANUP(clear_own_key) struct own_key key = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct store *store;
	bool found = false;

	store = authority_store(scene.ca.authority);
	OK(make_responder_key(store, authority_issuer(scene.ca.authority), NOW_S, &key, &fault));
	OK(find_by_serial(store, certificate_serial(key.certificate).data, &record, &found,
			  &fault));
	cr_assert(found);
	cr_expect_str_eq(record.client, "ca");
	cr_expect_str_eq(record.member, "ocsp");
	cr_expect_str_eq(record.subject, "CN=OCSP responder");
	cr_expect_eq(record.not_after_s, NOW_S + RESPONDER_VALIDITY_S);
	cr_expect_eq(record.not_before_s, certificate_not_before(key.certificate));
	cr_expect(equal_bytes(bytes_of_buffer(&record.der), certificate_der(key.certificate)));
}
