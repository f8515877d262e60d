#include "common/ca/service/encrypted_requests.h"

#include "common/ca/store/clients.h"
#include "common/net/http.h"
#include "common/wire/revocation.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/ca/served.h"

#include <criterion/criterion.h>
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
	int connection = connect_raw(ca_service_endpoint(served.service));

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
