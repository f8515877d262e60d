#include "common/pool/messages/send.h"

#include "common/crypto/key_file.h"
#include "common/net/http.h"
#include "common/pool/members/trust.h"
#include "common/wire/envelope.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fake_ca.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct fixture fixture;

static void set_up(void)
{
	open_fixture(&fixture);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(send, .init = set_up, .fini = tear_down);

/* A receiver that does not verify messages, and can be made to answer wrongly. */
struct fake_receiver {
	struct fake_envelope envelope;
	const char *refusal;     /* the reason not to verify; NULL: verified */
	bool remembers;          /* says that it remembers certificates */
	int wanting;             /* so many messages by digest want their certificate; -1: all of
				    any kind do */
	int count;               /* of messages */
	char jti[JTI_SIZE];      /* of the last message */
	bool has_repeated;       /* the last message had the jti of the one before */
	spoil_claims *spoil;     /* may be NULL */
	struct buffer plaintext; /* of the last message: a JWS */
	struct http_server *server;
};

/* What the claims of the answer must name. */
static struct request_claims read_claims(const struct question *question, bool *ret_by_digest)
{
	struct signed_message message = {0};
	struct request_claims claims = {0};

	OK(parse_signed_message(bytes_of_secret(&question->message.plaintext), &message, &fault));
	memcpy(claims.jti, message.claims.jti, sizeof(claims.jti));
	*ret_by_digest = message.by_digest;
	clear_signed_message(&message);
	return claims;
}

static int handle(const struct http_request *request, struct http_response *response, void *context,
		  struct fault *fault)
{
	struct fake_receiver *receiver = context;
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	struct message_answer answer = {.verified = true};
	struct request_claims claims;
	bool by_digest;

	if (open_request(&receiver->envelope.ring, &signed_message_kind, request->body, &question,
			 fault) < 0)
		return -1;
	clear_buffer(&receiver->plaintext);
	append_bytes(&receiver->plaintext, bytes_of_secret(&question.message.plaintext));
	claims = read_claims(&question, &by_digest);
	receiver->count++;
	receiver->has_repeated = strcmp(receiver->jti, claims.jti) == 0;
	memcpy(receiver->jti, claims.jti, sizeof(receiver->jti));
	answer.remembered = receiver->remembers;
	if (receiver->wanting < 0 || (by_digest && receiver->wanting > 0)) {
		receiver->wanting -= receiver->wanting > 0 ? 1 : 0;
		answer.verified = false;
		answer.certificate_wanted = true;
	}
	answer.claims = make_answer_claims(&claims, question.sha256, "client2",
					   question.message.peer, fixture.now_s);
	if (receiver->refusal != NULL) {
		answer.verified = false;
		(void)snprintf(answer.reason, sizeof(answer.reason), "%s", receiver->refusal);
	}
	if (receiver->spoil != NULL)
		receiver->spoil(&answer.claims);
	if (format_message_answer(&answer, &json, fault) < 0)
		return -1;
	return wrap_answer(&receiver->envelope, &signed_message_kind, &question, request,
			   bytes_of_secret(&json), response, fault);
}

static void start_fake_receiver(struct fake_receiver *receiver)
{
	static const struct http_route routes[] = {
		{"POST", MESSAGES_PATH, CONTENT_JOSE, 1000000, handle, false, NULL, ROUTE_PRIVATE},
		{0}};
	struct http_server_settings settings = {
		.listen = {1, {{"127.0.0.1", 0, false}}}, .routes = routes, .context = receiver};

	*receiver = (struct fake_receiver){0};
	open_fake_envelope(&receiver->envelope, fixture.layouts[1]);
	OK(start_http_server(&settings, &receiver->server, &fault));
	fixture.clients[1].has_endpoint = true;
	fixture.clients[1].endpoint = http_server_endpoints(receiver->server)->endpoints[0];
}

static void stop_fake_receiver(struct fake_receiver *receiver)
{
	stop_http_server(&receiver->server);
	clear_fake_envelope(&receiver->envelope);
	clear_buffer(&receiver->plaintext);
}

static struct sender *open_sender(void)
{
	struct sender *sender = NULL;

	OK(new_sender(fixture.layouts[0], &fixture.clients[0], &fixture.clients[1], &sender,
		      &fault));
	return sender;
}

/* catalogue 23, 65 */
Test(send, refuses_an_answer_that_does_not_hold)
{
	static const struct {
		spoil_claims *spoil;
		enum envelope_mischief mischief;
		enum fault_class class;
		const char *text;
	} rows[] = {
		{change_in_reply_to, 0, FAULT_UNVERIFIED, "in_reply_to"},
		{change_digest, 0, FAULT_UNVERIFIED, "request_sha256"},
		{change_iss, 0, FAULT_UNVERIFIED, "from \"client3\""},
		{change_aud, 0, FAULT_UNVERIFIED, "to \"client3\""},
		{NULL, ENVELOPE_REFLECTED, FAULT_UNVERIFIED, "typ"},
		{NULL, ENVELOPE_WRONG_KEY, FAULT_UNVERIFIED, "cannot be decrypted"},
		{NULL, ENVELOPE_WRONG_TYPE, FAULT_UNVERIFIED, "typ"},
		{NULL, ENVELOPE_EMPTY, FAULT_UNVERIFIED, "cannot be decrypted"},
		{NULL, ENVELOPE_HTML, FAULT_UNREACHABLE, "text/html"},
		{NULL, ENVELOPE_NOT_FOUND, FAULT_NOT_FOUND, ""},
	};
	struct fake_receiver receiver;
	CLEANUP(free_sender) struct sender *sender = NULL;

	make_certified_pool(&fixture, 0);
	start_fake_receiver(&receiver);
	sender = open_sender();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct delivery delivery = {0};

		receiver.spoil = rows[i].spoil;
		receiver.envelope.mischief = rows[i].mischief;
		REFUSED(send_message(sender, bytes_of_string("bonjour"), 0, fixture.now_s,
				     &delivery, &fault),
			rows[i].class, rows[i].text, "%zu", i);
		cr_assert(!delivery.verified);
	}
	stop_fake_receiver(&receiver);
}

