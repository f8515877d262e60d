#include "common/ca/issue/certify_batch.h"

#include "common/ca/store/clients.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/requests.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YEAR_S (365 * DAY_S)

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(certify_batch, .init = set_up, .fini = tear_down);

/* --- a request of the whole batch is refused --- */

static void expect_batch_refused(const struct certificates_answer *answer, const char *type,
				 const char *part)
{
	cr_expect_str_eq(answer->refusal.type, type, "%s: %s", answer->refusal.type,
			 answer->refusal.detail);
	cr_expect_not_null(strstr(answer->refusal.detail, part), "expected \"%s\" in \"%s\"", part,
			   answer->refusal.detail);
	cr_expect_eq(answer->certificate_count, 0);
	cr_expect_eq(answer->refusal_count, 0);
}

Test(certify_batch, refuses_a_client_that_the_manifest_does_not_have)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_members(&request, "client9", 1, 1);
	certify(&fixture, "client9", &request, NOW_S, &answer);
	expect_batch_refused(&answer, "unknown_client", "no client \"client9\"");
	cr_expect_eq(count_rows(&fixture), 0);
}

/* Asks again for certified keys, so that no later check of the client stands in for the first. */
static void expect_certified_client_refused(const struct certificates_request *request,
					    const char *type, const char *part)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	certify(&fixture, "client1", request, NOW_S, &answer);
	expect_batch_refused(&answer, type, part);
	cr_expect_eq(count_rows(&fixture), 1);
}

Test(certify_batch, refuses_a_client_that_is_disabled_or_revoked)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	const struct revocation revocation = {.client = "client1", .by = CA_NAME, .now_s = NOW_S};
	struct revocation_summary summary;
	struct store *store;
	bool changed;

	store = authority_store(fixture.authority);
	add_members(&request, "client1", 1, 1);
	certify(&fixture, "client1", &request, NOW_S, &answer);
	cr_assert_eq(answer.certificate_count, 1);
	OK(set_client_disabled(store, "client1", true, NOW_S, &changed, &fault));
	expect_certified_client_refused(&request, "disabled",
					"has disabled the client \"client1\" until");
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	expect_certified_client_refused(&request, "revoked",
					"revoked the client \"client1\", which is for good");
}

/* catalogue 29, 30 */
Test(certify_batch, refuses_none_and_more_than_the_most)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	certify(&fixture, "client1", &request, NOW_S, &answer);
	expect_batch_refused(&answer, "malformed", "at least one");
	for (size_t i = 0; i <= BATCH_SIZE_MAX; i++)
		add_member(&request, "key", (struct buffer){0});
	certify(&fixture, "client1", &request, NOW_S, &answer);
	expect_batch_refused(&answer, "too_many", "expected at most 1000 requests, found 1001");
	cr_expect_eq(count_rows(&fixture), 0);
}

/* catalogue 44: also when only one of the two could be certified, and when both are already. */
Test(certify_batch, refuses_a_batch_with_the_same_key_twice)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_request) struct certificates_request twice = {0};
	CLEANUP(clear_certificates_request) struct certificates_request once = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_members(&twice, "client1", 1, 3);
	add_member(&twice, "key8", make_csr(key, "CN=client1-8", NULL));
	add_member(&twice, "key9", make_csr(key, "CN=not-allowed", NULL));
	certify(&fixture, "client1", &twice, NOW_S, &answer);
	expect_batch_refused(&answer, "duplicate_key", "have the same public key");
	cr_expect_not_null(strstr(answer.refusal.detail, "key8"));
	cr_expect_not_null(strstr(answer.refusal.detail, "key9"));
	cr_expect_eq(count_rows(&fixture), 0);
	add_member(&once, "key8", make_csr(key, "CN=client1-8", NULL));
	certify(&fixture, "client1", &once, NOW_S, &answer);
	cr_expect_eq(answer.certificate_count, 1);
	clear_certificates_answer(&answer);
	certify(&fixture, "client1", &twice, NOW_S, &answer);
	expect_batch_refused(&answer, "duplicate_key", "have the same public key");
	cr_expect_eq(count_rows(&fixture), 1);
}

