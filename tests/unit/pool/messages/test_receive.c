#include "common/pool/messages/receive.h"

#include "common/base/workers.h"
#include "common/crypto/key_file.h"
#include "common/crypto/message.h"
#include "common/net/client/client.h"
#include "common/net/http.h"
#include "common/wire/envelope.h"
#include "common/wire/key_exchange.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/pool/scene.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct scene scene;

static void set_up(void)
{
	open_scene(&scene, NULL);
}

static void tear_down(void)
{
	close_scene(&scene);
}

TestSuite(receive, .init = set_up, .fini = tear_down);

static struct http_answer post_to(const char *path, struct bytes body)
{
	struct http_client_settings settings = {
		.endpoint = receiver_endpoints(scene.receiver)->endpoints[0]};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	struct http_answer answer = {0};

	OK(new_http_client(&settings, &client, &fault));
	OK(exchange_http(client, path, CONTENT_JOSE, body, 100000, &answer, &fault));
	return answer;
}

static struct http_answer post(struct bytes body)
{
	return post_to(MESSAGES_PATH, body);
}

/* catalogue 17, 19, 21, 23: every body that does not decrypt gets the same answer */
Test(receive, answers_every_body_that_does_not_decrypt_alike)
{
	struct shared_key other;
	struct buffer bodies[7] = {0};
	CLEANUP(clear_http_answer) struct http_answer first = {0};

	append_string(&bodies[0], "not a JWE");
	bodies[1] = make_jwe(&scene, "hello");
	bodies[1].data[bodies[1].len - 1] ^= 1;
	OK(generate_shared_key(&other, &fault));
	OK(encrypt_message(&other, MESSAGE_TYPE, MESSAGE_CONTENT_TYPE, bytes_of_string("x"),
			   &bodies[2], &fault));
	bodies[3] = encrypt_for_client2(&scene.fixture, "certpool.certificates", NULL,
					bytes_of_string("{}"));
	bodies[4] = encrypt_for_client2(&scene.fixture, MESSAGE_ANSWER_TYPE, NULL,
					bytes_of_string("{}"));
	bodies[5] = encrypt_for_client2(&scene.fixture, MESSAGE_TYPE, NULL, bytes_of_string("{}"));
	bodies[6] = encrypt_for_client2(&scene.fixture, "certpool.status", MESSAGE_CONTENT_TYPE,
					bytes_of_string("{}"));
	first = post(bytes_of_buffer(&bodies[0]));
	cr_assert_eq(first.status, 400);
	cr_assert_str_eq(first.content_type, CONTENT_PROBLEM);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct http_answer answer = post(bytes_of_buffer(&bodies[i]));

		cr_assert_eq(answer.status, first.status, "%zu", i);
		cr_assert(equal_bytes(bytes_of_buffer(&answer.body), bytes_of_buffer(&first.body)));
		clear_http_answer(&answer);
		clear_buffer(&bodies[i]);
	}
	cr_assert_eq(scene.reports.count, 0);
	cr_assert_geq(scene.log_count, 7);
}

/* catalogue 111: the rest of the body is not awaited */
Test(receive, refuses_an_unknown_sender_before_the_message_is_there)
{
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	CLEANUP(clear_buffer) struct buffer plaintext = {0};
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	int connection = connect_raw(&receiver_endpoints(scene.receiver)->endpoints[0]);
	struct shared_key other;

	append_format(&plaintext, "%02000d", 0);
	OK(generate_shared_key(&other, &fault));
	OK(encrypt_message(&other, MESSAGE_TYPE, MESSAGE_CONTENT_TYPE, bytes_of_buffer(&plaintext),
			   &jwe, &fault));
	append_string(&request, "POST " MESSAGES_PATH " HTTP/1.1\r\nHost: a\r\nContent-Type: "
				"application/jose\r\nContent-Length: 100000\r\n\r\n");
	append_bytes(&request, bytes_of_buffer(&jwe));
	cr_assert(send_raw(connection, bytes_of_buffer(&request)));
	cr_expect(receive_answer(connection, &answer));
	cr_expect_eq(status_of(&answer), 400, "%s", answer.data);
	(void)close(connection);
}

