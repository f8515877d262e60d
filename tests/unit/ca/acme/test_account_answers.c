#include "tests/unit/ca/acme/served_acme.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Accounts: who gets one, and what becomes of it. */

static struct served_acme served;

static void set_up(void)
{
	serve_acme_alone(&served, 0);
}

static void tear_down(void)
{
	stop_acme_alone(&served);
}

TestSuite(account_answers, .init = set_up, .fini = tear_down);

static void ask_by_key(const struct private_key *key, const char *path, const char *payload,
		       struct answered *ret_answered)
{
	ask_as(&served, &(struct acme_asker){key, "", 0}, path, payload, ret_answered);
}

Test(account_answers, give_an_account_to_who_shows_the_clients_key)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_private_key) struct private_key *other = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer payload = {0};
	CLEANUP(clear_answered) struct answered stolen = {0};
	CLEANUP(clear_answered) struct answered made = {0};
	CLEANUP(clear_answered) struct answered found = {0};

	make_bound_request(&served, key, &payload);
	ask_by_key(other, ACME_PATH "new-account", (const char *)payload.data, &stolen);
	cr_expect_str_eq(stolen.outcome.problem.type, "unauthorized",
			 "the binding is of another key");
	ask_by_key(key, ACME_PATH "new-account", (const char *)payload.data, &made);
	cr_expect_eq(made.response.status, 201);
	ask_by_key(key, ACME_PATH "new-account", "{\"onlyReturnExisting\":true}", &found);
	cr_expect_eq(found.response.status, 200);
	cr_expect_str_eq(find_field(&found, "Location"), find_field(&made, "Location"));
}

Test(account_answers, show_an_account_to_itself_alone)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer payload = {0};
	CLEANUP(clear_answered) struct answered made = {0};
	CLEANUP(clear_answered) struct answered own = {0};
	CLEANUP(clear_answered) struct answered others = {0};

	make_bound_request(&served, key, &payload);
	ask_by_key(key, ACME_PATH "new-account", (const char *)payload.data, &made);
	ask(&served, served.kid, "", &own);
	cr_expect_eq(own.response.status, 200);
	ask(&served, find_field(&made, "Location"), "", &others);
	cr_expect_str_eq(others.outcome.problem.type, "unauthorized");
}

Test(account_answers, change_contacts_and_end_an_account_for_good)
{
	static const struct {
		const char *payload;
		unsigned int status;
	} rows[] = {
		{"{\"contact\":[\"mailto:a@example.org\"]}", 200},
		{"{\"contact\":[\"tel:+1\"]}", 400},
		{"{\"contact\":\"mailto:a@example.org\"}", 400},
		{"[]", 400},
		{"{\"status\":\"deactivated\"}", 200},
		{"", 403},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_answered) struct answered answered = {0};

		ask(&served, served.kid, rows[i].payload, &answered);
		cr_expect_eq(answered.response.status, rows[i].status, "row %zu", i);
	}
}

/* RFC 8555 section 7.3.5: the inner JWS is by the new key. */
Test(account_answers, refuse_a_change_of_the_key_that_the_new_one_does_not_ask_for)
{
	static const char *const payloads[] = {"", "{}", "{\"protected\":\"\",\"payload\":\"\"}"};

	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		CLEANUP(clear_answered) struct answered answered = {0};

		ask(&served, ACME_PATH "key-change", payloads[i], &answered);
		cr_expect_str_eq(answered.outcome.problem.type, "malformed", "row %zu", i);
	}
}
