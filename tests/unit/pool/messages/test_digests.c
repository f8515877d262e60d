#include "common/crypto/key_file.h"
#include "common/pool/messages/verify_received.h"
#include "common/wire/envelope.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/scene.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Messages that name their certificate by a digest, between a sender and a receiver. */

static struct scene scene;

static void set_up(void)
{
	open_scene(&scene, NULL);
}

static void tear_down(void)
{
	close_scene(&scene);
}

TestSuite(digests, .init = set_up, .fini = tear_down);

/* Sends M, whose signer is the member; the receiver verifies it. */
static bool goes_by_digest(size_t member)
{
	struct delivery delivery;

	OK(send_message(scene.sender, bytes_of_string("M"), member, scene.fixture.now_s, &delivery,
			&fault));
	cr_assert(delivery.verified, "%s", delivery.reason);
	cr_expect_str_eq(scene.reports.serial, delivery.by.serial);
	return delivery.by.by_digest;
}

static struct private_key *read_member_key(size_t member)
{
	struct private_key *key = NULL;
	char name[FILE_NAME_SIZE];

	name_private_key(member, name);
	OK(read_private_key(scene.fixture.layouts[0], name, &key, &fault));
	return key;
}

/* The JWS of a message by digest: signed by one member's key, and named after another one. */
static struct buffer make_digest_jws(const struct message_claims *claims, size_t signer,
				     const uint8_t sha256[static SHA256_LEN])
{
	CLEANUP(free_private_key) struct private_key *key = read_member_key(signer);
	struct buffer jws = {0};

	OK(sign_message_by_digest(key, claims, sha256, bytes_of_string("M"), &jws, &fault));
	return jws;
}

static struct message_claims make_claims(void)
{
	struct message_claims claims = {
		.iss = "client1", .aud = "client2", .iat_s = scene.fixture.now_s};

	OK(generate_jti(claims.jti, &fault));
	return claims;
}

static struct buffer read_member_der(size_t member)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct buffer der = {0};
	char name[FILE_NAME_SIZE];

	name_certificate(member, name);
	pem = get_file(scene.fixture.layouts[0]->cert, name);
	OK(unwrap_certificate_pem(bytes_of_buffer(&pem), &der, &fault));
	return der;
}

static void digest_member(size_t member, uint8_t ret_sha256[static SHA256_LEN])
{
	CLEANUP(clear_buffer) struct buffer der = read_member_der(member);

	digest_sha256(bytes_of_buffer(&der), ret_sha256);
}

/* The reason of a refusal; "" for a certificate that is wanted. */
static struct delivery deliver_digest(const struct message_claims *claims, size_t signer,
				      const uint8_t sha256[static SHA256_LEN])
{
	CLEANUP(clear_buffer) struct buffer jws = make_digest_jws(claims, signer, sha256);
	CLEANUP(clear_buffer)
	struct buffer jwe = encrypt_for_client2(&scene.fixture, MESSAGE_TYPE, MESSAGE_CONTENT_TYPE,
						bytes_of_buffer(&jws));
	struct delivery delivery = {0};
	struct fault problem = {0};

	if (deliver_message(scene.sender, bytes_of_buffer(&jwe), &delivery, &problem) < 0)
		cr_assert(strstr(problem.text, "asks for a certificate") != NULL, "%s",
			  problem.text);
	return delivery;
}

Test(digests, name_a_certificate_that_the_receiver_has_verified)
{
	cr_expect_not(goes_by_digest(1));
	cr_expect(goes_by_digest(1));
	cr_expect_not(goes_by_digest(2));
	cr_expect(goes_by_digest(2));
	cr_expect(goes_by_digest(1));
	cr_expect_eq(scene.reports.count, 5);
	cr_expect_eq(scene.log_count, 0);
	always_present_certificate(scene.sender);
	cr_expect_not(goes_by_digest(1));
}

/* The sizes in docs/protocol.md. A signature in DER, that of the certificate, varies by some
 * octets. */
