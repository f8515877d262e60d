#include "common/ca/service/encrypted_requests.h"

#include "common/ca/store/fleet.h"
#include "common/crypto/key_file.h"
#include "common/net/http.h"
#include "common/wire/key_exchange.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/served.h"

#include <criterion/criterion.h>

static struct served served;

static void set_up(void)
{
	start_served(&served);
}

static void tear_down(void)
{
	stop_served(&served);
}

TestSuite(used_invitation, .init = set_up, .fini = tear_down);

static struct secret make_key_question(void)
{
	struct key_request request = {0};
	struct secret json = {0};

	OK(make_request_claims("client1", CA_NAME, served.now_s, &request.claims, &fault));
	OK(format_key_request(&request, &json, &fault));
	return json;
}

/* Posts these octets to /v1/key, whose answer is under the key. */
static struct key_answer post_key_question(const struct shared_key *key, const struct buffer *jwe)
{
	CLEANUP(clear_http_answer) struct http_answer http = {0};
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	CLEANUP(clear_decrypted_message) struct decrypted_message message = {0};
	struct key_answer answer = {0};

	exchange_body(&served, KEY_PATH, CONTENT_JOSE, bytes_of_buffer(jwe), &http);
	cr_assert_eq(http.status, 200, "%u", http.status);
	OK(add_peer_key(&ring, CA_NAME, key, &fault));
	OK(decrypt_message(&ring, bytes_of_buffer(&http.body), &message, &fault));
	OK(parse_key_answer(bytes_of_secret(&message.plaintext), &answer, &fault));
	return answer;
}

static void expect_key_refusal(const struct shared_key *key, const struct buffer *jwe,
			       const char *type)
{
	CLEANUP(clear_key_answer) struct key_answer answer = post_key_question(key, jwe);

	cr_expect_str_eq(answer.refusal.type, type);
	cr_expect_not(answer.successor.present);
}

/* Client1 has joined by an invitation that counts once, whose key is that of `served`. */
static void use_invitation(void)
{
	const struct invitation_note note = {
		.client = "client1", .now_s = served.now_s, .kid = served.keys[0].kid};
	CLEANUP(clear_shared_key) struct shared_key successor = {0};
	CLEANUP(clear_secret) struct secret question = make_key_question();
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	OK(generate_shared_key(&successor, &fault));
	OK(replace_shared_key(served.ca.layout, "client1", &successor, served.now_s + 1000, false,
			      served.now_s, &fault));
	OK(note_invitation(authority_store(served.ca.authority), &note, &fault));
	jwe = encrypt_text(&successor, KEY_TYPE, (const char *)question.data);
	expect_key_refusal(&successor, &jwe, "");
}

/* Else a thief of a used invitation gets the client's key with a second try. */
Test(used_invitation, refuses_a_request_that_comes_again)
{
	CLEANUP(clear_secret) struct secret question = make_key_question();
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	use_invitation();
	jwe = encrypt_text(&served.keys[0], KEY_TYPE, (const char *)question.data);
	for (size_t i = 0; i < 3; i++)
		expect_key_refusal(&served.keys[0], &jwe, "invitation");
}

/* Else it gets it with a second one that begins as the first, malformed one. */
Test(used_invitation, refuses_a_request_that_begins_like_another)
{
	CLEANUP(clear_secret) struct secret question = make_key_question();
	CLEANUP(clear_buffer) struct buffer malformed = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	use_invitation();
	malformed = encrypt_alike(&served.keys[0], KEY_TYPE, bytes_of_string("{}"));
	jwe = encrypt_alike(&served.keys[0], KEY_TYPE, bytes_of_secret(&question));
	expect_key_refusal(&served.keys[0], &malformed, "malformed");
	expect_key_refusal(&served.keys[0], &jwe, "invitation");
}