Test(receive, answers_a_plaintext_that_is_not_a_message)
{
	static const char *const texts[] = {"", "hello", "{}", "a.b.c", "e30.e30.e30"};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		CLEANUP(clear_buffer)
		struct buffer jwe =
			encrypt_for_client2(&scene.fixture, MESSAGE_TYPE, MESSAGE_CONTENT_TYPE,
					    bytes_of_string(texts[i]));
		struct delivery delivery = deliver_jwe(&scene, &jwe);

		cr_assert(!delivery.verified);
		cr_assert_str_not_empty(delivery.reason);
		cr_assert_eq(scene.reports.count, i + 1);
		cr_assert_str_eq(scene.reports.peer, "client1");
		cr_assert_str_empty(scene.reports.subject);
		cr_assert_str_empty(scene.reports.jti);
	}
}

/* catalogue 85 */
/* The head alone is sent: the answer does not wait for a body, in which it could be lost. */
/* The whole body is sent, whether or not the receiver still reads it, and then the answer is read.
 */
Test(receive, refuses_a_body_over_its_limit)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	const size_t len = 3 * (size_t)MESSAGE_LIMIT;

	append_format(&request,
		      "POST " MESSAGES_PATH " HTTP/1.1\r\nHost: x\r\nContent-Type: " CONTENT_JOSE
		      "\r\nContent-Length: %zu\r\n\r\n",
		      len);
	for (size_t i = 0; i < len; i++)
		append_string(&request, "x");
	answer = ask_raw(&receiver_endpoints(scene.receiver)->endpoints[0],
			 bytes_of_buffer(&request));
	cr_assert_eq(status_of(&answer), 413);
	cr_assert_eq(scene.reports.count, 0);
}

/* catalogue 88 */
Test(receive, refuses_a_second_receiver_on_one_layout)
{
	struct receiver *second = NULL;

	REFUSED(start_receiver_of(&scene, 1, NULL, &second, &fault), FAULT_BUSY,
		"client2: another certpool receive runs on this layout");
	stop_receiver(&scene.receiver);
	start_scene_receiver(&scene, 1, NULL);
}

Test(receive, refuses_to_start_without_root)
{
	struct receiver *receiver = NULL;

	stop_receiver(&scene.receiver);
	cr_assert_eq(unlinkat(scene.fixture.layouts[1]->cert, "root.crt", 0), 0);
	REFUSED(start_receiver_of(&scene, 1, NULL, &receiver, &fault), FAULT_NOT_FOUND,
		"root.crt: no root is pinned");
}

/* catalogue 38, 100 */
Test(receive, refuses_to_start_with_a_shared_key_that_others_can_read)
{
	struct receiver *receiver = NULL;

	stop_receiver(&scene.receiver);
	cr_assert_eq(fchmodat(scene.fixture.layouts[1]->private, "shared_client1.jwk", 0644, 0), 0);
	REFUSED(start_receiver_of(&scene, 1, NULL, &receiver, &fault), FAULT_REFUSED,
		"shared_client1.jwk: expected mode 0600");
}

/* catalogue 61 */
Test(receive, takes_a_message_once_also_after_a_restart)
{
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct delivery delivery;

	jwe = make_jwe(&scene, "once");
	delivery = deliver_jwe(&scene, &jwe);
	cr_assert(delivery.verified, "%s", delivery.reason);
	delivery = deliver_jwe(&scene, &jwe);
	cr_assert(!delivery.verified);
	cr_assert_str_eq(delivery.reason, "jti: this message was taken before");
	stop_receiver(&scene.receiver);
	start_scene_receiver(&scene, 1, NULL);
	delivery = deliver_jwe(&scene, &jwe);
	cr_assert(!delivery.verified);
	cr_assert_str_eq(delivery.reason, "jti: this message was taken before");
	cr_assert_eq(scene.reports.count, 3);
	cr_assert_eq(scene.reports.verified_count, 1);
}

