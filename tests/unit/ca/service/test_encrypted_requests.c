#include "common/ca/service/encrypted_requests.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/client_roots.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/fleet.h"
#include "common/net/http.h"
#include "common/wire/revocation.h"
#include "common/wire/roots.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/ca/served.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct served served;

static void set_up(void)
{
	start_served(&served);
}

static void tear_down(void)
{
	stop_served(&served);
}

TestSuite(encrypted_requests, .init = set_up, .fini = tear_down);

static void allow_a_minute(const char *client, size_t requests)
{
	CLEANUP(clear_client) struct client record = {0};
	struct store *store = authority_store(served.ca.authority);
	bool found;

	OK(read_client(store, client, &record, &found, &fault));
	cr_assert(found);
	record.policy.requests_per_minute = requests;
	OK(write_client(store, &record, CLIENT_CHANGE, served.now_s, &fault));
}

/* catalogue 91: the rate is changed while the CA serves, and no refused request is recorded. */
Test(encrypted_requests, refuse_a_client_that_asks_too_often_and_name_the_rule)
{
	struct certificates_answer answer = {0};

	allow_a_minute("client1", 2);
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
}

static void ask_to_revoke(const uint8_t *serial, struct revocation_answer *ret_answer)
{
	uint8_t serials[1][SERIAL_MAX];
	struct revocation_request request = {.serials = serials, .serial_count = 1};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_secret) struct secret answer = {0};
	uint8_t sha256[SHA256_LEN];

	memcpy(serials[0], serial, SERIAL_MAX);
	OK(make_request_claims("client1", CA_NAME, served.now_s, &request.claims, &fault));
	OK(format_revocation_request(&request, &json, &fault));
	answer = ask_json(&served, &revocations_kind, &served.keys[0], bytes_of_secret(&json),
			  sha256);
	OK(parse_revocation_answer(bytes_of_secret(&answer), ret_answer, &fault));
}

/* A revocation that comes too often is refused before it is done. */
Test(encrypted_requests, refuse_revocations_that_come_too_often)
{
	CLEANUP(free_certificate) struct certificate *first = NULL;
	CLEANUP(free_certificate) struct certificate *second = NULL;
	CLEANUP(clear_revocation_answer) struct revocation_answer revoked = {0};
	CLEANUP(clear_revocation_answer) struct revocation_answer refused = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool found;

	first = certify_one(&served.ca, served.now_s);
	second = certify_one(&served.ca, served.now_s);
	allow_a_minute("client1", 1);
	ask_to_revoke(certificate_serial(first).data, &revoked);
	cr_expect_not(is_refused(&revoked.refusal), "%s", revoked.refusal.detail);
	ask_to_revoke(certificate_serial(second).data, &refused);
	cr_expect_str_eq(refused.refusal.type, RATE_REFUSAL);
	OK(find_by_serial(authority_store(served.ca.authority), certificate_serial(second).data,
			  &record, &found, &fault));
	cr_expect(found && !record.revoked);
}

/* A status costs next to nothing, so it is never refused for its rate. */
Test(encrypted_requests, answer_any_number_of_status_questions)
{
	allow_a_minute("client1", 1);
	for (size_t i = 0; i < 3; i++) {
		struct status_answer answer = {0};

		ask_about(&served, 0, bytes_of_string("no certificate"), &answer);
		cr_expect_str_eq(answer.refusal.type, "malformed");
	}
}

/* Sends no more than the beginning of a request of 16 MB, under the key. */
static struct buffer send_beginning(const struct shared_key *key)
{
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	CLEANUP(clear_buffer) struct buffer plaintext = {0};
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct buffer answer = {0};
	int connection = connect_raw(&ca_service_endpoints(served.service)->endpoints[0]);

	append_format(&plaintext, "%02000d", 0);
	jwe = encrypt_text(key, CERTIFICATES_TYPE, (const char *)plaintext.data);
	append_string(&request, "POST " CERTIFICATES_PATH " HTTP/1.1\r\nHost: a\r\nContent-Type: "
				"application/jose\r\nContent-Length: 16000000\r\n\r\n");
	append_bytes(&request, bytes_of_buffer(&jwe));
	cr_assert(send_raw(connection, bytes_of_buffer(&request)));
	cr_assert(shutdown(connection, SHUT_WR) == 0);
	(void)receive_raw(connection, &answer);
	(void)close(connection);
	return answer;
}

/* catalogue 111: without a key of ours nobody gets us to hold 16 MB */
Test(encrypted_requests, refuse_an_unknown_sender_before_the_body_is_there)
{
	CLEANUP(clear_buffer) struct buffer unknown = {0};
	CLEANUP(clear_buffer) struct buffer known = {0};
	struct shared_key key;

	OK(generate_shared_key(&key, &fault));
	unknown = send_beginning(&key);
	cr_expect_eq(status_of(&unknown), 400, "%s", unknown.data);
	cr_expect(logged(&served, "kid: expected that of a key that we share"), "%s", served.log);
	/* Of a known one the rest is awaited. */
	known = send_beginning(&served.keys[0]);
	cr_expect_eq(status_of(&known), 0, "%s", known.data);
}

