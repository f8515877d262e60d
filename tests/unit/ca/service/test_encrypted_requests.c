#include "common/ca/service/encrypted_requests.h"

#include "common/ca/store/clients.h"
#include "tests/unit/ca/served.h"

#include <criterion/criterion.h>
#include <string.h>

static void allow_a_minute(const struct served *served, const char *client, size_t requests)
{
	CLEANUP(clear_client) struct client record = {0};
	struct store *store = authority_store(served->ca.authority);
	struct fault fault = {0};
	bool found;

	cr_assert_eq(read_client(store, client, &record, &found, &fault), 0);
	cr_assert(found);
	record.policy.requests_per_minute = requests;
	cr_assert_eq(write_client(store, &record, CLIENT_CHANGE, served->now_s, &fault), 0, "%s",
		     fault.text);
}

/* catalogue 91: changed while the CA serves, and nothing that it refuses is recorded. */
Test(encrypted_requests, refuse_whom_asks_too_often_and_say_which_rule)
{
	struct served served;
	struct certificates_answer answer = {0};

	start_served(&served);
	allow_a_minute(&served, "client1", 2);
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(clear_secret) struct secret request = make_request_json(&served, 1);

		clear_certificates_answer(&answer);
		ask_certificates(&served, &served.keys[0], bytes_of_secret(&request), &answer);
	}
	cr_expect_str_eq(answer.refusal.type, RATE_REFUSAL);
	cr_expect_not_null(strstr(answer.refusal.detail, "2 requests a minute"), "%s",
			   answer.refusal.detail);
	cr_expect_not_null(strstr(answer.refusal.detail, "try again in 30 s"), "%s",
			   answer.refusal.detail);
	cr_expect(logged(&served, "client1: rate: "), "%s", served.log);
	cr_expect_eq(count_rows(&served.ca), 2);
	clear_certificates_answer(&answer);
	stop_served(&served);
}