struct race {
	struct buffer jwe;
	atomic_int verified_count;
};

static int deliver_one(size_t index, void *context, struct fault *fault)
{
	struct race *race = context;
	struct fixture *fixture = &scene.fixture;
	CLEANUP(free_sender) struct sender *sender = NULL;
	struct delivery delivery;

	(void)index;
	if (new_sender(fixture->layouts[0], &fixture->clients[0], &fixture->clients[1], &sender,
		       fault) < 0 ||
	    deliver_message(sender, bytes_of_buffer(&race->jwe), &delivery, fault) < 0)
		return -1;
	if (delivery.verified)
		atomic_fetch_add(&race->verified_count, 1);
	return 0;
}

/* catalogue 61, 62 */
Test(receive, takes_a_message_once_from_many_connections)
{
	struct race race = {0};

	race.jwe = make_jwe(&scene, "once");
	OK(run_tasks(24, 8, deliver_one, &race, &fault));
	cr_assert_eq(race.verified_count, 1);
	cr_assert_eq(scene.reports.count, 24);
	cr_assert_eq(scene.reports.verified_count, 1);
	clear_buffer(&race.jwe);
}

Test(receive, passes_m_on_and_saves_the_certificate)
{
	CLEANUP(clear_buffer) struct buffer sent = {0};
	CLEANUP(clear_buffer) struct buffer saved = {0};
	struct delivery delivery;
	char name[FILE_NAME_SIZE];
	struct stat status;

	for (int i = 0; i < 2; i++)
		OK(send_message(scene.sender, (struct bytes){(const uint8_t *)"a\0\n", 3}, 2,
				scene.fixture.now_s, &delivery, &fault));
	cr_assert(delivery.verified, "%s", delivery.reason);
	cr_assert_eq(scene.reports.verified_count, 2);
	cr_assert_eq(scene.reports.payload_len, 3);
	cr_assert_arr_eq(scene.reports.payload, "a\0\n", 3);
	cr_assert_str_eq(scene.reports.peer, "client1");
	cr_assert_str_eq(scene.reports.subject, "CN=client1-2");
	cr_assert_str_eq(scene.reports.serial, delivery.by.serial);
	cr_assert_str_empty(scene.reports.reason);
	cr_assert_eq(scene.reports.iat_s, scene.fixture.now_s);
	(void)snprintf(name, sizeof(name), "%s.crt", delivery.by.serial);
	cr_assert_eq(fstatat(scene.fixture.layouts[1]->received, name, &status, 0), 0);
	cr_assert_eq(status.st_mode & 07777, 0644);
	saved = get_file(scene.fixture.layouts[1]->received, name);
	sent = get_file(scene.fixture.layouts[0]->cert, "cert_key2.crt");
	cr_assert(equal_bytes(bytes_of_buffer(&saved), bytes_of_buffer(&sent)));
	cr_assert_eq(count_files(scene.fixture.layouts[1]->received), 1);
}

Test(receive, takes_an_empty_message_and_one_at_the_limit)
{
	static const uint8_t payload[MESSAGE_LIMIT];
	static const size_t lengths[] = {0, 1, MESSAGE_LIMIT};

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		struct delivery delivery;

		OK(send_message(scene.sender, (struct bytes){payload, lengths[i]}, 0,
				scene.fixture.now_s, &delivery, &fault));
		cr_assert(delivery.verified, "%s", delivery.reason);
		cr_assert_eq(scene.reports.payload_len, lengths[i]);
	}
}

Test(receive, does_not_remember_a_message_that_could_not_be_passed_on)
{
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct delivery delivery;

	jwe = make_jwe(&scene, "M");
	scene.reports.refuse = true;
	delivery = deliver_jwe(&scene, &jwe);
	cr_assert(!delivery.verified);
	cr_assert_not_null(strstr(delivery.reason, "could not be taken"), "%s", delivery.reason);
	cr_assert_null(strstr(delivery.reason, "no space left"));
	cr_assert_eq(scene.log_count, 1);
	scene.reports.refuse = false;
	stop_receiver(&scene.receiver);
	start_scene_receiver(&scene, 1, NULL);
	delivery = deliver_jwe(&scene, &jwe);
	cr_assert(delivery.verified, "%s", delivery.reason);
}