Test(digests, make_a_short_message_a_third_as_long)
{
	const struct message_claims claims = make_claims();
	CLEANUP(free_private_key) struct private_key *key = read_member_key(1);
	CLEANUP(clear_buffer) struct buffer der = read_member_der(1);
	CLEANUP(clear_buffer) struct buffer with_certificate = {0};
	CLEANUP(clear_buffer) struct buffer by_digest = {0};
	uint8_t sha256[SHA256_LEN];

	digest_member(1, sha256);
	by_digest = make_digest_jws(&claims, 1, sha256);
	OK(sign_message(key, &claims, &(struct bytes){der.data, der.len}, 1, bytes_of_string("M"),
			&with_certificate, &fault));
	cr_expect_eq(by_digest.len, 326, "%zu octets", by_digest.len);
	cr_expect(with_certificate.len >= 966 && with_certificate.len <= 982,
		  "%zu octets, of the certificate %zu", with_certificate.len, der.len);
}

/* catalogue 130: nothing is remembered, reported, logged or written */
Test(digests, that_are_unknown_cost_an_answer_each)
{
	uint8_t sha256[SHA256_LEN] = {0};

	for (uint8_t i = 0; i < 100; i++) {
		struct message_claims claims = make_claims();
		struct delivery delivery;

		sha256[0] = i;
		delivery = deliver_digest(&claims, 1, sha256);
		cr_assert(!delivery.verified && delivery.reason[0] == '\0', "%s", delivery.reason);
	}
	cr_expect_eq(scene.reports.count, 0);
	cr_expect_eq(scene.log_count, 0);
	cr_expect_eq(count_files(scene.fixture.layouts[1]->received), 0);
	cr_expect_not(goes_by_digest(1));
	cr_expect(goes_by_digest(1));
}

/* catalogue 61, 132: the message that was wanted, and came with its certificate, comes by digest
 * again
 */
Test(digests, do_not_make_a_message_count_twice)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer der = read_member_der(1);
	CLEANUP(clear_buffer) struct buffer jws = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	const struct message_claims claims = make_claims();
	const struct bytes chain = bytes_of_buffer(&der);
	uint8_t sha256[SHA256_LEN];
	struct delivery delivery;

	digest_member(1, sha256);
	delivery = deliver_digest(&claims, 1, sha256);
	cr_expect(!delivery.verified && delivery.reason[0] == '\0');
	key = read_member_key(1);
	OK(sign_message(key, &claims, &chain, 1, bytes_of_string("M"), &jws, &fault));
	jwe = encrypt_for_client2(&scene.fixture, MESSAGE_TYPE, MESSAGE_CONTENT_TYPE,
				  bytes_of_buffer(&jws));
	delivery = deliver_jwe(&scene, &jwe);
	cr_expect(delivery.verified, "%s", delivery.reason);
	delivery = deliver_digest(&claims, 1, sha256);
	cr_expect_not(delivery.verified);
	cr_expect_str_eq(delivery.reason, "jti: this message was taken before");
	cr_expect_eq(scene.reports.verified_count, 1);
}

/* catalogue 10, 22, 63, 131: what is wrong beside the certificate is refused as with x5c */
Test(digests, change_no_verdict)
{
	static const struct {
		const char *aud;
		int64_t late_s;
		size_t signer;
		size_t named;       /* 3: not remembered */
		const char *reason; /* "": the certificate is wanted */
	} rows[] = {
		{"client2", 0, 2, 1, "signature"},
		{"client3", 0, 1, 1, "aud: expected \"client2\""},
		{"client2", 400, 1, 1, "iat: expected within 300 s"},
		{"client3", 0, 1, 3, "aud: expected \"client2\""},
		{"client2", 400, 1, 3, "iat: expected within 300 s"},
		{"client2", 0, 3, 3, ""},
	};

	cr_assert_not(goes_by_digest(1));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct message_claims claims = make_claims();
		uint8_t sha256[SHA256_LEN];
		struct delivery delivery;

		(void)snprintf(claims.aud, sizeof(claims.aud), "%s", rows[i].aud);
		claims.iat_s -= rows[i].late_s;
		digest_member(rows[i].named, sha256);
		delivery = deliver_digest(&claims, rows[i].signer, sha256);
		cr_expect_not(delivery.verified, "row %zu", i);
		cr_expect_not_null(strstr(delivery.reason, rows[i].reason), "row %zu: %s", i,
				   delivery.reason);
		cr_expect_eq(delivery.reason[0] == '\0', rows[i].reason[0] == '\0', "row %zu", i);
	}
	cr_expect_eq(scene.reports.count, 1 + 5);
	cr_expect_eq(scene.reports.verified_count, 1);
}

