#include "common/pool/enrolment/enroll.h"

#include "common/pool/enrolment/request_batch.h"
#include "common/pool/members/pool_numbers.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/enrolling.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture fixture;
static struct fake_ca fake_ca;

static void set_up(void)
{
	open_fixture(&fixture);
	start_fake_ca(&fake_ca, &fixture);
}

static void tear_down(void)
{
	stop_fake_ca(&fake_ca);
	close_fixture(&fixture);
}

TestSuite(enroll, .init = set_up, .fini = tear_down);

/* catalogue 65 */
Test(enroll, refuses_the_answer_to_an_earlier_request)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	make_client_pool(&fixture, 0);
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "cert_key2.crt", 0), 0);
	fake_ca.envelope.mischief = ENVELOPE_OLD;
	REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), FAULT_UNVERIFIED,
		"another request");
	cr_assert_eq(count_files(fixture.layouts[0]->cert), 2);
}

Test(enroll, refuses_to_begin_without_root_shared_key_or_requests)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), FAULT_NOT_FOUND,
		"run certpool request client1");
	make_client_pool(&fixture, 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "shared_ca.jwk", 0), 0);
	REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), FAULT_NOT_FOUND,
		"shared_ca.jwk");
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "root.crt", 0), 0);
	REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), FAULT_NOT_FOUND,
		"root.crt: no root is pinned");
	cr_assert_eq(fake_ca.questions, 0);
}

/* catalogue 67: a key that the CA does not have for this client */
Test(enroll, is_refused_under_a_shared_key_that_the_ca_does_not_have)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	make_client_pool(&fixture, 0);
	clear_key_ring(&fake_ca.envelope.ring);
	REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), FAULT_REFUSED, "");
	cr_assert_eq(count_files(fixture.layouts[0]->cert), 0);
}

Test(enroll, says_that_the_ca_cannot_be_reached)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	fake_ca.endpoint = dead_endpoint();
	make_client_pool(&fixture, 0);
	REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), FAULT_UNREACHABLE,
		"127.0.0.1");
}

Test(enroll, saves_a_certificate_for_each_member)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	struct stat status;

	make_client_pool(&fixture, 0);
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, POOL_SIZE);
	cr_assert_eq(enrolled.present, 0);
	cr_assert_eq(enrolled.refused, 0);
	cr_assert_eq(count_files(fixture.layouts[0]->cert), POOL_SIZE);
	cr_assert_eq(fstatat(fixture.layouts[0]->cert, "cert_key3.crt", &status, 0), 0);
	cr_assert_eq(status.st_mode & 07777, 0644);
	cr_assert_eq(reports.done, POOL_SIZE);
	cr_assert_eq(reports.total, POOL_SIZE);
}

/* catalogue 93: an interrupted enrolment continues */
Test(enroll, asks_only_for_missing_certificates)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 2, fixture.now_s - 300, fixture.now_s + 3600);
	put_file(fixture.layouts[0]->cert, ".cert_key1.crt.new", "half a certifi", 0644);
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.present, 1);
	cr_assert_eq(enrolled.saved, 2);
	cr_assert_eq(count_files(fixture.layouts[0]->cert), POOL_SIZE);
	reports.done = 0;
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.present, 3);
	cr_assert_eq(enrolled.saved, 0);
	cr_assert_eq(fake_ca.questions, 1);
}

/* catalogue 91: the answer of a CA that is busy */
Test(enroll, asks_again_when_the_ca_is_busy)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	make_client_pool(&fixture, 0);
	fake_ca.busy = 2;
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, POOL_SIZE);
	cr_assert_eq(fake_ca.questions, 3);
}

static void refuse_twice_for_rate(struct fake_ca *ca, struct certificates_answer *answer)
{
	if (ca->questions <= 2)
		set_refusal(&answer->refusal, RATE_REFUSAL, "try again in 1 s");
}

/* catalogue 91 */
Test(enroll, asks_again_when_it_asked_too_often)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	make_client_pool(&fixture, 0);
	fake_ca.spoil_certificates = refuse_twice_for_rate;
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, POOL_SIZE);
	cr_assert_eq(enrolled.refused, 0);
	cr_assert_eq(fake_ca.questions, 3);
}

Test(enroll, sends_a_larger_pool_in_several_requests)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	fixture.clients[0].pool.size = 250;
	fixture.clients[0].pool.batch_size = 30;
	make_client_pool(&fixture, 0);
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, 250);
	cr_assert_eq(fake_ca.questions, 9);
	cr_assert_eq(count_files(fixture.layouts[0]->cert), 250);
	cr_assert_eq(reports.done, 250);
}

Test(enroll, splits_a_pool_that_would_fit_into_one_request)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	fixture.clients[0].pool.size = 400;
	make_client_pool(&fixture, 0);
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, 400);
	cr_assert_eq(fake_ca.questions, 4);
}

static void swap_certificates(struct fake_ca *ca, struct certificates_answer *answer)
{
	struct buffer pem = answer->certificates[0].pem;

	(void)ca;
	answer->certificates[0].pem = answer->certificates[1].pem;
	answer->certificates[1].pem = pem;
}

