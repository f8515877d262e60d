#include "common/wire/acme_answer.h"

#include "common/x509/alt_name.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_json(struct buffer *json, const char *expected)
{
	cr_expect_str_eq((const char *)json->data, expected);
	clear_buffer(json);
}

/* RFC 8555 sections 7.1.3 and 7.1.4. */
Test(acme_answer, shows_an_order_and_its_authorizations)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct buffer urls[2] = {0};
	struct acme_order_view order = {.status = "ready",
					.names = &names,
					.authorizations = urls,
					.finalize = "f",
					.profile = "",
					.replaces = ""};
	struct buffer json = {0};

	OK(add_alt_name(&names, "DNS:a.example", &fault));
	OK(add_alt_name(&names, "IP:192.0.2.1", &fault));
	append_string(&urls[0], "a");
	append_string(&urls[1], "b");
	OK(format_acme_order(&order, &json, &fault));
	expect_json(&json,
		    "{\"status\":\"ready\",\"expires\":\"1970-01-01T00:00:00Z\",\"identifiers\":"
		    "[{\"type\":\"dns\",\"value\":\"a.example\"},"
		    "{\"type\":\"ip\",\"value\":\"192.0.2.1\"}],"
		    "\"authorizations\":[\"a\",\"b\"],\"finalize\":\"f\"}\n");
	order.status = "valid";
	order.certificate = "c";
	order.profile = "server";
	OK(format_acme_order(&order, &json, &fault));
	cr_expect_not_null(strstr((const char *)json.data, "\"status\":\"valid\""));
	cr_expect_not_null(
		strstr((const char *)json.data, "\"certificate\":\"c\",\"profile\":\"server\""));
	clear_buffer(&json);
	OK(format_acme_authorization(
		&(struct acme_authorization_view){.name = "DNS:*.example", .status = "valid"},
		&json, &fault));
	expect_json(&json,
		    "{\"status\":\"valid\",\"expires\":\"1970-01-01T00:00:00Z\",\"identifier\":"
		    "{\"type\":\"dns\",\"value\":\"example\"},\"challenges\":[],"
		    "\"wildcard\":true}\n");
	clear_buffer(&urls[0]);
	clear_buffer(&urls[1]);
}

/* RFC 8555 sections 7.1.5 and 8.3. */
Test(acme_answer, shows_a_challenge_and_what_became_of_it)
{
	struct refusal problem = {0};
	struct acme_challenge_view challenge = {
		.url = "c", .status = "pending", .token = "t", .problem = &problem};
	const struct acme_authorization_view authorization = {
		.name = "DNS:a.example", .status = "pending", .challenge = &challenge};
	struct buffer json = {0};

	OK(format_acme_authorization(&authorization, &json, &fault));
	expect_json(&json,
		    "{\"status\":\"pending\",\"expires\":\"1970-01-01T00:00:00Z\",\"identifier\":"
		    "{\"type\":\"dns\",\"value\":\"a.example\"},\"challenges\":[{\"type\":"
		    "\"http-01\",\"url\":\"c\",\"status\":\"pending\",\"token\":\"t\"}]}\n");
	challenge.status = "valid";
	challenge.validated_s = 1;
	OK(format_acme_challenge(&challenge, &json, &fault));
	expect_json(&json, "{\"type\":\"http-01\",\"url\":\"c\",\"status\":\"valid\",\"token\":"
			   "\"t\",\"validated\":\"1970-01-01T00:00:01Z\"}\n");
	challenge.status = "invalid";
	challenge.validated_s = 0;
	set_refusal(&problem, "connection", "nobody there");
	OK(format_acme_challenge(&challenge, &json, &fault));
	expect_json(&json,
		    "{\"type\":\"http-01\",\"url\":\"c\",\"status\":\"invalid\",\"token\":\"t\","
		    "\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\",\"detail\":"
		    "\"nobody there\"}}\n");
}

Test(acme_answer, shows_an_account)
{
	struct buffer json = {0};

	OK(format_acme_account(&(struct acme_account_view){true, "mailto:a@b\nmailto:c@d\n", "o"},
			       &json, &fault));
	expect_json(&json, "{\"status\":\"valid\",\"contact\":[\"mailto:a@b\",\"mailto:c@d\"],"
			   "\"orders\":\"o\"}\n");
}

/* RFC 8555 section 6.7. */
Test(acme_answer, shows_a_problem_even_if_its_text_was_cut)
{
	struct refusal problem = {0};
	struct buffer json = {0};

	set_refusal(&problem, "badNonce", "once");
	OK(format_acme_problem(&problem, acme_status(problem.type), &json, &fault));
	expect_json(&json, "{\"type\":\"urn:ietf:params:acme:error:badNonce\",\"detail\":\"once\","
			   "\"status\":400}\n");
	set_refusal(&problem, "badSignatureAlgorithm", "\xc3");
	OK(format_acme_problem(&problem, 400, &json, &fault));
	cr_expect_not_null(strstr((const char *)json.data, "\"algorithms\":[\"ES256\","));
	clear_buffer(&json);
	cr_expect_eq(acme_status("rateLimited"), 429);
	cr_expect_eq(acme_status("unauthorized"), 403);
	cr_expect_eq(acme_status("malformed"), 400);
}
