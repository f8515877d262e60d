#include "common/ca/service/service.h"

#include "common/base/clock.h"
#include "common/ca/store/revoke.h"
#include "common/net/http.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/served.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define YEAR_S (365 * DAY_S)

static struct served served;

static void set_up(void)
{
	start_served(&served);
}

static void tear_down(void)
{
	stop_served(&served);
}

TestSuite(service, .init = set_up, .fini = tear_down);

/* Starts a CA, asks it over HTTP for a certificate and for the status of it. */
Test(service, is_used_like_this)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer certified = {0};
	struct ca_service_settings settings = {.listen = {1, {{"127.0.0.1", 0, false}}}};
	struct status_answer status = {0};

	/* As start_served does: settings.authority is a CA that is open, with its layout. */
	stop_ca_service(&served.service);
	settings.authority = served.ca.authority;
	settings.layout = served.ca.layout;
	OK(start_ca_service(&settings, &served.service, &fault));

	/* Clients connect to ca_service_endpoints() and encrypt under the key they share with it.
	 */
	CLEANUP(clear_secret) struct secret request = make_request_json(&served, 1);

	ask_certificates(&served, &served.keys[0], bytes_of_secret(&request), &certified);
	cr_assert_eq(certified.certificate_count, 1);
	ask_about(&served, 0, bytes_of_buffer(&certified.certificates[0].pem), &status);
	cr_expect_eq(status.status, STATUS_GOOD);
}

/* catalogue 11, 17, 19, 21, 23: all are answered with the same octets. */
Test(service, answers_alike_every_request_that_it_cannot_decrypt)
{
	struct shared_key unknown;
	struct shared_key other_octets;
	CLEANUP(clear_http_answer) struct http_answer first = {0};

	OK(generate_shared_key(&unknown, &fault));
	other_octets = served.keys[0];
	other_octets.key[7] ^= 1;
	struct buffer bodies[] = {
		encrypt_text(&unknown, CERTIFICATES_TYPE, "{}"),
		encrypt_text(&other_octets, CERTIFICATES_TYPE, "{}"),
		encrypt_text(&served.keys[0], STATUS_TYPE, "{}"),
		encrypt_text(&served.keys[0], CERTIFICATES_ANSWER_TYPE, "{}"),
		encrypt_text(&served.keys[0], CERTIFICATES_TYPE, "{}"),
		{0},
	};

	bodies[4].data[bodies[4].len - 1] ^= 1;
	append_string(&bodies[5], "a.b.c.d.e");
	exchange_body(&served, CERTIFICATES_PATH, CONTENT_JOSE, bytes_of_buffer(&bodies[0]),
		      &first);
	cr_expect_eq(first.status, 400);
	cr_expect_str_eq(first.content_type, CONTENT_PROBLEM);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		exchange_body(&served, CERTIFICATES_PATH, CONTENT_JOSE, bytes_of_buffer(&bodies[i]),
			      &answer);
		cr_expect_eq(answer.status, first.status, "row %zu", i);
		cr_expect(equal_bytes(bytes_of_buffer(&answer.body), bytes_of_buffer(&first.body)),
			  "row %zu: %s", i, (const char *)answer.body.data);
		clear_buffer(&bodies[i]);
	}
	cr_expect_eq(count_rows(&served.ca), 0);
}

#define JTI "\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\""
#define NO_IAT INT64_MIN