Test(digests, of_a_certificate_that_was_revoked_meanwhile_are_refused)
{
	CLEANUP(free_certificate) struct certificate *revoked = NULL;
	CLEANUP(clear_buffer) struct buffer crl = {0};
	static const uint8_t other_serial[20] = {1};
	static char path[sizeof(scene.fixture.scratch.path) + 16];
	struct delivery delivery;
	struct delivery again;

	revoked = first_certificate(&scene.fixture);
	(void)snprintf(path, sizeof(path), "%s/ca.crl", scene.fixture.scratch.path);
	crl = make_crl(&scene.fixture, scene.fixture.issuer, 7,
		       (struct bytes){other_serial, sizeof(other_serial)});
	put_bytes(scene.fixture.scratch.dirfd, "ca.crl", bytes_of_buffer(&crl), 0644);
	stop_receiver(&scene.receiver);
	scene.crl = path;
	start_scene_receiver(&scene, 1, NULL);
	cr_expect_not(goes_by_digest(1));
	cr_expect(goes_by_digest(1));
	clear_buffer(&crl);
	crl = make_crl(&scene.fixture, scene.fixture.issuer, 8, certificate_serial(revoked));
	put_bytes(scene.fixture.scratch.dirfd, "ca.crl", bytes_of_buffer(&crl), 0644);
	OK(send_message(scene.sender, bytes_of_string("M"), 1, scene.fixture.now_s, &delivery,
			&fault));
	cr_expect(delivery.by.by_digest);
	cr_expect_not(delivery.verified);
	cr_expect_not_null(strstr(delivery.reason, "CRL number 8: the certificate was revoked at "),
			   "%s", delivery.reason);
	always_present_certificate(scene.sender);
	OK(send_message(scene.sender, bytes_of_string("M"), 1, scene.fixture.now_s, &again,
			&fault));
	cr_expect_not(again.by.by_digest);
	cr_expect_str_eq(again.reason, delivery.reason);
}

/* The path is judged with the certificates at hand, whether the receiver's clock or its root has
   changed. */
Test(digests, of_a_certificate_that_has_expired_are_wanted_and_then_refused)
{
	CLEANUP(clear_roots) struct roots roots = {0};
	CLEANUP(clear_intermediates) struct intermediates none = {0};
	CLEANUP(free_chain_cache) struct chain_cache *cache = NULL;
	CLEANUP(free_certificate_memory) struct certificate_memory *remembered = NULL;
	CLEANUP(clear_buffer) struct buffer der = read_member_der(1);
	struct verifier verifier = {.self = "client2", .message_limit = MESSAGE_LIMIT};
	struct signed_message presented = {.chain_count = 1};
	struct message_claims claims = make_claims();
	int64_t later_s = scene.fixture.now_s + 100LL * 365 * 86400;
	uint8_t sha256[SHA256_LEN];

	OK(read_roots(scene.fixture.layouts[1], &roots, &fault));
	OK(new_chain_cache(&roots, &none, 1, &cache, &fault));
	OK(new_certificate_memory(&remembered, &fault));
	verifier.chain_cache = cache;
	verifier.memory = remembered;
	append_bytes(&presented.chain[0], bytes_of_buffer(&der));
	cr_assert(remember_certificate(remembered, "client1", &presented, scene.fixture.now_s));
	clear_signed_message(&presented);
	digest_member(1, sha256);
	for (int late = 0; late < 2; late++) {
		struct received_jws received = {0};
		struct buffer jws = {0};

		claims.iat_s = late == 1 ? later_s : scene.fixture.now_s;
		jws = make_digest_jws(&claims, 1, sha256);
		OK(verify_received(&verifier, "client1", bytes_of_buffer(&jws), claims.iat_s,
				   &received, &fault));
		cr_expect_eq(received.verdict.invalid, late == 1, "%s", received.verdict.reason);
		cr_expect_eq(received.certificate_wanted, late == 1);
		clear_received_jws(&received);
		clear_buffer(&jws);
	}
}
