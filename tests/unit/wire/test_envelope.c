#include "common/wire/envelope.h"

#include "common/net/http.h"
#include "common/wire/certificates.h"
#include "common/wire/status.h"

#include <criterion/criterion.h>
#include <string.h>

/* A server whose answers a test chooses: what it is asked is opened and answered. */
struct fake {
	struct key_ring ring; /* its keys */
	struct http_server *server;
	struct http_client *client; /* of the other side */
	struct shared_key key;      /* that both have */
	const struct message_kind *answer_kind;
	bool answer_under_another_key;
};

static int handle(const struct http_request *request, struct http_response *response, void *context,
		  struct fault *fault)
{
	const struct fake *fake = context;
	CLEANUP(clear_request) struct question question = {0};
	struct shared_key other;

	if (open_request(&fake->ring, &status_kind, request->body, &question, fault) < 0)
		return -1;
	if (fake->answer_under_another_key) {
		if (generate_shared_key(&other, fault) < 0)
			return -1;
		response->content_type = CONTENT_JOSE;
		return encrypt_message(&other, STATUS_ANSWER_TYPE, NULL, request->body,
				       &response->body, fault);
	}
	return answer_request(&fake->ring, fake->answer_kind, &question,
			      bytes_of_secret(&question.message.plaintext), response, fault);
}

static void start(struct fake *fake)
{
	static const struct http_route routes[] = {
		{"POST", STATUS_PATH, CONTENT_JOSE, STATUS_REQUEST_MAX, handle, false}, {0}};
	struct http_server_settings settings = {
		.endpoint = {"127.0.0.1", 0}, .routes = routes, .context = fake};
	struct http_client_settings client = {0};
	struct fault fault = {0};

	*fake = (struct fake){.answer_kind = &status_kind};
	cr_assert_eq(generate_shared_key(&fake->key, &fault), 0, "%s", fault.text);
	cr_assert_eq(add_peer_key(&fake->ring, "client1", &fake->key, &fault), 0, "%s", fault.text);
	cr_assert_eq(start_http_server(&settings, &fake->server, &fault), 0, "%s", fault.text);
	client.endpoint = *http_server_endpoint(fake->server);
	cr_assert_eq(new_http_client(&client, &fake->client, &fault), 0, "%s", fault.text);
}

static void stop(struct fake *fake)
{
	free_http_client(&fake->client);
	stop_http_server(&fake->server);
	clear_key_ring(&fake->ring);
}

static int ask_fake(struct fake *fake, const struct shared_key *key, struct secret *ret_answer,
		    struct fault *fault)
{
	uint8_t digest[SHA256_LEN];

	return ask_encrypted(fake->client, &status_kind, key, bytes_of_string("hello"), ret_answer,
			     digest, fault);
}

/* catalogue 19 */
Test(envelope, refuses_a_question_under_a_key_that_is_not_shared)
{
	struct fake fake;
	struct shared_key other;
	struct secret answer = {0};
	struct fault unknown_kid = {0};
	struct fault wrong_key = {0};

	start(&fake);
	cr_assert_eq(generate_shared_key(&other, &unknown_kid), 0);
	cr_expect_eq(ask_fake(&fake, &other, &answer, &unknown_kid), -1);
	cr_expect_eq(unknown_kid.class, FAULT_REFUSED, "%s", unknown_kid.text);
	memcpy(other.kid, fake.key.kid, sizeof(other.kid));
	cr_expect_eq(ask_fake(&fake, &other, &answer, &wrong_key), -1);
	cr_expect_str_eq(unknown_kid.text, wrong_key.text,
			 "an unknown kid and a wrong key are told apart");
	stop(&fake);
}

/* catalogue 65 */
Test(envelope, refuses_an_answer_that_is_not_under_our_key)
{
	struct fake fake;
	struct secret answer = {0};
	struct fault fault = {0};

	start(&fake);
	fake.answer_under_another_key = true;
	cr_expect_eq(ask_fake(&fake, &fake.key, &answer, &fault), -1);
	cr_expect_eq(fault.class, FAULT_UNVERIFIED);
	cr_expect(strstr(fault.text, "cannot be decrypted") != NULL, "%s", fault.text);
	cr_expect_null(answer.data);
	stop(&fake);
}

/* catalogue 21, 23 */
Test(envelope, refuses_an_answer_of_another_type)
{
	struct fake fake;
	struct secret answer = {0};
	struct fault fault = {0};

	start(&fake);
	fake.answer_kind = &certificates_kind;
	cr_expect_eq(ask_fake(&fake, &fake.key, &answer, &fault), -1);
	cr_expect_eq(fault.class, FAULT_UNVERIFIED);
	cr_expect(strstr(fault.text, "typ") != NULL, "%s", fault.text);
	stop(&fake);
}

/* catalogue 21, 23 */
Test(envelope, refuses_a_question_of_another_type)
{
	static const struct {
		const char *typ;
		const char *cty;
	} rows[] = {{CERTIFICATES_TYPE, NULL}, {STATUS_ANSWER_TYPE, NULL}, {STATUS_TYPE, "jose"}};
	struct key_ring ring = {0};
	struct shared_key key;
	struct fault fault = {0};

	cr_assert_eq(generate_shared_key(&key, &fault), 0);
	cr_assert_eq(add_peer_key(&ring, "client1", &key, &fault), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer jwe = {0};
		struct question question = {0};

		fault = (struct fault){0};
		cr_assert_eq(encrypt_message(&key, rows[i].typ, rows[i].cty, bytes_of_string("{}"),
					     &jwe, &fault),
			     0, "%s", fault.text);
		cr_expect_eq(
			open_request(&ring, &status_kind, bytes_of_buffer(&jwe), &question, &fault),
			-1);
		cr_expect_eq(fault.class, FAULT_UNDECRYPTABLE);
		cr_expect(strstr(fault.text, rows[i].typ) != NULL, "%s", fault.text);
		clear_buffer(&jwe);
	}
	clear_key_ring(&ring);
}

Test(envelope, answers_what_was_asked)
{
	struct fake fake;
	struct secret answer = {0};
	struct fault fault = {0};

	start(&fake);
	cr_assert_eq(ask_fake(&fake, &fake.key, &answer, &fault), 0, "%s", fault.text);
	cr_expect_str_eq((char *)answer.data, "hello");
	clear_secret(&answer);
	stop(&fake);
}