/* catalogue 19: what is said to an unknown sender is what everyone hears whose JWE is not right */
Test(encrypted_requests, answer_an_unknown_sender_like_all_others)
{
	CLEANUP(clear_http_answer) struct http_answer unknown = {0};
	CLEANUP(clear_http_answer) struct http_answer altered = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct shared_key key;

	OK(generate_shared_key(&key, &fault));
	jwe = encrypt_text(&key, CERTIFICATES_TYPE, "{}");
	exchange_body(&served, CERTIFICATES_PATH, CONTENT_JOSE, bytes_of_buffer(&jwe), &unknown);
	clear_buffer(&jwe);
	jwe = encrypt_text(&served.keys[0], CERTIFICATES_TYPE, "{}");
	jwe.data[jwe.len - 1] ^= 1;
	exchange_body(&served, CERTIFICATES_PATH, CONTENT_JOSE, bytes_of_buffer(&jwe), &altered);
	cr_expect_eq(unknown.status, altered.status);
	cr_expect(equal_bytes(bytes_of_buffer(&unknown.body), bytes_of_buffer(&altered.body)));
}

static int count_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	size_t *count = context;

	(void)sequence;
	(void)fault;
	*count += strstr(line, "\"by\":\"client1\"") != NULL;
	return 0;
}

/* Lines of the audit log that a request of client1 caused. */
static size_t count_lines(void)
{
	size_t count = 0;

	OK(list_audit(authority_store(served.ca.authority), FIRST_FRONT_END, 1, count_line, &count,
		      &fault));
	return count;
}

static struct buffer encrypt_request(const struct secret *json)
{
	return encrypt_text(&served.keys[0], CERTIFICATES_TYPE, (const char *)json->data);
}

/* Posts the same octets so many times. Returns how often HTTP refused them. */
static size_t post_repeatedly(const struct buffer *jwe, size_t count)
{
	CLEANUP(free_http_client) struct http_client *client = new_served_client(&served);
	size_t busy = 0;

	for (size_t i = 0; i < count; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		OK(exchange_http(client, CERTIFICATES_PATH, CONTENT_JOSE, bytes_of_buffer(jwe),
				 CERTIFICATES_ANSWER_MAX, &answer, &fault));
		cr_assert(answer.status == 200 || answer.status == 503, "%u", answer.status);
		if (answer.status == 200)
			continue;
		busy++;
		cr_expect_not_null(strstr((const char *)answer.body.data,
					  "this request came before, and 127.0.0.1 repeats more "
					  "than 60 a minute"),
				   "%s", answer.body.data);
	}
	return busy;
}

/* catalogue 108 */
Test(encrypted_requests, have_no_line_in_the_audit_log_unless_they_are_fresh)
{
	static const char *const texts[] = {
		"{}",
		"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1,"
		"\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"requests\":{\"key1\":\"x\"}}",
		"{\"iss\":\"client2\",\"aud\":\"ca\",\"iat\":1,"
		"\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"requests\":{\"key1\":\"x\"}}",
	};
	size_t before = count_lines();

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

		ask_certificates(&served, &served.keys[0], bytes_of_string(texts[i]), &answer);
		cr_expect(is_refused(&answer.refusal));
	}
	cr_expect_eq(count_lines(), before);
	cr_expect(logged(&served, "(from 127.0.0.1)"), "%s", served.log);
}

/* catalogue 108: the first ones are answered, in case the answer was lost. */
Test(encrypted_requests, that_are_old_and_repeated_cost_their_origin_alone)
{
	size_t before = count_lines();

	served.now_s -= 326;
	CLEANUP(clear_secret) struct secret old = make_request_json(&served, 1);
	CLEANUP(clear_buffer) struct buffer jwe = encrypt_request(&old);
	size_t busy = post_repeatedly(&jwe, 200);

	cr_expect_geq(busy, 100);
	cr_expect_leq(busy, 199 - 59);
	cr_expect_eq(count_lines(), before);

	/* From the same origin. */
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	served.now_s += 326;
	CLEANUP(clear_secret) struct secret fresh = make_request_json(&served, 1);

	ask_certificates(&served, &served.keys[0], bytes_of_secret(&fresh), &answer);
	cr_expect_eq(answer.certificate_count, 1);
}

/* catalogue 108: neither its client's rate nor the audit log. */
Test(encrypted_requests, that_are_fresh_and_repeated_cost_their_client_once)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_secret) struct secret captured = make_request_json(&served, 1);
	CLEANUP(clear_secret) struct secret next = make_request_json(&served, 1);
	CLEANUP(clear_buffer) struct buffer jwe = encrypt_request(&captured);

	allow_a_minute("client1", 2);
	cr_expect_eq(post_repeatedly(&jwe, 1), 0);
	size_t before = count_lines();

	cr_expect_geq(post_repeatedly(&jwe, 100), 1);
	cr_expect_eq(count_lines(), before);
	ask_certificates(&served, &served.keys[0], bytes_of_secret(&next), &answer);
	cr_expect_eq(answer.certificate_count, 1, "%s", answer.refusal.detail);
}