/* catalogue 18, 29, 32, 63, 64, 67 */
Test(service, refuses_inside_the_encrypted_answer)
{
	static const struct {
		size_t peer;
		const char *claims; /* but for iat */
		int64_t iat_s;      /* from now */
		const char *type;
		const char *part;
	} rows[] = {
		{0, "\"iss\":\"client1\",\"aud\":\"ca\"," JTI, -310, "stale", "within 300 s"},
		{0, "\"iss\":\"client1\",\"aud\":\"ca\"," JTI, 310, "stale", "within 300 s"},
		{0, "\"iss\":\"client1\",\"aud\":\"ca\"," JTI, -YEAR_S, "stale", "that is wrong"},
		{0, "\"iss\":\"client2\",\"aud\":\"ca\"," JTI, 0, "not_for_us",
		 "iss: expected \"client1\""},
		{1, "\"iss\":\"client1\",\"aud\":\"ca\"," JTI, 0, "not_for_us",
		 "iss: expected \"client2\""},
		{0, "\"iss\":\"client1\",\"aud\":\"client2\"," JTI, 0, "not_for_us",
		 "aud: expected \"ca\""},
		{0, "\"iss\":\"client1\"," JTI, 0, "malformed", "\"aud\""},
		{0, "\"aud\":\"ca\"," JTI, 0, "malformed", "\"iss\""},
		{0, "\"iss\":\"client1\",\"aud\":\"ca\"", 0, "malformed", "\"jti\""},
		{0, "\"iss\":\"client1\",\"aud\":\"ca\"," JTI, NO_IAT, "malformed", "\"iat\""},
		{0, "\"iss\":\"client1\",\"aud\":\"ca\",\"x\":1," JTI, 0, "malformed",
		 "unknown member"},
		{0, "\"iss\":\"client1\",\"iss\":\"client1\",\"aud\":\"ca\"," JTI, 0, "malformed",
		 "duplicate"},
		{2, "\"iss\":\"stranger\",\"aud\":\"ca\"," JTI, 0, "unknown_client",
		 "no client \"stranger\""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
		CLEANUP(clear_buffer) struct buffer text = {0};

		append_format(&text, "{%s", rows[i].claims);
		if (rows[i].iat_s != NO_IAT)
			append_format(&text, ",\"iat\":%" PRId64, served.now_s + rows[i].iat_s);
		append_string(&text, ",\"requests\":{\"key1\":\"x\"}}");
		ask_certificates(&served, &served.keys[rows[i].peer], bytes_of_buffer(&text),
				 &answer);
		cr_expect_str_eq(answer.refusal.type, rows[i].type, "row %zu: %s: %s", i,
				 answer.refusal.type, answer.refusal.detail);
		cr_expect_not_null(strstr(answer.refusal.detail, rows[i].part), "row %zu: %s", i,
				   answer.refusal.detail);
		cr_expect_str_eq(answer.claims.aud, peers[rows[i].peer]);
		cr_expect(logged(&served, rows[i].part), "row %zu", i);
	}
	cr_expect_eq(count_rows(&served.ca), 0);
}

/* catalogue 29 */
Test(service, refuses_more_requests_than_the_most)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	append_format(&text,
		      "{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":%" PRId64 "," JTI
		      ",\"requests\":{",
		      served.now_s);
	for (size_t i = 0; i <= BATCH_SIZE_MAX; i++)
		append_format(&text, "%s\"key%zu\":\"\"", i > 0 ? "," : "", i);
	append_string(&text, "}}");
	ask_certificates(&served, &served.keys[0], bytes_of_buffer(&text), &answer);
	cr_expect_str_eq(answer.refusal.type, "too_many", "%s", answer.refusal.detail);
	cr_expect_str_eq(answer.claims.in_reply_to, "AAAAAAAAAAAAAAAAAAAAAA");
}

/* catalogue 63: even then. */
Test(service, refuses_an_old_request_for_keys_that_are_certified)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_secret) struct secret request = make_request_json(&served, 2);

	ask_certificates(&served, &served.keys[0], bytes_of_secret(&request), &answer);
	cr_assert_eq(answer.certificate_count, 2);
	clear_certificates_answer(&answer);
	clear_secret(&request);
	served.now_s -= 400;
	request = make_request_json(&served, 2);
	ask_certificates(&served, &served.keys[0], bytes_of_secret(&request), &answer);
	cr_expect_str_eq(answer.refusal.type, "stale");
	cr_expect_eq(answer.certificate_count, 0);
}

/* catalogue 61: byte for byte the same JWE. */
Test(service, answers_a_replayed_batch_with_the_same_certificates)
{
	struct certificates_answer answers[2];
	CLEANUP(clear_secret) struct secret request = make_request_json(&served, 5);
	CLEANUP(clear_buffer)
	struct buffer jwe = encrypt_text(&served.keys[0], CERTIFICATES_TYPE, (char *)request.data);
	CLEANUP(free_http_client) struct http_client *client = new_served_client(&served);

	memset(answers, 0, sizeof(answers));
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(clear_secret) struct secret json = {0};

		OK(send_encrypted(client, &certificates_kind, &served.keys[0],
				  bytes_of_buffer(&jwe), &json, &fault));
		OK(parse_certificates_answer(bytes_of_secret(&json), &answers[i], &fault));
		cr_assert_eq(answers[i].certificate_count, 5);
	}
	for (size_t i = 0; i < 5; i++)
		cr_expect(equal_bytes(bytes_of_buffer(&answers[0].certificates[i].pem),
				      bytes_of_buffer(&answers[1].certificates[i].pem)));
	cr_expect_eq(count_rows(&served.ca), 5);
	clear_certificates_answer(&answers[0]);
	clear_certificates_answer(&answers[1]);
}

Test(service, says_in_its_log_which_members_it_refused)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_secret) struct secret json = {0};

	OK(make_request_claims("client1", CA_NAME, served.now_s, &request.claims, &fault));
	add_members(&request, "client1", 1, 2);
	add_members(&request, "client2", 3, 1);
	OK(format_certificates_request(&request, &json, &fault));
	ask_certificates(&served, &served.keys[0], bytes_of_secret(&json), &answer);
	cr_expect_eq(answer.certificate_count, 2);
	cr_expect_eq(answer.refusal_count, 1);
	cr_expect(logged(&served, "client1: refused 1 of 3; key3: policy: subject"), "%s",
		  served.log);
}

