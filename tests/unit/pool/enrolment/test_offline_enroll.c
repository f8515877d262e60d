#include "common/pool/enrolment/offline_enroll.h"

#include "common/crypto/key_file.h"
#include "common/pool/enrolment/exported_requests.h"
#include "common/wire/envelope.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/enrolling.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fixture fixture;

static void set_up(void)
{
	open_fixture(&fixture);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(offline_enroll, .init = set_up, .fini = tear_down);

/* A CA that gets its requests by file. */
typedef void spoil_answer(struct certificates_answer *answer);

static void certify_all(const struct certificates_request *request,
			struct certificates_answer *answer)
{
	answer->certificates = calloc(request->count, sizeof(*answer->certificates));
	answer->refusals = calloc(request->count, sizeof(*answer->refusals));
	for (size_t i = 0; i < request->count; i++) {
		struct member_pem *member = &answer->certificates[answer->certificate_count++];

		memcpy(member->name, request->members[i].name, sizeof(member->name));
		member->pem = certify_pem(fixture.issuer, bytes_of_buffer(&request->members[i].pem),
					  fixture.now_s - 300, fixture.now_s + 86400);
	}
}

static void answer_line(struct bytes jwe, spoil_answer *spoil, spoil_claims *change,
			struct buffer *text)
{
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_buffer) struct buffer answer_jwe = {0};
	struct request_claims claims = {0};

	OK(read_key_ring(fixture.ca, 0, &ring, &fault));
	OK(open_request(&ring, &certificates_kind, jwe, &question, &fault));
	OK(parse_certificates_request(bytes_of_secret(&question.message.plaintext), &request,
				      &claims, &fault));
	answer.claims = make_answer_claims(&claims, question.sha256, CA_NAME, question.message.peer,
					   fixture.now_s);
	certify_all(&request, &answer);
	if (spoil != NULL)
		spoil(&answer);
	if (change != NULL)
		change(&answer.claims);
	OK(format_certificates_answer(&answer, &json, &fault));
	OK(encrypt_message(&find_peer_key(&ring, question.message.peer)->key,
			   certificates_kind.answer_typ, NULL, bytes_of_secret(&json), &answer_jwe,
			   &fault));
	append_bytes(text, bytes_of_buffer(&answer_jwe));
	append_string(text, "\n");
}

static struct buffer answer_file(const struct buffer *requests, spoil_answer *spoil,
				 spoil_claims *change)
{
	struct bytes left = bytes_of_buffer(requests);
	struct buffer answers = {0};

	append_string(&answers, "");
	while (left.len > 0)
		answer_line(cut_line(&left), spoil, change, &answers);
	return answers;
}

static struct enrollment offline_enrollment(struct enroll_reports *reports)
{
	static const struct fake_ca nobody;

	return enrollment_of(&fixture, &nobody, reports);
}

static struct buffer export(struct export_summary *ret_summary)
{
	struct enroll_reports reports = {0};
	const struct enrollment enrollment = offline_enrollment(&reports);
	struct buffer text = {0};

	OK(export_requests(&enrollment, fixture.now_s, &text, ret_summary, &fault));
	return text;
}

static int import(const struct buffer *answers, struct enroll_reports *reports,
		  struct enroll_summary *ret_enrolled, struct fault *fault)
{
	const struct enrollment enrollment = offline_enrollment(reports);

	return import_answers(&enrollment, bytes_of_buffer(answers), fixture.now_s, ret_enrolled,
			      fault);
}

static size_t count_exported(void)
{
	CLEANUP(clear_exported_requests) struct exported_requests requests = {0};

	OK(read_exported_requests(fixture.layouts[0], &requests, &fault));
	return requests.count;
}

static void leave_one_out(struct certificates_answer *answer)
{
	clear_buffer(&answer->certificates[--answer->certificate_count].pem);
}

