#include "tests/unit/ca/acme/served_acme.h"

#include "common/crypto/json.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Authorizations and challenges of a client that has to show that it has its names, at a host where
   nobody listens. */

enum { NOBODYS_PORT = 1 };

static struct served_acme served;

static void set_up(void)
{
	serve_acme_alone(&served, NOBODYS_PORT);
}

static void tear_down(void)
{
	stop_acme_alone(&served);
}

TestSuite(authorization_answers, .init = set_up, .fini = tear_down);

/* The first text of a list of the answer. */
static void copy_first(const struct answered *answered, const char *name, char *ret_text,
		       size_t size)
{
	CLEANUP(free_json) json_t *json = NULL;

	OK(parse_json_object(bytes_of_buffer(&answered->response.body), "answer", &json, &fault));
	(void)snprintf(ret_text, size, "%s",
		       json_string_value(json_array_get(json_object_get(json, name), 0)));
}

/* Of the first challenge of an authorization. */
static void copy_challenge(const struct answered *answered, const char *name, char *ret_text,
			   size_t size)
{
	CLEANUP(free_json) json_t *json = NULL;
	const json_t *challenge;

	OK(parse_json_object(bytes_of_buffer(&answered->response.body), "answer", &json, &fault));
	challenge = json_array_get(json_object_get(json, "challenges"), 0);
	(void)snprintf(ret_text, size, "%s", json_string_value(json_object_get(challenge, name)));
}

enum { URL_SIZE = 2048, ANSWER_SIZE = 8192 };

struct ordered {
	char order[URL_SIZE];
	char finalize[URL_SIZE];
	char authorization[URL_SIZE];
	char challenge[URL_SIZE];
	char status[16];
};

static void order_address(struct ordered *ret_ordered)
{
	CLEANUP(clear_answered) struct answered order = {0};
	CLEANUP(clear_answered) struct answered authorization = {0};

	ask(&served, ACME_PATH "new-order",
	    "{\"identifiers\":[{\"type\":\"ip\",\"value\":\"" UNATTENDED_ADDRESS "\"}]}", &order);
	cr_assert_eq(order.response.status, 201);
	(void)snprintf(ret_ordered->order, URL_SIZE, "%s", find_field(&order, "Location"));
	copy_answer_text(&order, "finalize", ret_ordered->finalize, URL_SIZE);
	copy_answer_text(&order, "status", ret_ordered->status, sizeof(ret_ordered->status));
	copy_first(&order, "authorizations", ret_ordered->authorization, URL_SIZE);
	ask(&served, ret_ordered->authorization, "", &authorization);
	copy_challenge(&authorization, "url", ret_ordered->challenge, URL_SIZE);
}

static void expect_status(const char *url, const char *expected)
{
	CLEANUP(clear_answered) struct answered answered = {0};
	char status[16];

	ask(&served, url, "", &answered);
	cr_assert_eq(answered.response.status, 200);
	copy_answer_text(&answered, "status", status, sizeof(status));
	cr_expect_str_eq(status, expected);
}

Test(authorization_answers, are_pending_until_the_account_has_its_name_validated)
{
	struct ordered ordered;
	CLEANUP(clear_answered) struct answered first = {0};
	CLEANUP(clear_answered) struct answered second = {0};
	CLEANUP(clear_answered) struct answered finalized = {0};
	CLEANUP(clear_buffer) struct buffer payload = {0};
	char tokens[2][64];

	order_address(&ordered);
	cr_expect_str_eq(ordered.status, "pending");
	expect_status(ordered.authorization, "pending");
	expect_status(ordered.challenge, "pending");
	expect_status(ordered.order, "pending");
	ask(&served, ordered.authorization, "", &first);
	ask(&served, ordered.authorization, "", &second);
	copy_challenge(&first, "token", tokens[0], sizeof(tokens[0]));
	copy_challenge(&second, "token", tokens[1], sizeof(tokens[1]));
	cr_expect_eq(strlen(tokens[0]), 43);
	cr_expect_str_eq(tokens[0], tokens[1]);
	make_finalize(&payload);
	ask(&served, ordered.finalize, (const char *)payload.data, &finalized);
	cr_expect_str_eq(finalized.outcome.problem.type, "orderNotReady");
}

/* Two orders of one name have nothing in common. */
Test(authorization_answers, have_a_token_of_their_own)
{
	struct ordered ordered[2];
	char tokens[2][64];

	for (size_t i = 0; i < 2; i++) {
		CLEANUP(clear_answered) struct answered answered = {0};

		order_address(&ordered[i]);
		ask(&served, ordered[i].authorization, "", &answered);
		copy_challenge(&answered, "token", tokens[i], sizeof(tokens[i]));
	}
	cr_expect_str_neq(tokens[0], tokens[1]);
}

/* Asks that the challenge be validated, until it is not valid. */
static void fail_challenge(const struct ordered *ordered, char *ret_answer, size_t size)
{
	CLEANUP(clear_answered) struct answered begun = {0};
	char status[16] = "";

	ask(&served, ordered->challenge, "{}", &begun);
	cr_expect_eq(begun.response.status, 200);
	while (strcmp(status, "invalid") != 0) {
		CLEANUP(clear_answered) struct answered answered = {0};

		(void)usleep(10000);
		ask(&served, ordered->challenge, "", &answered);
		copy_answer_text(&answered, "status", status, sizeof(status));
		cr_assert_str_neq(status, "valid");
		(void)snprintf(ret_answer, size, "%s", (const char *)answered.response.body.data);
	}
}

/* RFC 8555 section 8: who begins a validation, is told so; the outcome is there later. */
Test(authorization_answers, become_invalid_with_a_challenge_that_fails)
{
	struct ordered ordered;
	CLEANUP(clear_answered) struct answered finalized = {0};
	CLEANUP(clear_buffer) struct buffer payload = {0};
	char answer[ANSWER_SIZE];

	order_address(&ordered);
	fail_challenge(&ordered, answer, sizeof(answer));
	cr_expect_null(strstr(answer, "does not ask"));
	expect_status(ordered.authorization, "invalid");
	expect_status(ordered.order, "invalid");
	make_finalize(&payload);
	ask(&served, ordered.finalize, (const char *)payload.data, &finalized);
	cr_expect_str_eq(finalized.outcome.problem.type, "orderNotReady");
}

/* Clients from elsewhere are not to reach what listens at the proxy's host for itself alone. */
Test(authorization_answers, are_asked_at_no_address_of_the_host_of_a_proxy)
{
	struct ordered ordered;
	char answer[ANSWER_SIZE];

	served.fixture.manifest->ca.acme_url = strdup("https://ca.example/");
	order_address(&ordered);
	fail_challenge(&ordered, answer, sizeof(answer));
	cr_expect_not_null(strstr(answer, "one that the CA does not ask"), "%s", answer);
}