/* catalogue 68 */
Test(service, answers_the_status_of_a_certificate_to_any_client)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer root = {0};
	struct status_answer answer = {0};
	char serial[SERIAL_TEXT_SIZE];

	certificate = certify_one(&served.ca, served.now_s);
	format_serial(certificate_serial(certificate), serial);
	OK(format_certificate_pem(certificate_der(certificate), &pem, &fault));
	for (size_t peer = 0; peer < 2; peer++) {
		ask_about(&served, peer, bytes_of_buffer(&pem), &answer);
		cr_expect_str_eq(answer.refusal.type, "", "%s", answer.refusal.detail);
		cr_expect_eq(answer.status, STATUS_GOOD);
		cr_expect_str_eq(answer.serial, serial);
	}
	OK(read_file(served.ca.layout->cert, "root.crt", 10000, &root, &fault));
	ask_about(&served, 1, bytes_of_buffer(&root), &answer);
	cr_expect_eq(answer.status, STATUS_UNKNOWN);
}

/* catalogue 31, 63, 64 */
Test(service, refuses_status_questions_without_a_certificate_and_stale_ones)
{
	struct status_answer answer = {0};

	ask_about(&served, 0, bytes_of_string("no certificate"), &answer);
	cr_expect_str_eq(answer.refusal.type, "malformed");
	cr_expect_not_null(strstr(answer.refusal.detail, "certificate: "), "%s",
			   answer.refusal.detail);
	served.now_s -= 1000;
	ask_about(&served, 0, bytes_of_string("no certificate"), &answer);
	cr_expect_str_eq(answer.refusal.type, "stale");
}

Test(service, does_not_start_with_a_key_that_cannot_be_read)
{
	struct ca_service *service = NULL;
	struct ca_service_settings settings = {.listen = {1, {{"127.0.0.1", 0, false}}}};

	put_file(served.ca.layout->private, "shared_client3.jwk", "{}", 0644);
	settings.authority = served.ca.authority;
	settings.layout = served.ca.layout;
	REFUSED(start_ca_service(&settings, &service, &fault), FAULT_REFUSED, "Private");
	cr_expect_null(service);
}

Test(service, does_not_start_on_an_address_in_use)
{
	struct ca_service *service = NULL;
	struct ca_service_settings settings = {0};

	settings.authority = served.ca.authority;
	settings.layout = served.ca.layout;
	settings.listen = *ca_service_endpoints(served.service);
	REFUSED(start_ca_service(&settings, &service, &fault), FAULT_BUSY, NULL);
	cr_expect_null(service);
}

Test(service, serves_the_root)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	exchange_body(&served, "/root.crt", NULL, (struct bytes){0}, &answer);
	cr_expect_eq(answer.status, 200);
	cr_expect_str_eq(answer.content_type, CONTENT_PEM);
	cr_expect(file_holds(served.ca.layout->cert, "root.crt", (const char *)answer.body.data));
}

static const void *find_octets(const struct buffer *all, struct bytes part)
{
	return memmem(all->data, all->len, part.data, part.len);
}

/* catalogue 79: and a client learns no more than that the CA failed. */
Test(service, is_healthy_until_its_record_fails)
{
	CLEANUP(clear_http_answer) struct http_answer well = {0};
	CLEANUP(clear_http_answer) struct http_answer ill = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	char log[400];

	exchange_body(&served, "/health", NULL, (struct bytes){0}, &well);
	cr_expect_eq(well.status, 200);
	cr_expect_str_eq((const char *)well.body.data,
			 "{\"status\":\"ok\",\"reasons\":[],\"warnings\":[]}\n");
	CLEANUP(clear_secret) struct secret request = make_request_json(&served, 1);

	ask_certificates(&served, &served.keys[0], bytes_of_secret(&request), &answer);
	cr_assert_eq(answer.certificate_count, 1);
	clear_certificates_answer(&answer);
	(void)snprintf(log, sizeof(log), "%s-wal", served.ca.store_path);
	cr_assert_eq(unlink(log), 0);
	clear_secret(&request);
	request = make_request_json(&served, 1);
	ask_certificates(&served, &served.keys[0], bytes_of_secret(&request), &answer);
	cr_expect_str_eq(answer.refusal.type, "failed");
	cr_expect_null(strstr(answer.refusal.detail, served.ca.scratch.path), "%s",
		       answer.refusal.detail);
	cr_expect(logged(&served, "while it was in use"), "%s", served.log);
	exchange_body(&served, "/health", NULL, (struct bytes){0}, &ill);
	cr_expect_eq(ill.status, 503);
	cr_expect_str_eq(
		(const char *)ill.body.data,
		"{\"status\":\"failed\",\"reasons\":[\"store\",\"crl\"],\"warnings\":[]}\n");
}