/* catalogue 65 */
Test(send, refuses_the_answer_to_an_earlier_message)
{
	struct fake_receiver receiver;
	CLEANUP(free_sender) struct sender *sender = NULL;
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct delivery delivery;

	make_certified_pool(&fixture, 0);
	start_fake_receiver(&receiver);
	sender = open_sender();
	OK(send_message(sender, bytes_of_string("1"), 0, fixture.now_s, &delivery, &fault));
	receiver.envelope.mischief = ENVELOPE_OLD;
	REFUSED(send_message(sender, bytes_of_string("2"), 0, fixture.now_s, &delivery, &fault),
		FAULT_UNVERIFIED, "another request");
	/* Also when the jti of what is delivered is not known. */
	OK(make_message(sender, bytes_of_string("3"), 0, fixture.now_s, &jwe, &delivery, &fault));
	REFUSED(deliver_message(sender, bytes_of_buffer(&jwe), &delivery, &fault), FAULT_UNVERIFIED,
		"another request");
	stop_fake_receiver(&receiver);
}

Test(send, refuses_without_the_key_shared_with_the_receiver)
{
	struct sender *sender = NULL;

	make_certified_pool(&fixture, 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "shared_client2.jwk", 0), 0);
	REFUSED(new_sender(fixture.layouts[0], &fixture.clients[0], &fixture.clients[1], &sender,
			   &fault),
		FAULT_NOT_FOUND, "shared_client2.jwk");
}

Test(send, refuses_a_receiver_without_endpoint_but_makes_a_message_for_it)
{
	CLEANUP(free_sender) struct sender *sender = NULL;
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct delivery delivery;

	make_certified_pool(&fixture, 0);
	sender = open_sender();
	REFUSED(send_message(sender, bytes_of_string("M"), 0, fixture.now_s, &delivery, &fault),
		FAULT_USAGE, "client2: no endpoint in the manifest");
	OK(make_message(sender, bytes_of_string("M"), 2, fixture.now_s, &jwe, &delivery, &fault));
	cr_assert_eq(delivery.by.member, 2);
	cr_assert_gt(jwe.len, 0);
}

Test(send, refuses_a_message_over_the_limit)
{
	static const uint8_t payload[MESSAGE_LIMIT + 1];
	CLEANUP(free_sender) struct sender *sender = NULL;
	struct buffer jwe = {0};
	struct delivery delivery;

	make_certified_pool(&fixture, 0);
	sender = open_sender();
	REFUSED(make_message(sender, (struct bytes){payload, sizeof(payload)}, 0, fixture.now_s,
			     &jwe, &delivery, &fault),
		FAULT_TOO_LARGE, "expected at most 100000 octets");
	OK(make_message(sender, (struct bytes){payload, MESSAGE_LIMIT}, 0, fixture.now_s, &jwe,
			&delivery, &fault));
	clear_buffer(&jwe);
}

Test(send, refuses_a_member_that_cannot_sign)
{
	CLEANUP(free_sender) struct sender *sender = NULL;
	struct buffer jwe = {0};
	struct delivery delivery;

	sender = open_sender();
	REFUSED(make_message(sender, bytes_of_string("M"), 0, fixture.now_s, &jwe, &delivery,
			     &fault),
		FAULT_NOT_FOUND, "none of the pool's 3 members");
	make_certified_pool(&fixture, 0);
	REFUSED(make_message(sender, bytes_of_string("M"), 4, fixture.now_s, &jwe, &delivery,
			     &fault),
		FAULT_NOT_FOUND, "cert_key4.crt");
}

