#include "tests/unit/ca/acme/served_acme.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/driver.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* What all answers have in common, also when the CA fails. */

static struct served_acme served;

static void set_up(void)
{
	serve_acme_alone(&served, 0);
}

static void tear_down(void)
{
	stop_acme_alone(&served);
}

TestSuite(exchange, .init = set_up, .fini = tear_down);

/* --- a record on several servers --- */

static int fail_to_confirm(struct store *store, struct fault *fault)
{
	return set_fault(fault, FAULT_BUSY, "%s: no standby", store->name);
}

static int fail_to_begin(struct store *store, enum transaction_mode mode,
			 struct store_connection **ret_connection, struct fault *fault)
{
	(void)store;
	(void)mode;
	(void)ret_connection;
	return set_fault(fault, FAULT_FAILED, "the disk at a secret place");
}

/* A COMMIT that waits for a standby, which does not come, is seen by those who read meanwhile. */
Test(exchange, gives_no_certificate_out_before_a_commit_after_it)
{
	struct store *store = authority_store(served.fixture.authority);
	const struct store_driver *driver = store->driver;
	struct store_driver lonely = *driver;
	CLEANUP(clear_buffer) struct buffer payload = {0};
	CLEANUP(clear_buffer) struct buffer jws = {0};
	CLEANUP(clear_answered) struct answered order = {0};
	CLEANUP(clear_answered) struct answered refused = {0};
	CLEANUP(clear_answered) struct answered given = {0};
	char url[2048];
	const char *path = url + strlen(BASE);

	make_order(&served, "finalize", url, sizeof(url));
	make_finalize(&payload);
	ask(&served, url, (const char *)payload.data, &order);
	copy_answer_text(&order, "certificate", url, sizeof(url));
	jws = sign_request(&served, served.account_key, served.kid, path, "");
	const struct http_request request = {
		.method = "POST", .path = path, .body = bytes_of_buffer(&jws)};

	lonely.confirm = fail_to_confirm;
	store->driver = &lonely;
	OK(answer_acme_post(served.acme, &request, 0, &refused.response, &refused.outcome, &fault));
	cr_expect_eq(refused.response.status, 503);
	cr_expect_str_eq(find_field(&refused, "Retry-After"), "1");
	cr_expect_str_neq(find_field(&refused, "Replay-Nonce"), "");
	cr_expect_not_null(strstr((const char *)refused.response.body.data, "no standby"));
	store->driver = driver;
	ask(&served, path, "", &given);
	cr_expect_eq(given.response.status, 200);
}

/* --- refusals --- */

struct lines {
	char last[4096];
};

static int keep_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct lines *lines = context;

	(void)sequence;
	(void)fault;
	(void)snprintf(lines->last, sizeof(lines->last), "%s", line);
	return 0;
}

static void expect_logged(const char *part)
{
	struct lines lines = {0};

	OK(list_audit(authority_store(served.fixture.authority), FIRST_FRONT_END, 1, keep_line,
		      &lines, &fault));
	cr_expect_not_null(strstr(lines.last, part), "expected %s in %s", part, lines.last);
}

/* One line a minute: so each refusal has a CA of its own. */
Test(exchange, logs_a_request_for_a_certificate_that_is_refused)
{
	CLEANUP(clear_answered) struct answered answered = {0};
	char path[2048];

	make_order(&served, "finalize", path, sizeof(path));
	ask(&served, path, "{\"csr\":\"AAAA\"}", &answered);
	cr_expect_str_eq(answered.outcome.problem.type, "badCSR");
	expect_logged("\"type\":\"bad_request\"");
}

Test(exchange, logs_a_profile_that_is_refused)
{
	CLEANUP(clear_answered) struct answered answered = {0};

	ask(&served, ACME_PATH "new-order",
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}],"
	    "\"profile\":\"server\"}",
	    &answered);
	cr_expect_str_eq(answered.outcome.problem.type, "invalidProfile");
	expect_logged("\"type\":\"profile\"");
}

Test(exchange, logs_a_disabled_client_that_asks)
{
	CLEANUP(clear_answered) struct answered answered = {0};
	bool changed;

	OK(set_client_disabled(authority_store(served.fixture.authority), "strict", true, NOW_S,
			       &changed, &fault));
	ask(&served, served.kid, "", &answered);
	cr_expect_str_eq(answered.outcome.problem.type, "unauthorized");
	cr_expect(!answered.outcome.unpaid);
	expect_logged("\"type\":\"disabled\"");
}

/* --- what has no request signed --- */

Test(exchange, refuses_to_be_asked_by_GET_what_is_asked_by_POST)
{
	const struct http_request request = {.method = "GET", .path = ACME_PATH "new-order"};
	CLEANUP(clear_answered) struct answered answered = {0};

	OK(answer_acme_get(served.acme, &request, &answered.response, &fault));
	cr_expect_eq(answered.response.status, 405);
	cr_expect_str_eq(find_field(&answered, "Allow"), "POST");
	cr_expect_not_null(strstr((const char *)answered.response.body.data, "error:malformed"));
}

/* RFC 8555 section 6.5: also with what the CA says when it fails, or has no such path. */
Test(exchange, gives_a_nonce_with_every_error)
{
	const struct http_request nowhere = {.method = "POST", .path = ACME_PATH "nowhere"};
	struct store *store = authority_store(served.fixture.authority);
	const struct store_driver *driver = store->driver;
	struct store_driver broken = *driver;
	CLEANUP(clear_answered) struct answered absent = {0};
	CLEANUP(clear_answered) struct answered failed = {0};

	OK(answer_acme_post(served.acme, &nowhere, 0, &absent.response, &absent.outcome, &fault));
	cr_expect_eq(absent.response.status, 404);
	cr_expect_str_neq(find_field(&absent, "Replay-Nonce"), "");
	broken.begin = fail_to_begin;
	store->driver = &broken;
	ask(&served, served.kid, "", &failed);
	store->driver = driver;
	cr_expect_eq(failed.response.status, 500);
	cr_expect_str_neq(find_field(&failed, "Replay-Nonce"), "");
	cr_expect_null(strstr((const char *)failed.response.body.data, "secret place"),
		       "the reason is for the log");
	cr_expect_str_eq((const char *)failed.response.reason.data, "the disk at a secret place");
}
