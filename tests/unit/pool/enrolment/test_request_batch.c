#include "common/pool/enrolment/request_batch.h"

#include "common/pool/members/trust.h"
#include "tests/support/expect.h"
#include "tests/support/failing_memory.h"
#include "tests/unit/pool/enrolling.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>
#include <unistd.h>

/* Answers as a faulty CA, or an impostor, could give them. */

static void leave_one_out(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	clear_buffer(&answer->certificates[--answer->certificate_count].pem);
}

static void add_one(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	(void)strcpy(answer->refusals[answer->refusal_count].name, "key99");
	set_refusal(&answer->refusals[answer->refusal_count++].refusal, "policy", "who?");
}

static void rename_one(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	(void)strcpy(answer->certificates[0].name, "key01");
}

static void answer_one_twice(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	memcpy(answer->refusals[answer->refusal_count].name, answer->certificates[0].name,
	       NAME_SIZE);
	set_refusal(&answer->refusals[answer->refusal_count++].refusal, "policy", "both");
}

static void swap_certificates(struct fake_ca *ca, struct certificates_answer *answer)
{
	struct buffer pem = answer->certificates[0].pem;

	(void)ca;
	answer->certificates[0].pem = answer->certificates[1].pem;
	answer->certificates[1].pem = pem;
}

static void replace_last(struct certificates_answer *answer, const struct issuer *issuer,
			 const struct fixture *fixture, size_t client, int64_t not_before_s,
			 int64_t not_after_s)
{
	struct member_pem *last = &answer->certificates[answer->certificate_count - 1];
	CLEANUP(clear_buffer) struct buffer csr = {0};
	char name[FILE_NAME_SIZE];

	name_csr(parse_member(last->name), name);
	csr = get_file(fixture->layouts[client]->csr_file, name);
	clear_buffer(&last->pem);
	last->pem = certify_pem(issuer, bytes_of_buffer(&csr), not_before_s, not_after_s);
}

static void certify_foreign_key(struct fake_ca *ca, struct certificates_answer *answer)
{
	int64_t now_s = ca->fixture->now_s;

	replace_last(answer, ca->issuer, ca->fixture, 1, now_s - 300, now_s + 3600);
}

static void certify_by_other_root(struct fake_ca *ca, struct certificates_answer *answer)
{
	int64_t now_s = ca->fixture->now_s;

	replace_last(answer, ca->fixture->other_issuer, ca->fixture, 0, now_s - 300, now_s + 3600);
}

static void certify_the_past(struct fake_ca *ca, struct certificates_answer *answer)
{
	int64_t now_s = ca->fixture->now_s;

	replace_last(answer, ca->issuer, ca->fixture, 0, now_s - 7200, now_s - 3600);
}

static void certify_the_past_by_other_root(struct fake_ca *ca, struct certificates_answer *answer)
{
	int64_t now_s = ca->fixture->now_s;

	replace_last(answer, ca->fixture->other_issuer, ca->fixture, 0, now_s - 7200, now_s - 3600);
}

static void certify_the_future(struct fake_ca *ca, struct certificates_answer *answer)
{
	int64_t now_s = ca->fixture->now_s;

	replace_last(answer, ca->issuer, ca->fixture, 0, now_s + 3600, now_s + 7200);
}

static void give_the_root(struct fake_ca *ca, struct certificates_answer *answer)
{
	struct buffer *pem = &answer->certificates[0].pem;

	clear_buffer(pem);
	OK(format_certificate_pem(certificate_der(issuer_certificate(ca->issuer)), pem, &fault));
}