/* No receiver would take its message. */
Test(send, refuses_a_member_whose_certificate_is_for_a_server)
{
	const struct grant grant = {.validity = {fixture.now_s - 300, fixture.now_s + 3600},
				    .usages = USE_SERVER};
	CLEANUP(free_sender) struct sender *sender = NULL;
	CLEANUP(clear_buffer) struct buffer csr = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct buffer jwe = {0};
	struct delivery delivery;

	make_certified_pool(&fixture, 0);
	csr = get_file(fixture.layouts[0]->csr_file, "csr_key1.csr");
	pem = certify_pem_as(fixture.issuer, bytes_of_buffer(&csr), &grant);
	put_file(fixture.layouts[0]->cert, "cert_key1.crt", (const char *)pem.data, 0644);
	sender = open_sender();
	REFUSED(make_message(sender, bytes_of_string("M"), 1, fixture.now_s, &jwe, &delivery,
			     &fault),
		FAULT_REFUSED, "cert_key1.crt: not for messages: ");
	OK(make_message(sender, bytes_of_string("M"), 0, fixture.now_s, &jwe, &delivery, &fault));
	cr_expect_neq(delivery.by.member, 1);
	clear_buffer(&jwe);
}

Test(send, says_that_the_receiver_cannot_be_reached)
{
	CLEANUP(free_sender) struct sender *sender = NULL;
	struct delivery delivery;

	make_certified_pool(&fixture, 0);
	fixture.clients[1].has_endpoint = true;
	fixture.clients[1].endpoint = dead_endpoint();
	sender = open_sender();
	REFUSED(send_message(sender, bytes_of_string("M"), 0, fixture.now_s, &delivery, &fault),
		FAULT_UNREACHABLE, "127.0.0.1");
}

Test(send, signs_m_with_the_member_and_names_the_receiver)
{
	struct fake_receiver receiver;
	CLEANUP(free_sender) struct sender *sender = NULL;
	CLEANUP(clear_signed_message) struct signed_message message = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	char serial[SERIAL_TEXT_SIZE];
	struct delivery delivery;
	struct verdict verdict = {0};

	make_certified_pool(&fixture, 0);
	start_fake_receiver(&receiver);
	sender = open_sender();
	OK(send_message(sender, (struct bytes){(const uint8_t *)"a\0b", 3}, 3, fixture.now_s,
			&delivery, &fault));
	cr_assert(delivery.verified);
	cr_assert_str_empty(delivery.reason);
	cr_assert_eq(delivery.by.member, 3);
	OK(parse_signed_message(bytes_of_buffer(&receiver.plaintext), &message, &fault));
	cr_assert(equal_bytes(bytes_of_buffer(&message.payload),
			      (struct bytes){(const uint8_t *)"a\0b", 3}));
	cr_assert_str_eq(message.claims.iss, "client1");
	cr_assert_str_eq(message.claims.aud, "client2");
	cr_assert_eq(message.claims.iat_s, fixture.now_s);
	cr_assert_eq(message.chain_count, 1);
	OK(parse_certificate_der(bytes_of_buffer(&message.chain[0]), &certificate, &fault));
	cr_assert_str_eq(certificate_subject(certificate), "CN=client1-3");
	format_serial(certificate_serial(certificate), serial);
	cr_assert_str_eq(serial, delivery.by.serial);
	OK(verify_message(&message, certificate_public_key(certificate), &verdict, &fault));
	cr_assert(!verdict.invalid, "%s", verdict.reason);
	stop_fake_receiver(&receiver);
}

Test(send, returns_the_verdict_of_the_receiver)
{
	struct fake_receiver receiver;
	CLEANUP(free_sender) struct sender *sender = NULL;
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct delivery delivery;

	make_certified_pool(&fixture, 0);
	start_fake_receiver(&receiver);
	receiver.refusal = "not today";
	sender = open_sender();
	OK(make_message(sender, bytes_of_string("M"), 0, fixture.now_s, &jwe, &delivery, &fault));
	OK(deliver_message(sender, bytes_of_buffer(&jwe), &delivery, &fault));
	cr_assert(!delivery.verified);
	cr_assert_str_eq(delivery.reason, "not today");
	cr_assert_eq(delivery.by.member, 0);
	stop_fake_receiver(&receiver);
}

