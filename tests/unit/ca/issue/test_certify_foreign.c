#include "common/ca/issue/certify_foreign.h"

#include "common/ca/store/statement.h"
#include "common/x509/profile.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(certify_foreign, .init = set_up, .fini = tear_down);

/* The manifest's client "strict" may have P-256 keys, and the name of its policy. */
static struct csr *make_request(const struct private_key *key, const char *subject,
				const char *alt_name)
{
	CLEANUP(clear_buffer) struct buffer pem = make_csr(key, subject, alt_name);
	struct csr *csr = NULL;

	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	return csr;
}

static void expect_refused(const struct foreign_request *request, const char *type,
			   const char *part)
{
	CLEANUP(clear_foreign_answer) struct foreign_answer answer = {0};

	OK(certify_foreign(fixture.authority, request, NOW_S, &answer, &fault));
	cr_expect_str_eq(answer.refusal.type, type);
	cr_expect_not_null(strstr(answer.refusal.detail, part), "%s", answer.refusal.detail);
	cr_expect_eq(answer.der.len, 0);
}

Test(certify_foreign, is_used_like_this)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_csr) struct csr *csr = make_request(key, "CN=client1-1", NULL);
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	const struct foreign_request request = {.client = "client1", .csr = csr, .prefix = "est"};
	struct foreign_answer answer = {0};
	struct foreign_answer again = {0};
	char expected[NAME_SIZE];
	char serial[SERIAL_TEXT_SIZE];
	bool found;

	OK(certify_foreign(fixture.authority, &request, NOW_S, &answer, &fault));
	cr_assert(!is_refused(&answer.refusal), "%s", answer.refusal.detail);
	OK(parse_certificate_der(bytes_of_buffer(&answer.der), &certificate, &fault));
	cr_expect_str_eq(certificate_subject(certificate), "CN=client1-1");
	OK(find_by_serial(authority_store(fixture.authority), certificate_serial(certificate).data,
			  &record, &found, &fault));
	cr_assert(found);
	format_serial(certificate_serial(certificate), serial);
	(void)snprintf(expected, sizeof(expected), "est-%s", serial);
	cr_expect_str_eq(record.member, expected);

	/* The same question has the same answer. */
	OK(certify_foreign(fixture.authority, &request, NOW_S, &again, &fault));
	cr_expect(equal_bytes(bytes_of_buffer(&again.der), bytes_of_buffer(&answer.der)));
	clear_buffer(&answer.der);
	clear_buffer(&again.der);
}

/* RFC 5280 section 4.2.1.6. */
Test(certify_foreign, gives_names_without_a_subject_as_critical_ones)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_csr) struct csr *csr = make_request(key, "CN=anything", NULL);
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	CLEANUP(clear_alt_names) struct alt_names found = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct foreign_request request = {
		.client = "strict", .csr = csr, .prefix = "acme", .names = &names, .new_key = true};
	struct foreign_answer answer = {0};
	struct verdict verdict = {0};

	OK(add_alt_name(&names, "DNS:elsewhere.example", &fault));
	expect_refused(&request, "policy", "elsewhere.example");
	clear_alt_names(&names);
	expect_refused(&request, "policy", "subject");
	OK(add_alt_name(&names, "DNS:strict-1.example", &fault));
	OK(certify_foreign(fixture.authority, &request, NOW_S, &answer, &fault));
	cr_assert(!is_refused(&answer.refusal), "%s", answer.refusal.detail);
	OK(parse_certificate_der(bytes_of_buffer(&answer.der), &certificate, &fault));
	cr_expect_str_eq(certificate_subject(certificate), "");
	OK(get_certificate_alt_names(certificate, &found, &fault));
	cr_assert_eq(found.count, 1);
	cr_expect_str_eq(found.names[0], "DNS:strict-1.example");
	/* The profile refuses an empty subject beside names that are not critical. */
	OK(check_profile(certificate, PROFILE_MEMBER, &verdict, &fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	expect_refused(&request, "key_spent", "make another key");
	clear_buffer(&answer.der);
}

static int refuse_beside(void *context, struct transaction *transaction,
			 const struct issued_certificate *record, struct fault *fault)
{
	(void)context;
	(void)transaction;
	(void)record;
	return set_fault(fault, FAULT_REFUSED, "not beside this");
}

Test(certify_foreign, records_nothing_when_what_belongs_to_it_cannot_be_recorded)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_csr) struct csr *csr = make_request(key, "CN=client1-1", NULL);
	const struct foreign_request request = {
		.client = "client1", .csr = csr, .prefix = "est", .beside = refuse_beside};
	struct foreign_answer answer = {0};

	REFUSED(certify_foreign(fixture.authority, &request, NOW_S, &answer, &fault), FAULT_REFUSED,
		"not beside this");
	cr_expect_eq(count_rows(&fixture), 0);
}

