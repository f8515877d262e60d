#include "common/pool/messages/verify_received.h"

#include "common/crypto/key_file.h"
#include "common/crypto/message.h"
#include "common/wire/envelope.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/scene.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

/* The parts of a message, each of which can be wrong. */
struct forgery {
	struct fixture *fixture;
	struct message_claims claims;
	size_t signer; /* whose key signs */
	size_t bearer; /* whose certificate is in x5c */
	const struct issuer *issuer;
	int64_t not_before_s;
	int64_t not_after_s;
	const char *payload;
	unsigned int usages; /* of the certificate */
};

static struct buffer forge_jws(const struct forgery *forgery)
{
	const struct layout *layout = forgery->fixture->layouts[0];
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer csr = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer jws = {0};
	char name[FILE_NAME_SIZE];
	struct bytes chain;

	name_private_key(forgery->signer, name);
	OK(read_private_key(layout, name, &key, &fault));
	name_csr(forgery->bearer, name);
	csr = get_file(layout->csr_file, name);
	pem = certify_pem_as(
		forgery->issuer, bytes_of_buffer(&csr),
		&(struct grant){.validity = {forgery->not_before_s, forgery->not_after_s},
				.usages = forgery->usages});
	OK(unwrap_certificate_pem(bytes_of_buffer(&pem), &der, &fault));
	chain = bytes_of_buffer(&der);
	OK(sign_message(key, &forgery->claims, &chain, 1, bytes_of_string(forgery->payload), &jws,
			&fault));
	return take_buffer(&jws);
}

static struct buffer forge(const struct forgery *forgery)
{
	CLEANUP(clear_buffer) struct buffer jws = forge_jws(forgery);

	return encrypt_for_client2(forgery->fixture, MESSAGE_TYPE, MESSAGE_CONTENT_TYPE,
				   bytes_of_buffer(&jws));
}

/* A valid message. */
static struct forgery start_forgery(struct fixture *fixture)
{
	struct forgery forgery = {
		.fixture = fixture,
		.claims = {.iss = "client1", .aud = "client2", .iat_s = fixture->now_s},
		.signer = 1,
		.bearer = 1,
		.issuer = fixture->issuer,
		.not_before_s = fixture->now_s - 300,
		.not_after_s = fixture->now_s + 3600,
		.payload = "bonjour",
		.usages = USE_SIGN,
	};

	OK(generate_jti(forgery.claims.jti, &fault));
	return forgery;
}

static void address_another(struct forgery *forgery)
{
	(void)strcpy(forgery->claims.aud, "client3");
}

static void come_from_another(struct forgery *forgery)
{
	(void)strcpy(forgery->claims.iss, "client3");
}

static void be_old(struct forgery *forgery)
{
	forgery->claims.iat_s -= FRESHNESS_WINDOW_S + 100;
}

static void be_early(struct forgery *forgery)
{
	forgery->claims.iat_s += FRESHNESS_WINDOW_S + 100;
}

static void use_another_root(struct forgery *forgery)
{
	forgery->issuer = forgery->fixture->other_issuer;
}

static void use_another_key(struct forgery *forgery)
{
	forgery->signer = 2;
}

static void be_expired(struct forgery *forgery)
{
	forgery->not_after_s = forgery->fixture->now_s - 100;
}

static void be_not_yet_valid(struct forgery *forgery)
{
	forgery->not_before_s = forgery->fixture->now_s + 1000;
}

static void be_for_a_server(struct forgery *forgery)
{
	forgery->usages = USE_SERVER | USE_CLIENT;
}

static void be_too_long(struct forgery *forgery)
{
	static char payload[MESSAGE_LIMIT + 2];

	memset(payload, 'x', MESSAGE_LIMIT + 1);
	forgery->payload = payload;
}