/* --- certificates --- */

/* A client makes two keys and asks for their certificates. */
Test(certify_batch, is_used_like_this)
{
	CLEANUP(free_private_key) struct private_key *first = make_key(KEY_ECDSA_P256);
	CLEANUP(free_private_key) struct private_key *second = make_key(KEY_ED25519);
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_member(&request, "key1", make_csr(first, "CN=client1-1", NULL));
	add_member(&request, "key2", make_csr(second, "CN=somebody-else", NULL));
	OK(certify_batch(fixture.authority, "client1", &request, NOW_S, &answer, &fault));

	/* The answer as a whole is no refusal; each member has a certificate or a refusal. */
	cr_expect_not(is_refused(&answer.refusal));
	cr_assert_eq(answer.certificate_count, 1);
	cr_expect_str_eq(answer.certificates[0].name, "key1");
	cr_assert_eq(answer.refusal_count, 1);
	cr_expect_str_eq(answer.refusals[0].name, "key2");
	cr_expect_str_eq(answer.refusals[0].refusal.type, "policy");

	/* The certificate is in the store before the answer is. */
	cr_expect_eq(count_rows(&fixture), 1);
}

Test(certify_batch, certifies_every_type_of_key)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	for (size_t i = 0; i < KEY_TYPE_COUNT; i++) {
		CLEANUP(free_private_key) struct private_key *key = make_key((enum key_type)i);
		char subject[64];
		char name[32];

		(void)snprintf(subject, sizeof(subject), "CN=client1-%zu", i + 1);
		(void)snprintf(name, sizeof(name), "key%zu", i + 1);
		add_member(&request, name, make_csr(key, subject, NULL));
	}
	certify(&fixture, "client1", &request, NOW_S, &answer);
	cr_assert_eq(answer.certificate_count, KEY_TYPE_COUNT);
	for (size_t i = 0; i < KEY_TYPE_COUNT; i++) {
		struct certificate *certificate =
			parse_member_certificate(&answer, request.members[i].name);

		cr_expect_str_eq(answer.certificates[i].name, request.members[i].name);
		cr_expect_eq(public_key_type(certificate_public_key(certificate)),
			     (enum key_type)i);
		expect_valid(&fixture, certificate, NOW_S);
		free_certificate(&certificate);
	}
}

/* catalogue 41: names are case-sensitive, and are only repeated, never used for a file here. */
Test(certify_batch, takes_names_that_differ_in_case_for_two)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_members(&request, "client1", 1, 2);
	(void)snprintf(request.members[0].name, NAME_SIZE, "Key");
	(void)snprintf(request.members[1].name, NAME_SIZE, "kEY");
	certify(&fixture, "client1", &request, NOW_S, &answer);
	cr_expect_not_null(find_pem(&answer, "Key"));
	cr_expect_not_null(find_pem(&answer, "kEY"));
	cr_expect_neq(find_pem(&answer, "Key"), find_pem(&answer, "kEY"));
}