static void give_text(struct fake_ca *ca, struct certificates_answer *answer)
{
	struct buffer *pem = &answer->certificates[0].pem;

	(void)ca;
	clear_buffer(pem);
	append_string(pem, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
}

static void append_text(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	append_string(&answer->certificates[0].pem, "and more");
}

static void refuse_all(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	while (answer->certificate_count > 0)
		clear_buffer(&answer->certificates[--answer->certificate_count].pem);
	set_refusal(&answer->refusal, "unknown_client", "no client of that name");
}

static void fail_all(struct fake_ca *ca, struct certificates_answer *answer)
{
	refuse_all(ca, answer);
	set_refusal(&answer->refusal, "failed", "the disk is full");
}

/* catalogue 66, 65, 23 */
static const struct {
	spoil_certificates *spoil;
	enum envelope_mischief mischief;
	enum fault_class class;
	const char *text;
	spoil_claims *spoil_claims;
} bad_answers[] = {
	{leave_one_out, 0, FAULT_UNVERIFIED, "neither a certificate nor a refusal for member",
	 NULL},
	{add_one, 0, FAULT_UNVERIFIED, "\"key99\" that was not asked for", NULL},
	{rename_one, 0, FAULT_UNVERIFIED, "\"key01\" that was not asked for", NULL},
	{answer_one_twice, 0, FAULT_UNVERIFIED, "member \"key1\" twice", NULL},
	{swap_certificates, 0, FAULT_UNVERIFIED, "for another key than the request's", NULL},
	{certify_foreign_key, 0, FAULT_UNVERIFIED, "for another key than the request's", NULL},
	{certify_by_other_root, 0, FAULT_UNVERIFIED, "member \"key3\"", NULL},
	{certify_the_past_by_other_root, 0, FAULT_UNVERIFIED, "member \"key3\"", NULL},
	{certify_the_future, 0, FAULT_UNVERIFIED, "member \"key3\"", NULL},
	{give_the_root, 0, FAULT_UNVERIFIED, "for another key than the request's", NULL},
	{give_text, 0, FAULT_UNVERIFIED, "member \"key1\"", NULL},
	{append_text, 0, FAULT_UNVERIFIED, "member \"key1\"", NULL},
	{NULL, 0, FAULT_UNVERIFIED, "another request", change_in_reply_to},
	{NULL, 0, FAULT_UNVERIFIED, "another request", change_digest},
	{NULL, 0, FAULT_UNVERIFIED, "from \"client3\"", change_iss},
	{NULL, 0, FAULT_UNVERIFIED, "to \"client3\"", change_aud},
	{refuse_all, 0, FAULT_REFUSED, "the CA refused (unknown_client): no client of that name",
	 NULL},
	{fail_all, 0, FAULT_FAILED, "the disk is full", NULL},
	{NULL, ENVELOPE_REFLECTED, FAULT_UNVERIFIED, "typ", NULL},
	{NULL, ENVELOPE_WRONG_KEY, FAULT_UNVERIFIED, "cannot be decrypted", NULL},
	{NULL, ENVELOPE_WRONG_TYPE, FAULT_UNVERIFIED, "typ", NULL},
	{NULL, ENVELOPE_EMPTY, FAULT_UNVERIFIED, "cannot be decrypted", NULL},
	{NULL, ENVELOPE_HTML, FAULT_UNREACHABLE, "text/html", NULL},
	{NULL, ENVELOPE_NOT_FOUND, FAULT_NOT_FOUND, "", NULL},
};

static struct fixture fixture;
static struct fake_ca fake_ca;

static void set_up(void)
{
	open_fixture(&fixture);
	make_client_pool(&fixture, 0);
	start_fake_ca(&fake_ca, &fixture);
}

static void tear_down(void)
{
	stop_fake_ca(&fake_ca);
	close_fixture(&fixture);
}

TestSuite(request_batch, .init = set_up, .fini = tear_down);

ParameterizedTestParameters(request_batch, refuses_an_answer_that_does_not_hold_and_writes_nothing)
{
	static size_t indices[COUNT_OF(bad_answers)];

	for (size_t i = 0; i < COUNT_OF(indices); i++)
		indices[i] = i;
	return cr_make_param_array(size_t, indices, COUNT_OF(indices));
}

ParameterizedTest(size_t *index, request_batch,
		  refuses_an_answer_that_does_not_hold_and_writes_nothing)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled = {0};

	make_client_pool(&fixture, 1);
	fake_ca.spoil_certificates = bad_answers[*index].spoil;
	fake_ca.spoil_claims = bad_answers[*index].spoil_claims;
	fake_ca.envelope.mischief = bad_answers[*index].mischief;
	REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), bad_answers[*index].class,
		bad_answers[*index].text, "%zu", *index);
	cr_assert_eq(count_files(fixture.layouts[0]->cert), 0);
	cr_assert_eq(reports.count, 0);
}

/* --- a CA below the root --- */

static void add_to_chain(struct certificates_answer *answer, const struct certificate *certificate)
{
	OK(format_certificate_pem(certificate_der(certificate),
				  &answer->chain[answer->chain_count++], &fault));
}

static void leave_chain_out(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	clear_buffer(&answer->chain[--answer->chain_count]);
}

static void repeat_chain(struct fake_ca *ca, struct certificates_answer *answer)
{
	add_to_chain(answer, issuer_certificate(ca->issuer));
}

static void add_root_to_chain(struct fake_ca *ca, struct certificates_answer *answer)
{
	add_to_chain(answer, issuer_root(ca->issuer));
}