static void swap_certificates(struct certificates_answer *answer)
{
	struct buffer pem = answer->certificates[0].pem;

	answer->certificates[0].pem = answer->certificates[1].pem;
	answer->certificates[1].pem = pem;
}

static void certify_by_other_root(struct certificates_answer *answer)
{
	CLEANUP(clear_buffer)
	struct buffer csr = get_file(fixture.layouts[0]->csr_file, "csr_key1.csr");

	clear_buffer(&answer->certificates[0].pem);
	answer->certificates[0].pem = certify_pem(fixture.other_issuer, bytes_of_buffer(&csr),
						  fixture.now_s - 300, fixture.now_s + 3600);
}

static void remove_in_reply_to(struct certificates_answer *answer)
{
	answer->claims.in_reply_to[0] = '\0';
}

/* catalogue 65, 66 */
static const struct {
	spoil_answer *spoil;
	const char *text;
	spoil_claims *spoil_claims;
} bad_answers[] = {
	{leave_one_out, "line 1: nothing of the CA's answer is saved: the answer has neither",
	 NULL},
	{swap_certificates, "for another key than the request's", NULL},
	{certify_by_other_root, "member \"key1\"", NULL},
	{NULL, "request_sha256: the answer is to another request", change_digest},
	{NULL, "not the answer to a request that was exported from here", change_in_reply_to},
	{remove_in_reply_to, "in_reply_to \"\": not the answer", NULL},
	{NULL, "to \"client3\"", change_aud},
};

ParameterizedTestParameters(offline_enroll, refuses_an_answer_that_does_not_hold_and_writes_nothing)
{
	static size_t indices[COUNT_OF(bad_answers)];

	for (size_t i = 0; i < COUNT_OF(indices); i++)
		indices[i] = i;
	return cr_make_param_array(size_t, indices, COUNT_OF(indices));
}

ParameterizedTest(size_t *index, offline_enroll,
		  refuses_an_answer_that_does_not_hold_and_writes_nothing)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	struct export_summary summary;
	CLEANUP(clear_buffer) struct buffer requests = {0};
	CLEANUP(clear_buffer) struct buffer answers = {0};

	make_client_pool(&fixture, 0);
	requests = export(&summary);
	answers =
		answer_file(&requests, bad_answers[*index].spoil, bad_answers[*index].spoil_claims);
	REFUSED(import(&answers, &reports, &enrolled, &fault), FAULT_UNVERIFIED,
		bad_answers[*index].text, "%zu", *index);
	cr_expect_eq(count_files(fixture.layouts[0]->cert), 0);
	cr_expect_eq(count_exported(), 1);
}

/* catalogue 31 */
Test(offline_enroll, refuses_a_file_without_answers)
{
	static const struct {
		const char *text;
		enum fault_class class;
		const char *part;
	} rows[] = {
		{"", FAULT_MALFORMED, "expected the CA's answers, one a line, found none"},
		{"\n\r\n", FAULT_MALFORMED, "found none"},
		{"hello\n", FAULT_UNVERIFIED, "line 1: the answer cannot be decrypted"},
		{"\n\na.b.c.d.e", FAULT_UNVERIFIED, "line 3: the answer cannot be decrypted"},
	};

	make_client_pool(&fixture, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer answers = {0};
		struct enroll_reports reports = {0};
		struct enroll_summary enrolled;

		append_string(&answers, rows[i].text);
		REFUSED(import(&answers, &reports, &enrolled, &fault), rows[i].class, rows[i].part);
	}
}

/* A line of the CA for another client: what it says is not looked at. */
static void answer_another_client(struct buffer *text)
{
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	OK(read_key_ring(fixture.ca, 0, &ring, &fault));
	OK(encrypt_message(&find_peer_key(&ring, "client2")->key, certificates_kind.answer_typ,
			   NULL, bytes_of_string("{}"), &jwe, &fault));
	append_bytes(text, bytes_of_buffer(&jwe));
	append_string(text, "\n");
}