/* catalogue 9, 10, 22, 23, 63, 64 */
static const struct {
	void (*change)(struct forgery *forgery);
	const char *reason;
} forgeries[] = {
	{address_another, "aud: expected \"client2\", found \"client3\""},
	{come_from_another, "iss: expected \"client1\""},
	{be_old, "iat: expected within 300 s"},
	{be_early, "iat: expected within 300 s"},
	{use_another_root, ""},
	{use_another_key, "signature"},
	{be_expired, "expired"},
	{be_not_yet_valid, "valid"},
	{be_for_a_server, "extKeyUsage: expected one for sign, found one for client,server"},
	{be_too_long, "M: expected at most 100000 octets, found 100001"},
};

static struct scene scene;

static void set_up(void)
{
	open_scene(&scene, NULL);
}

static void tear_down(void)
{
	close_scene(&scene);
}

TestSuite(verify_received, .init = set_up, .fini = tear_down);

ParameterizedTestParameters(verify_received, refuses_a_message_that_does_not_hold)
{
	static size_t indices[COUNT_OF(forgeries)];

	for (size_t i = 0; i < COUNT_OF(indices); i++)
		indices[i] = i;
	return cr_make_param_array(size_t, indices, COUNT_OF(indices));
}

ParameterizedTest(size_t *index, verify_received, refuses_a_message_that_does_not_hold)
{
	struct forgery forgery;
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct delivery delivery;

	forgery = start_forgery(&scene.fixture);
	forgeries[*index].change(&forgery);
	jwe = forge(&forgery);
	delivery = deliver_jwe(&scene, &jwe);
	cr_assert(!delivery.verified);
	cr_assert_not_null(strstr(delivery.reason, forgeries[*index].reason), "%s",
			   delivery.reason);
	cr_assert_str_eq(scene.reports.reason, delivery.reason);
	cr_assert_str_eq(scene.reports.subject, "CN=client1-1");
	cr_assert_str_eq(scene.reports.jti, forgery.claims.jti);
	cr_assert_eq(scene.reports.count, 1);
	cr_assert_eq(scene.reports.verified_count, 0);
	cr_assert_eq(scene.reports.payload_len, 0);
	cr_assert_eq(count_files(scene.fixture.layouts[1]->received), 0);
	/* Its jti was not remembered: a valid message may have it. */
	if (strcmp(forgery.claims.aud, "client2") == 0) {
		struct forgery honest = start_forgery(&scene.fixture);
		CLEANUP(clear_buffer) struct buffer second = {0};

		memcpy(honest.claims.jti, forgery.claims.jti, sizeof(honest.claims.jti));
		second = forge(&honest);
		delivery = deliver_jwe(&scene, &second);
		cr_assert(delivery.verified, "%s", delivery.reason);
	}
}

/* catalogue 22: client2 passes client1's message on to client3 unchanged */
Test(verify_received, refuses_a_message_that_was_passed_on)
{
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	CLEANUP(clear_buffer) struct buffer forwarded = {0};
	CLEANUP(clear_decrypted_message) struct decrypted_message message = {0};
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	struct shared_key key;
	struct delivery delivery;

	jwe = make_jwe(&scene, "for client2 alone");
	OK(read_key_ring(scene.fixture.layouts[1], 0, &ring, &fault));
	OK(decrypt_message(&ring, bytes_of_buffer(&jwe), &message, &fault));
	key = shared_key(&scene.fixture, 1, "client3");
	OK(encrypt_message(&key, MESSAGE_TYPE, MESSAGE_CONTENT_TYPE,
			   bytes_of_secret(&message.plaintext), &forwarded, &fault));
	stop_receiver(&scene.receiver);
	start_scene_receiver(&scene, 2, NULL);
	free_sender(&scene.sender);
	OK(new_sender(scene.fixture.layouts[1], &scene.fixture.clients[1],
		      &scene.fixture.clients[2], &scene.sender, &fault));
	delivery = deliver_jwe(&scene, &forwarded);
	cr_assert(!delivery.verified);
	cr_assert_not_null(strstr(delivery.reason, "iss: expected \"client2\""), "%s",
			   delivery.reason);
}