/* catalogue 49, 95, 96 */
Test(certify_batch, keeps_validity_within_the_roots)
{
	static const struct {
		int64_t root_s; /* when the root is made */
		int64_t at_s;   /* when the certificate is */
		int64_t not_before_s;
		int64_t not_after_s;
	} rows[] = {
		{NOW_S, NOW_S + DAY_S, NOW_S + DAY_S - 300, NOW_S + 91 * DAY_S},
		/* No earlier than the root's notBefore. */
		{NOW_S, NOW_S - 200, NOW_S - 300, NOW_S - 200 + 90 * DAY_S},
		/* No later than the root's notAfter: a second before, at and after its last second.
		 */
		{NOW_S, NOW_S + 10 * YEAR_S - 90 * DAY_S - 1,
		 NOW_S + 10 * YEAR_S - 90 * DAY_S - 301, NOW_S + 10 * YEAR_S - 1},
		{NOW_S, NOW_S + 10 * YEAR_S - 90 * DAY_S, NOW_S + 10 * YEAR_S - 90 * DAY_S - 300,
		 NOW_S + 10 * YEAR_S},
		{NOW_S, NOW_S + 10 * YEAR_S - 90 * DAY_S + 1,
		 NOW_S + 10 * YEAR_S - 90 * DAY_S - 299, NOW_S + 10 * YEAR_S},
		{NOW_S, NOW_S + 10 * YEAR_S - DAY_S, NOW_S + 10 * YEAR_S - DAY_S - 300,
		 NOW_S + 10 * YEAR_S},
		{NOW_S, NOW_S + 10 * YEAR_S, NOW_S + 10 * YEAR_S - 300, NOW_S + 10 * YEAR_S},
		/* Over 2038-01-19T03:14:08Z. */
		{INT64_C(2147483000), INT64_C(2147483600), INT64_C(2147483300),
		 INT64_C(2147483600) + 90 * DAY_S},
		/* From UTCTime to GeneralizedTime: 2049-12-31T12:00:00Z. */
		{INT64_C(2524500000), INT64_C(2524564800), INT64_C(2524564500),
		 INT64_C(2524564800) + 90 * DAY_S},
		/* After 2050. */
		{INT64_C(3000000000), INT64_C(3000000100), INT64_C(2999999800),
		 INT64_C(3000000100) + 90 * DAY_S},
	};

	cr_assert_eq(setenv("TZ", "America/New_York", 1), 0);
	tzset();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificate *certificate;

		remove_ca(&fixture);
		make_ca(&fixture, rows[i].root_s);
		certificate = certify_one(&fixture, rows[i].at_s);
		cr_expect_eq(certificate_not_before(certificate), rows[i].not_before_s, "row %zu",
			     i);
		cr_expect_eq(certificate_not_after(certificate), rows[i].not_after_s, "row %zu", i);
		expect_valid(&fixture, certificate, rows[i].at_s);
		free_certificate(&certificate);
	}
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

/* catalogue 48 */
Test(certify_batch, gives_every_certificate_a_serial_of_its_own)
{
	enum { COUNT = BATCH_SIZE_MAX };
	static uint8_t serials[COUNT][SERIAL_MAX];
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_members(&request, "client1", 1, COUNT);
	certify(&fixture, "client1", &request, NOW_S, &answer);
	cr_assert_eq(answer.certificate_count, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		struct certificate *certificate =
			parse_member_certificate(&answer, answer.certificates[i].name);
		struct bytes serial = certificate_serial(certificate);

		cr_assert_eq(serial.len, SERIAL_MAX);
		cr_assert(serial.data[0] > 0 && serial.data[0] < 0x80);
		memcpy(serials[i], serial.data, SERIAL_MAX);
		free_certificate(&certificate);
	}
	qsort(serials, COUNT, SERIAL_MAX, compare_serials);
	for (size_t i = 1; i < COUNT; i++)
		cr_assert_neq(compare_serials(serials[i - 1], serials[i]), 0);
}

/* --- a public key is certified once --- */

static void expect_same_pem(const struct certificates_answer *a,
			    const struct certificates_answer *b, const char *name)
{
	const struct buffer *x = find_pem(a, name);
	const struct buffer *y = find_pem(b, name);

	cr_assert_not_null(x, "%s", name);
	cr_assert_not_null(y, "%s", name);
	cr_expect(equal_bytes(bytes_of_buffer(x), bytes_of_buffer(y)), "%s", name);
}

/* catalogue 61, 93 */
Test(certify_batch, answers_the_same_request_with_the_same_certificates)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer first = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer again = {0};

	add_members(&request, "client1", 1, 20);
	certify(&fixture, "client1", &request, NOW_S, &first);
	free_authority(&fixture.authority);
	OK(open_ca(&fixture, NOW_S + 60, &fault));
	certify(&fixture, "client1", &request, NOW_S + 60, &again);
	cr_expect_eq(again.certificate_count, 20);
	for (size_t i = 0; i < 20; i++)
		expect_same_pem(&first, &again, request.members[i].name);
	cr_expect_eq(count_rows(&fixture), 20);
}