static void add_stranger_to_chain(struct fake_ca *ca, struct certificates_answer *answer)
{
	struct issuer *stranger =
		make_intermediate_issuer(ca->fixture->issuer, "CN=Stranger", ca->fixture->now_s);

	add_to_chain(answer, issuer_certificate(stranger));
	free_issuer(&stranger);
}

static void replace_chain(struct fake_ca *ca, struct certificates_answer *answer)
{
	leave_chain_out(ca, answer);
	add_stranger_to_chain(ca, answer);
}

/* An issuer of that name below a root of the same name: only the signatures differ. */
static void forge_chain(struct fake_ca *ca, struct certificates_answer *answer)
{
	struct issuer *forged = make_intermediate_issuer(ca->fixture->other_issuer, "CN=Issuing CA",
							 ca->fixture->now_s);

	leave_chain_out(ca, answer);
	add_to_chain(answer, issuer_certificate(forged));
	free_issuer(&forged);
}

static void certify_by_root(struct fake_ca *ca, struct certificates_answer *answer)
{
	int64_t now_s = ca->fixture->now_s;

	replace_last(answer, ca->fixture->issuer, ca->fixture, 0, now_s - 300, now_s + 3600);
}

static void chain_text(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	append_string(&answer->chain[0], "and more");
}

/* catalogue 10, 66 */
Test(request_batch, refuses_a_chain_that_does_not_lead_to_the_root_without_a_detour)
{
	static const struct {
		spoil_certificates *spoil;
		const char *text;
	} rows[] = {
		{leave_chain_out, "no path to the root"},
		{repeat_chain, "chain: CN=Issuing CA: expected the certificates between"},
		{add_root_to_chain, "chain: CN=Test Root: expected the certificates between"},
		{add_stranger_to_chain, "chain: CN=Stranger: expected the certificates between"},
		{replace_chain, "no path to the root"},
		{forge_chain, "no path to the root"},
		{certify_by_root, "chain: CN=Issuing CA: expected the certificates between"},
		{chain_text, "chain: certificate 1: "},
	};
	struct issuer *issuer;

	issuer = make_intermediate_issuer(fixture.issuer, "CN=Issuing CA", fixture.now_s);
	fake_ca.issuer = issuer;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct enroll_reports reports = {0};
		struct enroll_summary enrolled = {0};

		fake_ca.spoil_certificates = rows[i].spoil;
		REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), FAULT_UNVERIFIED,
			rows[i].text, "%zu", i);
		SAID("nothing of the CA's answer is saved");
		cr_assert_eq(count_files(fixture.layouts[0]->cert), 0, "%zu", i);
	}
	free_issuer(&issuer);
}

Test(request_batch, saves_the_intermediates_of_the_certificates)
{
	struct issuer *issuer;
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	CLEANUP(clear_intermediates) struct intermediates saved = {0};

	issuer = make_intermediate_issuer(fixture.issuer, "CN=Issuing CA", fixture.now_s);
	fake_ca.issuer = issuer;
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, POOL_SIZE);
	OK(read_intermediates(fixture.layouts[0], &saved, &fault));
	cr_assert_eq(saved.count, (size_t)1);
	cr_expect(has_intermediate(&saved, issuer_certificate(issuer)));
	free_issuer(&issuer);
}

static void refuse_each(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	while (answer->certificate_count > 0) {
		struct member_pem *last = &answer->certificates[--answer->certificate_count];
		struct member_refusal *refusal = &answer->refusals[answer->refusal_count++];

		memcpy(refusal->name, last->name, sizeof(refusal->name));
		set_refusal(&refusal->refusal, "quota", "no more");
		clear_buffer(&last->pem);
	}
}

/* Without a certificate the chain cannot be checked. */
Test(request_batch, saves_no_intermediates_without_a_certificate)
{
	struct issuer *issuer;
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	issuer = make_intermediate_issuer(fixture.other_issuer, "CN=Issuing CA", fixture.now_s);
	fake_ca.issuer = issuer;
	fake_ca.spoil_certificates = refuse_each;
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.refused, POOL_SIZE);
	cr_assert_eq(count_files(fixture.layouts[0]->cert), 0);
	free_issuer(&issuer);
}

static void turn_around(struct fake_ca *ca, struct certificates_answer *answer)
{
	(void)ca;
	for (size_t i = 0, j = answer->certificate_count - 1; i < j; i++, j--) {
		struct member_pem member = answer->certificates[i];

		answer->certificates[i] = answer->certificates[j];
		answer->certificates[j] = member;
	}
}