/* catalogue 23: a message of client1 to client2 is sent to client1 */
Test(verify_received, refuses_its_own_message_sent_back)
{
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct delivery delivery;

	jwe = make_jwe(&scene, "hello");
	stop_receiver(&scene.receiver);
	start_scene_receiver(&scene, 0, NULL);
	delivery = deliver_jwe(&scene, &jwe);
	cr_assert(!delivery.verified);
	cr_assert_not_null(strstr(delivery.reason, "iss: expected \"client2\", whose shared key"),
			   "%s", delivery.reason);
}

static void keep(struct forgery *forgery)
{
	(void)forgery;
}

static void be_for_one_receiver(struct forgery *forgery)
{
	(void)strcpy(forgery->claims.aud, "client2");
}

static void be_an_hour_old(struct forgery *forgery)
{
	forgery->not_before_s -= 7200;
	forgery->claims.iat_s -= 3601;
}

static void be_older_than_its_certificate(struct forgery *forgery)
{
	forgery->claims.iat_s = forgery->not_before_s - 1;
}

/* It is valid now, and was signed by a clock that is ahead. */
static void be_younger_than_its_certificate(struct forgery *forgery)
{
	forgery->not_after_s = forgery->fixture->now_s + 10;
	forgery->claims.iat_s = forgery->not_after_s + 1;
}

static struct received_jws open_sealed(struct forgery *forgery, int64_t max_age_s)
{
	CLEANUP(clear_roots) struct roots roots = {0};
	CLEANUP(clear_intermediates) struct intermediates none = {0};
	CLEANUP(clear_buffer) struct buffer jws = forge_jws(forgery);
	CLEANUP(free_chain_cache) struct chain_cache *cache = NULL;
	struct verifier verifier = {.message_limit = MESSAGE_LIMIT};
	struct received_jws received = {0};

	OK(read_roots(forgery->fixture->layouts[1], &roots, &fault));
	OK(new_chain_cache(&roots, &none, 1, &cache, &fault));
	verifier.chain_cache = cache;
	OK(verify_sealed(&verifier, bytes_of_buffer(&jws), max_age_s, forgery->fixture->now_s,
			 &received, &fault));
	release_presented_chain(&received.chain);
	return received;
}

/* catalogue 9, 10, 21, 22, 63, 64 */
Test(verify_received, refuses_a_sealed_message_that_does_not_hold)
{
	static const struct {
		void (*change)(struct forgery *forgery);
		int64_t max_age_s;
		const char *reason; /* NULL: verified */
	} rows[] = {
		{keep, 0, NULL},
		{be_an_hour_old, 0, NULL},
		{be_an_hour_old, 3601, NULL},
		{be_an_hour_old, 3600, "iat: expected at most 3600 s ago, found 3601 s"},
		{be_early, 0, "iat: expected at most 300 s ahead of our clock, found 400 s"},
		{be_older_than_its_certificate, 0, "at which the signer's certificate is valid"},
		{be_younger_than_its_certificate, 0, "at which the signer's certificate is valid"},
		{be_for_one_receiver, 0, "member \"aud\" is not allowed"},
		{use_another_root, 0, ""},
		{use_another_key, 0, "signature"},
		{be_expired, 0, "expired"},
		{be_not_yet_valid, 0, "valid"},
		{be_for_a_server, 0, "extKeyUsage: expected one for sign"},
		{be_too_long, 0, "M: expected at most 100000 octets, found 100001"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct forgery forgery = start_forgery(&scene.fixture);
		struct received_jws received;

		forgery.claims.iss[0] = '\0';
		forgery.claims.aud[0] = '\0';
		rows[i].change(&forgery);
		received = open_sealed(&forgery, rows[i].max_age_s);
		cr_expect_eq(received.verdict.invalid, rows[i].reason != NULL, "row %zu: %s", i,
			     received.verdict.reason);
		if (rows[i].reason != NULL)
			cr_expect_not_null(strstr(received.verdict.reason, rows[i].reason),
					   "row %zu: %s", i, received.verdict.reason);
		clear_received_jws(&received);
	}
}