/* catalogue 62: other groups, other names, other subjects; what counts is the key. */
Test(certify_batch, answers_the_same_keys_in_other_groups_with_the_same_certificates)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_request) struct certificates_request one = {0};
	CLEANUP(clear_certificates_request) struct certificates_request more = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer first = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer again = {0};

	add_member(&one, "key1", make_csr(key, "CN=client1-1", NULL));
	certify(&fixture, "client1", &one, NOW_S, &first);
	add_members(&more, "client1", 2, 3);
	add_member(&more, "elsewhere", make_csr(key, "CN=whoever", "DNS:bank.example"));
	add_member(&more, "forged", tamper_csr(make_csr(key, "CN=client1-1", NULL), 3));
	more.count--; /* the same key twice would refuse all */
	certify(&fixture, "client1", &more, NOW_S, &again);
	cr_expect_eq(again.certificate_count, 4);
	cr_expect(equal_bytes(bytes_of_buffer(find_pem(&first, "key1")),
			      bytes_of_buffer(find_pem(&again, "elsewhere"))));
	cr_expect_eq(count_rows(&fixture), 4);
	more.count++;
}

/* The client would refuse the whole answer for it, with all the certificates that are good. */
Test(certify_batch, refuses_a_key_whose_certificate_has_expired_and_certifies_the_others)
{
	static const int64_t last_s = NOW_S + 90 * DAY_S; /* of the first certificate */
	CLEANUP(clear_certificates_request) struct certificates_request one = {0};
	CLEANUP(clear_certificates_request) struct certificates_request more = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);

	add_member(&one, "key1", make_csr(key, "CN=client1-1", NULL));
	add_member(&more, "key1", make_csr(key, "CN=client1-1", NULL));
	add_members(&more, "client1", 2, 1);
	certify(&fixture, "client1", &one, NOW_S, &answer);
	clear_certificates_answer(&answer);
	certify(&fixture, "client1", &one, last_s, &answer);
	cr_expect_eq(answer.certificate_count, 1);
	clear_certificates_answer(&answer);
	certify(&fixture, "client1", &more, last_s + 1, &answer);
	cr_expect_eq(answer.certificate_count, 1);
	expect_member_refused(&answer, "key1", "key_spent", "has expired: make another key");
}

enum { THREADS = 16, KEYS = 12 };

struct asker {
	const char *client;
	const struct certificates_request *request;
	struct certificates_answer answer;
	int result;
};

static void *ask_for_batch(void *argument)
{
	struct asker *asker = argument;
	struct fault fault = {0};

	asker->result = certify_batch(fixture.authority, asker->client, asker->request, NOW_S,
				      &asker->answer, &fault);
	return NULL;
}