Test(offline_enroll, passes_over_the_answers_to_other_clients)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	struct export_summary summary;
	CLEANUP(clear_buffer) struct buffer requests = {0};
	CLEANUP(clear_buffer) struct buffer own = {0};
	CLEANUP(clear_buffer) struct buffer all = {0};

	make_client_pool(&fixture, 0);
	requests = export(&summary);
	own = answer_file(&requests, NULL, NULL);
	answer_another_client(&all);
	REFUSED(import(&all, &reports, &enrolled, &fault), FAULT_UNVERIFIED,
		"no answer can be decrypted");
	append_bytes(&all, bytes_of_buffer(&own));
	answer_another_client(&all);
	OK(import(&all, &reports, &enrolled, &fault));
	cr_expect_eq(enrolled.saved, POOL_SIZE);
	cr_expect_eq(enrolled.others, 2);
	cr_expect_eq(count_exported(), 0);
}

Test(offline_enroll, exports_nothing_from_a_pool_without_requests)
{
	struct enroll_reports reports = {0};
	struct buffer text = {0};
	const struct enrollment enrollment = offline_enrollment(&reports);
	struct export_summary summary;

	REFUSED(export_requests(&enrollment, fixture.now_s, &text, &summary, &fault),
		FAULT_NOT_FOUND, "run certpool request client1");
	cr_expect_null(text.data);
}

/* catalogue 61 */
Test(offline_enroll, takes_an_answer_once)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	struct export_summary summary;
	CLEANUP(clear_buffer) struct buffer requests = {0};
	CLEANUP(clear_buffer) struct buffer answers = {0};

	fixture.clients[0].pool.batch_size = 2;
	make_client_pool(&fixture, 0);
	requests = export(&summary);
	cr_expect_eq(summary.members, POOL_SIZE);
	cr_expect_eq(summary.requests, 2);
	cr_expect_eq(count_exported(), 2);
	answers = answer_file(&requests, NULL, NULL);
	OK(import(&answers, &reports, &enrolled, &fault));
	cr_expect_eq(enrolled.saved, POOL_SIZE);
	cr_expect_eq(count_files(fixture.layouts[0]->cert), POOL_SIZE);
	cr_expect_eq(count_exported(), 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "cert_key1.crt", 0), 0);
	REFUSED(import(&answers, &reports, &enrolled, &fault), FAULT_UNVERIFIED,
		"or that answer was imported before");
	cr_expect_eq(count_files(fixture.layouts[0]->cert), POOL_SIZE - 1);
}

/* catalogue 76: killed after the request was removed from state/exported, before it said so */
Test(offline_enroll, succeeds_again_when_all_is_saved)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	struct export_summary summary;
	CLEANUP(clear_buffer) struct buffer requests = {0};
	CLEANUP(clear_buffer) struct buffer answers = {0};

	make_client_pool(&fixture, 0);
	requests = export(&summary);
	answers = answer_file(&requests, NULL, NULL);
	OK(import(&answers, &reports, &enrolled, &fault));
	OK(import(&answers, &reports, &enrolled, &fault));
	cr_expect_eq(enrolled.saved, 0);
	cr_expect_eq(enrolled.present, POOL_SIZE);
	cr_expect_eq(count_exported(), 0);
	clear_buffer(&requests);
	requests = export(&summary);
	cr_expect_eq(requests.len, 0);
	cr_expect_eq(summary.present, POOL_SIZE);
}