/* catalogue 33 */
Test(receive, does_not_write_through_a_symbolic_link)
{
	struct delivery delivery;
	char name[FILE_NAME_SIZE];
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	CLEANUP(clear_buffer) struct buffer target = {0};

	OK(make_message(scene.sender, bytes_of_string("M"), 1, scene.fixture.now_s, &jwe, &delivery,
			&fault));
	put_file(scene.fixture.layouts[1]->root, "target", "intact", 0600);
	(void)snprintf(name, sizeof(name), "%s.crt", delivery.by.serial);
	cr_assert_eq(symlinkat("../target", scene.fixture.layouts[1]->received, name), 0);
	delivery = deliver_jwe(&scene, &jwe);
	cr_assert(delivery.verified, "%s", delivery.reason);
	target = get_file(scene.fixture.layouts[1]->root, "target");
	cr_assert_str_eq((char *)target.data, "intact");
}

static void say_revoked(struct fake_ca *ca, struct status_answer *answer)
{
	answer->status = STATUS_REVOKED;
	answer->revoked_at_s = ca->fixture->now_s;
	(void)strcpy(answer->reason, "superseded");
}

Test(receive, online_refuses_a_certificate_that_the_ca_does_not_call_good)
{
	struct fake_ca ca;
	struct delivery delivery;

	stop_receiver(&scene.receiver);
	start_fake_ca(&ca, &scene.fixture);
	start_scene_receiver(&scene, 1, &ca.endpoint);
	OK(send_message(scene.sender, bytes_of_string("M"), 1, scene.fixture.now_s, &delivery,
			&fault));
	cr_assert(delivery.verified, "%s", delivery.reason);
	ca.spoil_status = say_revoked;
	OK(send_message(scene.sender, bytes_of_string("M"), 2, scene.fixture.now_s, &delivery,
			&fault));
	cr_assert(!delivery.verified);
	cr_assert_not_null(strstr(delivery.reason, "was revoked at "), "%s", delivery.reason);
	cr_assert_eq(count_files(scene.fixture.layouts[1]->received), 1);
	stop_fake_ca(&ca);
}

/* catalogue 56 */
Test(receive, online_refuses_when_the_ca_cannot_be_reached)
{
	struct endpoint endpoint = dead_endpoint();
	struct delivery delivery;

	stop_receiver(&scene.receiver);
	start_scene_receiver(&scene, 1, &endpoint);
	OK(send_message(scene.sender, bytes_of_string("M"), 0, scene.fixture.now_s, &delivery,
			&fault));
	cr_assert(!delivery.verified);
	cr_assert_not_null(strstr(delivery.reason, "did not give the certificate's status"), "%s",
			   delivery.reason);
}

/* catalogue 56 */
Test(receive, refuses_a_certificate_that_its_crl_has_revoked)
{
	CLEANUP(free_certificate) struct certificate *revoked = NULL;
	CLEANUP(clear_buffer) struct buffer crl = {0};
	static char path[sizeof(scene.fixture.scratch.path) + 16];
	struct delivery delivery;

	revoked = first_certificate(&scene.fixture);
	(void)snprintf(path, sizeof(path), "%s/ca.crl", scene.fixture.scratch.path);
	stop_receiver(&scene.receiver);
	scene.crl = path;
	start_scene_receiver(&scene, 1, NULL);
	/* There is no CRL yet. */
	OK(send_message(scene.sender, bytes_of_string("M"), 2, scene.fixture.now_s, &delivery,
			&fault));
	cr_assert(!delivery.verified);
	cr_assert_not_null(strstr(delivery.reason, "cannot tell whether the certificate is"), "%s",
			   delivery.reason);
	crl = make_crl(&scene.fixture, scene.fixture.issuer, 7, certificate_serial(revoked));
	put_bytes(scene.fixture.scratch.dirfd, "ca.crl", bytes_of_buffer(&crl), 0644);
	OK(send_message(scene.sender, bytes_of_string("M"), 2, scene.fixture.now_s, &delivery,
			&fault));
	cr_assert(delivery.verified, "%s", delivery.reason);
	OK(send_message(scene.sender, bytes_of_string("M"), 1, scene.fixture.now_s, &delivery,
			&fault));
	cr_assert(!delivery.verified);
	cr_assert_not_null(strstr(delivery.reason, "CRL number 7: the certificate was revoked at "),
			   "%s", delivery.reason);
	cr_assert_eq(scene.reports.verified_count, 1);
}