/* catalogue 62, 89 */
Test(certify_batch, certifies_each_key_once_when_many_ask_at_once)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	struct asker askers[THREADS];
	pthread_t threads[THREADS];

	add_members(&request, "client1", 1, KEYS);
	for (size_t i = 0; i < THREADS; i++) {
		askers[i] = (struct asker){.client = "client1", .request = &request};
		cr_assert_eq(pthread_create(&threads[i], NULL, ask_for_batch, &askers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		cr_assert_eq(askers[i].result, 0);
		cr_assert_eq(askers[i].answer.certificate_count, KEYS);
		for (size_t j = 0; j < KEYS; j++)
			expect_same_pem(&askers[0].answer, &askers[i].answer,
					request.members[j].name);
	}
	cr_expect_eq(count_rows(&fixture), KEYS);
	for (size_t i = 0; i < THREADS; i++)
		clear_certificates_answer(&askers[i].answer);
}

/* catalogue 44: two clients with one key, at once; exactly one of them gets it. */
Test(certify_batch, gives_a_key_to_one_of_two_clients_that_race_for_it)
{
	for (size_t round = 0; round < 10; round++) {
		CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
		struct certificates_request requests[2] = {{.count = 0}, {.count = 0}};
		static const char *const clients[] = {"client1", "client2"};
		struct asker askers[2];
		pthread_t threads[2];

		remove_ca(&fixture);
		make_ca(&fixture, NOW_S);
		add_member(&requests[0], "key1", make_csr(key, "CN=client1-1", NULL));
		add_member(&requests[1], "key1", make_csr(key, "CN=client2-1", NULL));
		for (size_t i = 0; i < 2; i++) {
			askers[i] = (struct asker){.client = clients[i], .request = &requests[i]};
			cr_assert_eq(pthread_create(&threads[i], NULL, ask_for_batch, &askers[i]),
				     0);
		}
		for (size_t i = 0; i < 2; i++)
			cr_assert_eq(pthread_join(threads[i], NULL), 0);
		cr_expect_eq(
			askers[0].answer.certificate_count + askers[1].answer.certificate_count, 1);
		cr_expect_eq(askers[0].answer.refusal_count + askers[1].answer.refusal_count, 1);
		for (size_t i = 0; i < 2; i++) {
			if (askers[i].answer.refusal_count == 1)
				expect_member_refused(&askers[i].answer, "key1", "key_taken",
						      "another client");
			clear_certificates_answer(&askers[i].answer);
			clear_certificates_request(&requests[i]);
		}
	}
}

Test(certify_batch, holds_the_quota_when_requests_race_for_it)
{
	struct certificates_request requests[4] = {{.count = 0}};
	struct asker askers[4];
	pthread_t threads[4];
	size_t certificates = 0;

	for (size_t i = 0; i < 4; i++) {
		add_members(&requests[i], "few", 10 * i + 1, 2);
		askers[i] = (struct asker){.client = "few", .request = &requests[i]};
		cr_assert_eq(pthread_create(&threads[i], NULL, ask_for_batch, &askers[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		certificates += askers[i].answer.certificate_count;
		clear_certificates_answer(&askers[i].answer);
		clear_certificates_request(&requests[i]);
	}
	cr_expect_eq(certificates, 3);
	cr_expect_eq(count_rows(&fixture), 3);
}

/* A request that comes again gets the certificate that there is, and no new draw. */
Test(certify_batch, spreads_the_ends_of_certificates_within_the_jitter)
{
	enum { MEMBERS = 20 };
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer again = {0};
	int64_t earliest_s = NOW_S + YEAR_S;
	int64_t latest_s = 0;

	fixture.manifest->ca.certificate_jitter_percent = 10;
	add_members(&request, "client1", 1, MEMBERS);
	certify(&fixture, "client1", &request, NOW_S, &answer);
	certify(&fixture, "client1", &request, NOW_S, &again);
	for (size_t i = 1; i <= MEMBERS; i++) {
		CLEANUP(free_certificate) struct certificate *certificate = NULL;
		CLEANUP(free_certificate) struct certificate *same = NULL;
		char name[FILE_NAME_SIZE];
		int64_t end_s;

		name_member(i, name);
		certificate = parse_member_certificate(&answer, name);
		same = parse_member_certificate(&again, name);
		cr_expect(equal_bytes(certificate_der(certificate), certificate_der(same)));
		end_s = certificate_not_after(certificate);
		earliest_s = end_s < earliest_s ? end_s : earliest_s;
		latest_s = end_s > latest_s ? end_s : latest_s;
	}
	cr_expect_leq(latest_s, NOW_S + 90 * DAY_S);
	cr_expect_geq(earliest_s, NOW_S + 81 * DAY_S);
	/* That 20 draws from 777,601 seconds lie within one hour has a probability below 10^-40. */
	cr_expect_gt(latest_s - earliest_s, 3600);
}