/* catalogue 59, 90: never older than what an operator revoked, whatever is cached. */
Test(service, serves_a_crl_with_the_latest_revocation)
{
	const struct ca_crl_options options = authority_crl_options(served.ca.authority);
	struct crl_info made;
	CLEANUP(clear_http_answer) struct http_answer before = {0};
	CLEANUP(clear_http_answer) struct http_answer after = {0};
	const struct certificate_query everything = {0};
	struct revocation revocation = {.query = &everything, .by = CA_NAME};
	struct revocation_summary summary;
	struct certificate *certificate;

	certificate = certify_one(&served.ca, served.now_s);
	revocation.now_s = served.now_s;
	exchange_body(&served, "/crl", NULL, (struct bytes){0}, &before);
	cr_expect_eq(before.status, 200);
	cr_expect_str_eq(before.content_type, "application/pkix-crl");
	cr_expect_null(find_octets(&before.body, certificate_serial(certificate)));
	OK(revoke_certificates(authority_store(served.ca.authority), &revocation, NULL, NULL,
			       &summary, &fault));
	/* As certpool revoke does before it returns. */
	OK(publish_crl(&options, CRL_WHEN_DUE, served.now_s, &made, &fault));
	exchange_body(&served, "/crl", NULL, (struct bytes){0}, &after);
	cr_expect_not_null(find_octets(&after.body, certificate_serial(certificate)));
	free_certificate(&certificate);
}

/* A request is counted after its answer was sent: the counters may be a moment late. */
static void await_metrics(const char *expected, struct http_answer *ret_answer)
{
	for (int tries = 0; tries < 10000; tries++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		exchange_body(&served, "/metrics", NULL, (struct bytes){0}, &answer);
		if (strstr((const char *)answer.body.data, expected) != NULL) {
			MOVE(ret_answer, answer);
			return;
		}
		sleep_us(1000);
	}
	cr_assert_fail("the metrics never had %s", expected);
}

Test(service, serves_its_metrics)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer refused = {0};

	ask_certificates(&served, &served.keys[0], bytes_of_string("{}"), &refused);
	await_metrics("\ncertpool_http_requests_total{method=\"POST\","
		      "path=\"/v1/certificates\",class=\"2x\"} 1\n",
		      &answer);
	cr_expect_eq(answer.status, 200);
	cr_expect_str_eq(answer.content_type, "text/plain");
	cr_expect_not_null(strstr((const char *)answer.body.data,
				  "\ncertpool_refusals_total{type=\"malformed\"} 1\n"),
			   "%s", answer.body.data);
}

Test(service, has_nothing_else)
{
	static const char *const paths[] = {"/",           "/v1",    "/v1/certificates",
					    "/v1/status/", "/ca.db", "/../ca.db"};

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		exchange_body(&served, paths[i], NULL, (struct bytes){0}, &answer);
		cr_expect_geq(answer.status, 400, "%s", paths[i]);
		cr_expect_str_eq(answer.content_type, CONTENT_PROBLEM, "%s", paths[i]);
	}
}

struct enroller {
	struct secret request;
	size_t certificates;
	atomic_bool *done;
};

static void *enroll(void *argument)
{
	struct enroller *enroller = argument;
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	ask_certificates(&served, &served.keys[0], bytes_of_secret(&enroller->request), &answer);
	enroller->certificates = answer.certificate_count;
	atomic_store(enroller->done, true);
	return NULL;
}

/* catalogue 91: more batches at once than there are workers. */
Test(service, answers_a_status_while_it_certifies_large_batches)
{
	enum { BATCHES = 6, SIZE = 300 };
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct enroller enrollers[BATCHES];
	pthread_t threads[BATCHES];
	atomic_bool done = false;
	size_t answered_before = 0;

	certificate = certify_one(&served.ca, served.now_s);
	OK(format_certificate_pem(certificate_der(certificate), &pem, &fault));
	for (size_t i = 0; i < BATCHES; i++)
		enrollers[i] = (struct enroller){.request = make_request_json(&served, SIZE),
						 .done = &done};
	for (size_t i = 0; i < BATCHES; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, enroll, &enrollers[i]), 0);
	while (!atomic_load(&done)) {
		struct status_answer answer = {0};

		ask_about(&served, 1, bytes_of_buffer(&pem), &answer);
		cr_expect_eq(answer.status, STATUS_GOOD);
		answered_before++;
	}
	for (size_t i = 0; i < BATCHES; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		cr_expect_eq(enrollers[i].certificates, SIZE);
		clear_secret(&enrollers[i].request);
	}
	cr_expect_gt(answered_before, 0);
	cr_expect_eq(count_rows(&served.ca), BATCHES * SIZE + 1);
}
