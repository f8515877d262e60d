#include "tests/unit/ca/acme/served_acme.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

/* Orders from newOrder to the certificate. tests/e2e/service/t_acme.sh has what other keys and
   other requests get. */

static struct served_acme served;

static void set_up(void)
{
	serve_acme_alone(&served, 0);
}

static void tear_down(void)
{
	stop_acme_alone(&served);
}

TestSuite(order_answers, .init = set_up, .fini = tear_down);

enum { URL_SIZE = 2048 };

Test(order_answers, lead_from_an_order_to_its_certificate)
{
	CLEANUP(clear_buffer) struct buffer payload = {0};
	CLEANUP(clear_answered) struct answered finalized = {0};
	CLEANUP(clear_answered) struct answered certificate = {0};
	char url[URL_SIZE];
	char status[16];

	make_order(&served, "status", status, sizeof(status));
	cr_expect_str_eq(status, "ready");
	make_order(&served, "finalize", url, sizeof(url));
	make_finalize(&payload);
	ask(&served, url, (const char *)payload.data, &finalized);
	copy_answer_text(&finalized, "status", status, sizeof(status));
	cr_expect_str_eq(status, "valid");
	copy_answer_text(&finalized, "certificate", url, sizeof(url));
	ask(&served, url, "", &certificate);
	cr_expect_eq(certificate.response.status, 200);
	cr_expect_str_eq(certificate.response.content_type, "application/pem-certificate-chain");
}

Test(order_answers, refuse_an_order_that_policy_does_not_allow)
{
	static const struct {
		const char *payload;
		const char *type;
	} rows[] = {
		{"", "malformed"},
		{"{}", "malformed"},
		{"{\"identifiers\":[]}", "malformed"},
		{"{\"identifiers\":[{\"type\":\"email\",\"value\":\"a@b\"}]}",
		 "unsupportedIdentifier"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"bank.example\"}]}",
		 "rejectedIdentifier"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"},"
		 "{\"type\":\"dns\",\"value\":\"bank.example\"}]}",
		 "rejectedIdentifier"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}],"
		 "\"profile\":\"nonsense\"}",
		 "invalidProfile"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}],"
		 "\"replaces\":\"AAAA.AAAA\"}",
		 "malformed"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_answered) struct answered answered = {0};

		ask(&served, ACME_PATH "new-order", rows[i].payload, &answered);
		cr_expect_str_eq(answered.outcome.problem.type, rows[i].type, "row %zu: %s", i,
				 answered.outcome.problem.detail);
		cr_expect(!answered.outcome.unpaid, "its client pays");
	}
}

/* Nobody can make up the URL of an order, or change one. */
Test(order_answers, know_no_order_but_those_that_the_ca_made)
{
	static const char *const paths[] = {ACME_PATH "order/AAAA", ACME_PATH "order/AAAA/finalize",
					    ACME_PATH "authorization/AAAA"};
	char url[URL_SIZE];

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		CLEANUP(clear_answered) struct answered answered = {0};

		ask(&served, paths[i], "", &answered);
		cr_expect_str_eq(answered.outcome.problem.type, "notFound");
	}
	make_order(&served, "finalize", url, sizeof(url));
	*strrchr(url, '/') = '\0';
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(clear_answered) struct answered answered = {0};
		char *last = &url[strlen(url) - 1];

		ask(&served, url, "", &answered);
		cr_expect_eq(answered.response.status, i == 0 ? 200 : 404);
		*last = *last == 'A' ? 'Q' : 'A';
	}
}