/* --- questions about the shared key --- */

/* Client1 asks client2 under the key, and offers a successor, unless it is NULL. */
static void ask_about_key(const struct shared_key *key, const struct shared_key *offer)
{
	CLEANUP(clear_key_request) struct key_request request = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	int64_t now_s = scene.fixture.now_s;

	OK(make_request_claims("client1", "client2", now_s, &request.claims, &fault));
	if (offer != NULL)
		request.offer = (struct successor){true, *offer, now_s + 1000};
	OK(format_key_request(&request, &json, &fault));
	OK(encrypt_message(key, KEY_TYPE, NULL, bytes_of_secret(&json), &jwe, &fault));
	answer = post_to(KEY_PATH, bytes_of_buffer(&jwe));
	cr_expect_eq(answer.status, 200, "%u", answer.status);
}

/* Client2 rotates the key that it shares with client1, to offer it. */
static struct shared_key rotate_by_client2(void)
{
	int64_t now_s = scene.fixture.now_s;
	struct shared_key key;

	OK(generate_shared_key(&key, &fault));
	OK(replace_shared_key(scene.fixture.layouts[1], "client1", &key, now_s + 1000, true, now_s,
			      &fault));
	return key;
}

static bool client2_offers(void)
{
	struct shared_key old = {0};
	bool found = false;

	OK(read_old_key(scene.fixture.layouts[1], "client1", scene.fixture.now_s, &old, &found,
			&fault));
	return found && old.offer;
}

/* Else it goes on sending under the old key, which the sender that rotated too has no more. */
Test(receive, offers_no_key_any_more_under_which_it_is_asked)
{
	struct shared_key old = shared_key(&scene.fixture, 0, "client2");
	struct shared_key key = rotate_by_client2();

	ask_about_key(&old, NULL);
	cr_expect(client2_offers(), "the answer may be lost");
	ask_about_key(&key, NULL);
	cr_expect_not(client2_offers());
}

/* A key of which the receiver has not learned yet: the folder looks as it did before. */
Test(receive, takes_no_offer_in_place_of_a_key_that_is_newer_than_the_question)
{
	int folder = scene.fixture.layouts[1]->private;
	struct shared_key old = shared_key(&scene.fixture, 0, "client2");
	struct shared_key offer;
	struct shared_key key;
	struct stat before;

	OK(generate_shared_key(&offer, &fault));
	cr_assert_eq(fstat(folder, &before), 0);
	key = rotate_by_client2();
	cr_assert_eq(futimens(folder, (struct timespec[]){before.st_atim, before.st_mtim}), 0);
	ask_about_key(&old, &offer);
	cr_expect_str_eq(shared_key(&scene.fixture, 1, "client1").kid, key.kid);
}

Test(receive, is_used_like_this)
{
	struct delivery delivery;

	/* set_up: client1 has a certified pool and a sender to client2, which serves a receiver. */

	/* A drawn member of client1's pool signs the message. */
	OK(send_message(scene.sender, bytes_of_string("bonjour"), 0, scene.fixture.now_s, &delivery,
			&fault));

	/* client2 has verified it, has passed it on, and has said so. */
	cr_assert(delivery.verified, "%s", delivery.reason);
	cr_assert_str_eq(scene.reports.peer, "client1");
	cr_assert_str_eq(scene.reports.serial, delivery.by.serial);
	cr_assert_arr_eq(scene.reports.payload, "bonjour", 7);
}