/* A repetition is no way around the rate: only what was admitted is known when it comes again. */
Test(encrypted_requests, that_were_refused_for_the_rate_are_new_when_they_come_again)
{
	CLEANUP(clear_secret) struct secret first = make_request_json(&served, 1);
	CLEANUP(clear_secret) struct secret second = make_request_json(&served, 1);
	CLEANUP(clear_buffer) struct buffer first_jwe = encrypt_request(&first);
	CLEANUP(clear_buffer) struct buffer second_jwe = encrypt_request(&second);

	allow_a_minute("client1", 1);
	cr_expect_eq(post_repeatedly(&first_jwe, 1), 0);
	cr_expect_eq(post_repeatedly(&second_jwe, 3), 0);
	cr_expect_eq(count_rows(&served.ca), 1);
}

/* A content key that is used twice is none either. */
Test(encrypted_requests, that_begin_alike_cost_their_client_each)
{
	CLEANUP(clear_secret) struct secret first = make_request_json(&served, 1);
	CLEANUP(clear_secret) struct secret second = make_request_json(&served, 1);
	CLEANUP(clear_buffer)
	struct buffer first_jwe =
		encrypt_alike(&served.keys[0], CERTIFICATES_TYPE, bytes_of_secret(&first));
	CLEANUP(clear_buffer)
	struct buffer second_jwe =
		encrypt_alike(&served.keys[0], CERTIFICATES_TYPE, bytes_of_secret(&second));

	allow_a_minute("client1", 1);
	cr_expect_eq(post_repeatedly(&first_jwe, 2), 0);
	cr_expect_eq(post_repeatedly(&second_jwe, 2), 0);
	cr_expect_eq(count_rows(&served.ca), 1);
	cr_expect(logged(&served, "client1 may make 1 request a minute"), "%s", served.log);
}

static int add_count(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	static const char name[] = "\"count\":";
	const char *count = strstr(line, name);
	long *sum = context;

	(void)sequence;
	(void)fault;
	*sum += count != NULL ? strtol(count + strlen(name), NULL, 10) : 0;
	return 0;
}

/* Posts a request of client1 for `count` members that is refused, so many times. */
static void post_refused(size_t count, size_t times)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	OK(make_request_claims("client1", CA_NAME, served.now_s, &request.claims, &fault));
	for (size_t i = 0; i < count; i++) {
		struct buffer pem = {0};
		char name[8];

		append_string(&pem, "no request");
		(void)snprintf(name, sizeof(name), "key%zu", i);
		add_member(&request, name, pem);
	}
	OK(format_certificates_request(&request, &json, &fault));
	jwe = encrypt_request(&json);
	cr_expect_eq(post_repeatedly(&jwe, times), 0);
}

/* catalogue 108, 109: of each client a minute. Repeated ones are not counted. */
Test(encrypted_requests, that_are_fresh_and_refused_have_one_line_with_their_number)
{
	struct authority *authority = served.ca.authority;
	size_t before = count_lines();
	long sum = 0;

	for (int i = 0; i < 5; i++)
		post_refused(3, 4);
	cr_expect_eq(count_lines(), before + 1);
	OK(flush_refusals(authority_refusals(authority), true, served.now_s, &fault));
	cr_expect_eq(count_lines(), before + 2);
	OK(list_audit(authority_store(authority), FIRST_FRONT_END, 1, add_count, &sum, &fault));
	cr_expect_eq(sum, 15);
}

/* As client1, which has pinned a root of this digest. */
static void ask_for_roots(uint8_t digest)
{
	struct roots_request request = {.count = 1, .sha256 = {{digest}}};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_secret) struct secret answer = {0};
	CLEANUP(clear_roots_answer) struct roots_answer roots = {0};
	uint8_t sha256[SHA256_LEN];

	OK(make_request_claims("client1", CA_NAME, served.now_s, &request.claims, &fault));
	OK(format_roots_request(&request, &json, &fault));
	answer = ask_json(&served, &roots_kind, &served.keys[0], bytes_of_secret(&json), sha256);
	OK(parse_roots_answer(bytes_of_secret(&answer), &roots, &fault));
	cr_expect_eq(roots.root_count, 1, "%s", roots.refusal.detail);
}

/* Each note is a sync of the record's disk. */
Test(encrypted_requests, for_roots_are_all_answered_and_not_all_noted)
{
	size_t notes = 0;

	for (size_t i = 0; i < 100; i++) {
		const uint8_t sha256[SHA256_LEN] = {(uint8_t)(i + 1)};
		bool is_new = true;

		ask_for_roots(sha256[0]);
		OK(find_new_roots(authority_store(served.ca.authority), "client1",
				  (struct bytes){sha256, SHA256_LEN}, &is_new, &fault));
		notes += !is_new;
	}
	cr_expect_geq(notes, 20);
	cr_expect_leq(notes, 60);
}