Test(certify_foreign, goes_by_quota_and_state_of_the_client)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_csr) struct csr *csr = make_request(key, "CN=client1-1", NULL);
	const struct foreign_request nobody = {.client = "nobody", .csr = csr, .prefix = "est"};
	const struct foreign_request barred = {.client = "client1", .csr = csr, .prefix = "est"};
	bool changed;

	expect_refused(&nobody, "unknown_client", "nobody");
	OK(set_client_disabled(authority_store(fixture.authority), "client1", true, NOW_S, &changed,
			       &fault));
	expect_refused(&barred, "disabled", "client1");
	for (int i = 0; i < 3; i++) {
		CLEANUP(free_private_key) struct private_key *each = make_key(KEY_ECDSA_P256);
		CLEANUP(free_csr) struct csr *own = make_request(each, "CN=few-1", NULL);
		const struct foreign_request request = {
			.client = "few", .csr = own, .prefix = "est"};
		struct foreign_answer answer = {0};

		OK(certify_foreign(fixture.authority, &request, NOW_S, &answer, &fault));
		cr_expect(!is_refused(&answer.refusal), "%s", answer.refusal.detail);
		clear_buffer(&answer.der);
	}
	CLEANUP(free_private_key) struct private_key *fourth = make_key(KEY_ECDSA_P256);
	CLEANUP(free_csr) struct csr *more = make_request(fourth, "CN=few-4", NULL);
	const struct foreign_request request = {.client = "few", .csr = more, .prefix = "est"};

	expect_refused(&request, "quota", "has as many");
}

/* --- at once --- */

enum { ASKERS = 8 };

struct asker {
	pthread_t thread;
	struct foreign_request request;
	struct foreign_answer answer;
	int result;
};

static void *ask(void *argument)
{
	struct asker *asker = argument;
	struct fault problem = {0};

	asker->result = certify_foreign(fixture.authority, &asker->request, NOW_S, &asker->answer,
					&problem);
	return NULL;
}

static void ask_at_once(struct asker askers[ASKERS])
{
	for (size_t i = 0; i < ASKERS; i++)
		cr_assert_eq(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	for (size_t i = 0; i < ASKERS; i++)
		cr_assert_eq(pthread_join(askers[i].thread, NULL), 0);
}

static void clear_askers(struct asker askers[ASKERS])
{
	for (size_t i = 0; i < ASKERS; i++)
		clear_foreign_answer(&askers[i].answer);
}

/* A client that repeats itself must not refuse those that arrive with it. */
Test(certify_foreign, gives_one_certificate_to_one_key_that_asks_several_times_at_once)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_csr) struct csr *csr = make_request(key, "CN=client1-1", NULL);
	struct asker askers[ASKERS] = {0};

	for (size_t i = 0; i < ASKERS; i++)
		askers[i].request =
			(struct foreign_request){.client = "client1", .csr = csr, .prefix = "est"};
	ask_at_once(askers);
	for (size_t i = 0; i < ASKERS; i++) {
		cr_expect_eq(askers[i].result, 0);
		cr_assert_gt(askers[i].answer.der.len, 0, "%s", askers[i].answer.refusal.detail);
		cr_expect(equal_bytes(bytes_of_buffer(&askers[i].answer.der),
				      bytes_of_buffer(&askers[0].answer.der)));
	}
	cr_expect_eq(count_rows(&fixture), 1);
	clear_askers(askers);
}

/* One of them is over its quota, one is nobody's, and one cannot be recorded: the others get
   theirs. */
Test(certify_foreign, gives_each_of_several_at_once_its_own_reason)
{
	static const struct {
		const char *client;
		const char *subject;
		const char *type;
	} rows[ASKERS] = {
		{"client1", "CN=client1-1", ""},       {"nobody", "CN=a", "unknown_client"},
		{"client1", "CN=another", "policy"},   {"few", "CN=few-1", ""},
		{"client1", "CN=client1-2", "beside"}, {"few", "CN=few-2", ""},
		{"few", "CN=other", "policy"},         {"client1", "CN=client1-3", ""}};
	struct private_key *keys[ASKERS];
	struct csr *csrs[ASKERS];
	struct asker askers[ASKERS] = {0};

	for (size_t i = 0; i < ASKERS; i++) {
		keys[i] = make_key(KEY_ECDSA_P256);
		csrs[i] = make_request(keys[i], rows[i].subject, NULL);
		askers[i].request = (struct foreign_request){
			.client = rows[i].client, .csr = csrs[i], .prefix = "est"};
		if (strcmp(rows[i].type, "beside") == 0)
			askers[i].request.beside = refuse_beside;
	}
	ask_at_once(askers);
	for (size_t i = 0; i < ASKERS; i++) {
		bool fails = strcmp(rows[i].type, "beside") == 0;

		cr_expect_eq(askers[i].result, fails ? -1 : 0, "row %zu", i);
		cr_expect_str_eq(askers[i].answer.refusal.type, fails ? "" : rows[i].type);
		cr_expect_eq(askers[i].answer.der.len > 0, rows[i].type[0] == '\0', "row %zu", i);
		free_private_key(&keys[i]);
		free_csr(&csrs[i]);
	}
	cr_expect_eq(count_rows(&fixture), 4);
	clear_askers(askers);
}