static void swap_in_second_request(struct fake_ca *ca, struct certificates_answer *answer)
{
	if (strcmp(answer->certificates[0].name, "key41") == 0)
		swap_certificates(ca, answer);
}

Test(enroll, keeps_the_certificates_of_other_requests_when_one_fails)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;
	size_t saved;

	fixture.clients[0].pool.size = 120;
	fixture.clients[0].pool.batch_size = 40;
	make_client_pool(&fixture, 0);
	fake_ca.spoil_certificates = swap_in_second_request;
	REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), FAULT_UNVERIFIED,
		"member \"key41\"");
	saved = count_files(fixture.layouts[0]->cert);
	cr_assert(saved == 40 || saved == 80, "%zu", saved);
	cr_assert(file_exists(fixture.layouts[0]->cert, "cert_key1.crt"));
	cr_assert(!file_exists(fixture.layouts[0]->cert, "cert_key41.crt"));
	fake_ca.spoil_certificates = NULL;
	reports.done = 0;
	OK(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault));
	cr_assert_eq(enrolled.saved, 120 - saved);
	cr_assert_eq(count_files(fixture.layouts[0]->cert), 120);
}

/* Where a request names member key1, key2, key3: "123", say; each with its own PEM. */
static size_t number_order(const struct request_batch *batch, const struct buffer *pems)
{
	size_t number = 0;

	for (size_t i = 0; i < POOL_SIZE; i++) {
		const struct member_pem *member = &batch->request.members[i];
		size_t index = parse_member(member->name);

		cr_assert(equal_bytes(bytes_of_buffer(&member->pem),
				      bytes_of_buffer(&pems[index - 1])));
		number = number * 10 + index;
	}
	return number;
}

/* All six orders come as often. Of five degrees of freedom: chi-squared is above 60 with a
   probability of 10^-11. */
Test(enroll, names_the_members_of_a_window_in_an_order_that_is_drawn)
{
	enum { TIMES = 6000, ORDERS = 6, NUMBERS = 322 };
	static const struct pool_settings pool = {.windows = {600, 60, 1, POOL_SIZE},
						  .window_numbers = {.begin_s = 600, .first = 1}};
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	struct buffer pems[POOL_SIZE] = {0};
	size_t counts[NUMBERS] = {0};
	struct refusal refusal = {0};
	double sum = 0;

	make_client_pool(&fixture, 0);
	OK(init_request_batch(&current_files, POOL_SIZE, &batch, &fault));
	for (size_t i = 0; i < POOL_SIZE; i++) {
		OK(add_to_request_batch(fixture.layouts[0], i + 1, &batch, &refusal, &fault));
		append_bytes(&pems[i], bytes_of_buffer(&batch.request.members[i].pem));
	}
	cr_expect_eq(number_order(&batch, pems), 123);
	for (size_t i = 0; i < TIMES; i++) {
		OK(ask_for_window(&pool, &batch, &fault));
		counts[number_order(&batch, pems)]++;
	}
	cr_expect_eq(batch.request.window.begin_s, 600);
	cr_expect_eq(batch.request.window.end_s, 1260);
	for (size_t i = 0; i < NUMBERS; i++)
		if (counts[i] > 0)
			sum += (double)counts[i] * (double)counts[i] * ORDERS / TIMES;
	cr_expect_lt(sum - TIMES, 60.0, "%f", sum - TIMES);
	for (size_t i = 0; i < POOL_SIZE; i++)
		clear_buffer(&pems[i]);
}

/* Its CA gives a day from now, whatever is asked for. */
Test(enroll, refuses_a_certificate_that_is_not_for_the_window_for_which_it_asked)
{
	struct client_node *client = &fixture.clients[0];
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	client->pool.windows = (struct pool_windows){600, 60, 1, 3};
	client->pool.size = 6;
	OK(prepare_numbers(fixture.layouts[0], client, fixture.now_s, &fault));
	make_client_pool(&fixture, 0);
	REFUSED(enroll(&fixture, &fake_ca, &reports, &enrolled, &fault), FAULT_UNVERIFIED,
		"nothing of the CA's answer is saved: member \"key");
	SAID("expected a certificate for the window from ");
	SAID(", for which the request asks, found ");
	cr_expect_eq(count_files(fixture.layouts[0]->cert), 0);
	free(TAKE(client->pool.marks));
}

Test(enroll, is_used_like_this)
{
	const struct enrollment enrollment = {
		.layout = fixture.layouts[0],
		.client = &fixture.clients[0],
		.ca = fake_ca.endpoint,
	};
	struct enroll_summary summary;

	make_client_pool(&fixture, 0);

	/* The first time the CA certifies every member. */
	OK(enroll_pool(&enrollment, &summary, &fault));
	cr_assert_eq(summary.saved, POOL_SIZE);

	/* The second time there is nothing to do. */
	OK(enroll_pool(&enrollment, &summary, &fault));
	cr_assert_eq(summary.present, POOL_SIZE);
	cr_assert_eq(summary.saved, 0);
}