/* catalogue 76: killed after some certificates were saved, and before the request was removed */
Test(offline_enroll, continues_after_a_kill)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	struct export_summary summary;
	CLEANUP(clear_buffer) struct buffer requests = {0};
	CLEANUP(clear_buffer) struct buffer answers = {0};
	CLEANUP(clear_buffer) struct buffer record = {0};

	make_client_pool(&fixture, 0);
	requests = export(&summary);
	record = get_file(fixture.layouts[0]->state, "exported");
	answers = answer_file(&requests, NULL, NULL);
	OK(import(&answers, &reports, &enrolled, &fault));
	put_file(fixture.layouts[0]->state, "exported", (const char *)record.data, 0600);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "cert_key2.crt", 0), 0);
	put_file(fixture.layouts[0]->cert, ".cert_key2.crt.new", "half", 0644);
	OK(import(&answers, &reports, &enrolled, &fault));
	cr_expect_eq(enrolled.saved, 1);
	cr_expect_eq(enrolled.present, 2);
	cr_expect_eq(count_files(fixture.layouts[0]->cert), POOL_SIZE);
}

Test(offline_enroll, overwrites_no_other_certificate)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	struct export_summary summary;
	CLEANUP(clear_buffer) struct buffer requests = {0};
	CLEANUP(clear_buffer) struct buffer answers = {0};

	make_client_pool(&fixture, 0);
	requests = export(&summary);
	answers = answer_file(&requests, NULL, NULL);
	certify_member(&fixture, 0, 3, fixture.now_s - 300, fixture.now_s + 3600);
	REFUSED(import(&answers, &reports, &enrolled, &fault), FAULT_REFUSED,
		"cert_key3.crt: another certificate");
	cr_expect_eq(count_files(fixture.layouts[0]->cert), 1);
}

static void refuse_last(struct certificates_answer *answer)
{
	struct member_pem *last = &answer->certificates[--answer->certificate_count];
	struct member_refusal *refusal = &answer->refusals[answer->refusal_count++];

	memcpy(refusal->name, last->name, sizeof(refusal->name));
	set_refusal(&refusal->refusal, "quota", "no more");
	clear_buffer(&last->pem);
}

static void refuse_all(struct certificates_answer *answer)
{
	while (answer->certificate_count > 0)
		clear_buffer(&answer->certificates[--answer->certificate_count].pem);
	set_refusal(&answer->refusal, "stale", "too old");
}

Test(offline_enroll, reports_the_refusal_of_each_member)
{
	static const struct {
		spoil_answer *spoil;
		size_t saved;
		const char *type;
	} rows[] = {{refuse_last, 2, "quota"}, {refuse_all, 0, "stale"}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct enroll_reports reports = {0};
		struct enroll_summary enrolled;
		struct export_summary summary;
		CLEANUP(clear_buffer) struct buffer requests = {0};
		CLEANUP(clear_buffer) struct buffer answers = {0};

		tear_down();
		set_up();
		make_client_pool(&fixture, 0);
		requests = export(&summary);
		answers = answer_file(&requests, rows[i].spoil, NULL);
		OK(import(&answers, &reports, &enrolled, &fault));
		cr_expect_eq(enrolled.saved, rows[i].saved);
		cr_expect_eq(enrolled.refused, POOL_SIZE - rows[i].saved);
		cr_expect_eq(reports.count, enrolled.refused);
		cr_expect_eq(reports.last_member, 3);
		cr_expect_str_eq(reports.last.type, rows[i].type);
		cr_expect_eq(count_exported(), 0);
	}
}

/* catalogue 39 */
Test(offline_enroll, leaves_out_a_request_that_cannot_be_read)
{
	struct enroll_reports reports = {0};
	struct export_summary summary;
	CLEANUP(clear_buffer) struct buffer text = {0};

	make_client_pool(&fixture, 0);
	put_file(fixture.layouts[0]->csr_file, "csr_key2.csr", "nonsense", 0644);
	const struct enrollment enrollment = offline_enrollment(&reports);

	OK(export_requests(&enrollment, fixture.now_s, &text, &summary, &fault));
	cr_expect_eq(summary.members, 2);
	cr_expect_eq(summary.refused, 1);
	cr_expect_eq(reports.last_member, 2);
	cr_expect_str_eq(reports.last.type, "bad_request");
}