/* catalogue 66: in any order, since each certificate has its member's name */
Test(request_batch, takes_certificates_in_any_order)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	fake_ca.spoil_certificates = turn_around;
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, POOL_SIZE);
}

static void refuse_last(struct fake_ca *ca, struct certificates_answer *answer)
{
	struct member_pem *last = &answer->certificates[--answer->certificate_count];
	struct member_refusal *refusal = &answer->refusals[answer->refusal_count++];

	(void)ca;
	memcpy(refusal->name, last->name, sizeof(refusal->name));
	set_refusal(&refusal->refusal, "quota", "no more");
	clear_buffer(&last->pem);
}

Test(request_batch, saves_the_others_when_some_are_refused)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	fake_ca.spoil_certificates = refuse_last;
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, 2);
	cr_assert_eq(enrolled.refused, 1);
	cr_assert_eq(reports.count, 1);
	cr_assert_eq(reports.last_member, 3);
	cr_assert_str_eq(reports.last.type, "quota");
	cr_assert_eq(count_files(fixture.layouts[0]->cert), 2);
}

/* An older CA answers so when the certificate of a key was lost, and has ended since. */
Test(request_batch, takes_a_certificate_that_has_ended_for_a_spent_key)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	fake_ca.spoil_certificates = certify_the_past;
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, 2);
	cr_assert_eq(enrolled.refused, 1);
	cr_assert_eq(enrolled.cut_short.count, 0);
	cr_assert_eq(reports.last_member, 3);
	cr_assert_str_eq(reports.last.type, "key_spent");
	cr_assert_eq(count_files(fixture.layouts[0]->cert), 2);
}

/* catalogue 33, 39 */
Test(request_batch, leaves_out_a_request_that_cannot_be_read)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	int requests;

	requests = fixture.layouts[0]->csr_file;
	put_file(requests, "csr_key1.csr", "", 0644);
	cr_assert_eq(unlinkat(requests, "csr_key3.csr", 0), 0);
	cr_assert_eq(symlinkat("csr_key2.csr", requests, "csr_key3.csr"), 0);
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, 1);
	cr_assert_eq(enrolled.refused, 2);
	cr_assert_eq(reports.last_member, 3);
	cr_assert_str_eq(reports.last.type, "bad_request");
	cr_assert_not_null(strstr(reports.last.detail, "symbolic link"), "%s", reports.last.detail);
	cr_assert_eq(reports.done, POOL_SIZE);
}

static struct certificate *root;
static struct buffer first_pem;
static struct buffer chain_pem;

/* Asks for the first member and checks the answer that the CA gave. */
static int check_first_answer(struct fault *fault)
{
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	struct member_pem certificate = {.name = "key1"};
	struct certificates_answer answer = {.certificates = &certificate, .certificate_count = 1};
	const struct trust known = {.root = root};
	struct refusal refusal = {0};
	int result = -1;

	if (init_request_batch(&current_files, 1, &batch, fault) < 0 ||
	    add_to_request_batch(fixture.layouts[0], 1, &batch, &refusal, fault) < 0)
		return -1;
	append_bytes(&certificate.pem, bytes_of_buffer(&first_pem));
	append_bytes(&answer.chain[answer.chain_count++], bytes_of_buffer(&chain_pem));
	if (check_buffer(&certificate.pem, fault) == 0 && check_buffer(answer.chain, fault) == 0)
		result = check_batch_answer(&batch, &known, fixture.now_s, &answer, fault);
	clear_buffer(&certificate.pem);
	clear_buffer(answer.chain);
	return result;
}

/* catalogue 75: every n-th allocation fails, for each n; the answer is not to blame */
Test(request_batch, runs_out_of_memory_while_it_checks_an_answer)
{
	struct issuer *issuer;
	CLEANUP(clear_buffer) struct buffer csr = {0};

	if (!memory_can_fail())
		cr_skip_test("the sanitizer has an allocator of its own");
	csr = get_file(fixture.layouts[0]->csr_file, "csr_key1.csr");
	issuer = make_intermediate_issuer(fixture.issuer, "CN=Issuing CA", fixture.now_s);
	first_pem = certify_pem(issuer, bytes_of_buffer(&csr), fixture.now_s, fixture.now_s + 3600);
	OK(format_certificate_pem(certificate_der(issuer_certificate(issuer)), &chain_pem, &fault));
	OK(read_root(fixture.layouts[0], &root, &fault));
	cr_expect_gt(expect_memory_faults(check_first_answer), 20);
	free_certificate(&root);
	clear_buffer(&chain_pem);
	clear_buffer(&first_pem);
	free_issuer(&issuer);
}