/* catalogue 10: the signer's first, each followed by its issuer's, and not the root. */
Test(send, presents_the_chain_to_the_root)
{
	struct issuer *root;
	struct issuer *stranger;
	struct certificate *own = NULL;
	struct certificate *other = NULL;
	struct fake_receiver receiver;
	CLEANUP(free_sender) struct sender *sender = NULL;
	CLEANUP(clear_signed_message) struct signed_message message = {0};
	CLEANUP(clear_intermediates) struct intermediates chain = {0};
	struct delivery delivery;
	bool written;

	root = fixture.issuer;
	stranger = make_intermediate_issuer(root, "CN=Stranger", fixture.now_s);
	fixture.issuer = make_intermediate_issuer(root, "CN=Issuing CA", fixture.now_s);
	make_certified_pool(&fixture, 0);
	OK(parse_certificate_der(certificate_der(issuer_certificate(stranger)), &other, &fault));
	OK(parse_certificate_der(certificate_der(issuer_certificate(fixture.issuer)), &own,
				 &fault));
	OK(add_intermediate(&chain, &other, &fault));
	OK(add_intermediate(&chain, &own, &fault));
	OK(keep_intermediates(fixture.layouts[0], &chain, &written, &fault));
	start_fake_receiver(&receiver);
	sender = open_sender();
	OK(send_message(sender, bytes_of_string("M"), 2, fixture.now_s, &delivery, &fault));
	OK(parse_signed_message(bytes_of_buffer(&receiver.plaintext), &message, &fault));
	cr_assert_eq(message.chain_count, 2);
	cr_expect(equal_bytes(bytes_of_buffer(&message.chain[1]),
			      certificate_der(issuer_certificate(fixture.issuer))));
	stop_fake_receiver(&receiver);
	free_issuer(&stranger);
	free_issuer(&root);
}

static struct signed_message read_last(const struct fake_receiver *receiver)
{
	struct signed_message message = {0};

	OK(parse_signed_message(bytes_of_buffer(&receiver->plaintext), &message, &fault));
	return message;
}

/* Sends M by the member; whether a digest named the certificate in the end. */
static bool goes_by_digest(struct sender *sender, const struct fake_receiver *receiver,
			   size_t member)
{
	struct delivery delivery;
	struct signed_message message;
	bool by_digest;

	OK(send_message(sender, bytes_of_string("M"), member, fixture.now_s, &delivery, &fault));
	message = read_last(receiver);
	by_digest = message.by_digest;
	cr_expect_eq(message.chain_count, by_digest ? 0 : 1);
	cr_expect_eq(delivery.by.by_digest, by_digest);
	clear_signed_message(&message);
	return by_digest;
}

Test(send, names_a_certificate_by_digest_only_to_a_receiver_that_remembers_it)
{
	struct fake_receiver receiver;
	CLEANUP(free_sender) struct sender *sender = NULL;

	make_certified_pool(&fixture, 0);
	start_fake_receiver(&receiver);
	sender = open_sender();
	/* An older receiver says nothing. */
	for (int i = 0; i < 3; i++)
		cr_expect_not(goes_by_digest(sender, &receiver, 1));
	receiver.remembers = true;
	cr_expect_not(goes_by_digest(sender, &receiver, 1));
	cr_expect(goes_by_digest(sender, &receiver, 1));
	cr_expect_not(goes_by_digest(sender, &receiver, 2));
	/* A refusal says nothing about it. */
	receiver.refusal = "not today";
	receiver.remembers = false;
	cr_expect(goes_by_digest(sender, &receiver, 1));
	cr_expect(goes_by_digest(sender, &receiver, 1));
	stop_fake_receiver(&receiver);
}

/* catalogue 132: by the same member and with the same jti, so that it can be taken once only */
Test(send, sends_a_message_once_more_when_its_certificate_is_wanted)
{
	struct fake_receiver receiver;
	CLEANUP(free_sender) struct sender *sender = NULL;
	struct delivery delivery;

	make_certified_pool(&fixture, 0);
	start_fake_receiver(&receiver);
	receiver.remembers = true;
	sender = open_sender();
	cr_expect_not(goes_by_digest(sender, &receiver, 2));
	cr_expect(goes_by_digest(sender, &receiver, 2));
	receiver.wanting = 1;
	receiver.count = 0;
	cr_expect_not(goes_by_digest(sender, &receiver, 2));
	cr_expect_eq(receiver.count, 2);
	cr_expect(receiver.has_repeated);
	cr_expect(goes_by_digest(sender, &receiver, 2));
	cr_expect_not(receiver.has_repeated);
	cr_expect_eq(receiver.count, 3);
	/* A receiver that never has enough gets it once. */
	receiver.wanting = -1;
	receiver.count = 0;
	REFUSED(send_message(sender, bytes_of_string("M"), 2, fixture.now_s, &delivery, &fault),
		FAULT_UNVERIFIED, "asks for a certificate that was in the message");
	cr_expect_eq(receiver.count, 2);
	REFUSED(send_message(sender, bytes_of_string("M"), 2, fixture.now_s, &delivery, &fault),
		FAULT_UNVERIFIED, "asks for a certificate that was in the message");
	cr_expect_eq(receiver.count, 3);
	stop_fake_receiver(&receiver);
}
