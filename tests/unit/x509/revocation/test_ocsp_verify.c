#include "common/x509/revocation/ocsp_verify.h"

#include "common/x509/revocation/ocsp_fields.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

#define OCSP_SIGNING "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09"
#define SERVER_AUTH "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"
#define NONCE "0123456789abcdef0123456789abcdef"

/* A question, its answer and the responder. Each test changes one thing of the scene. */
static struct {
	struct certificate *issuer;
	struct certificate *responder;          /* is in the response */
	const struct certificate *intermediate; /* may be in it too */
	const struct private_key *key;          /* signs the response */
	struct ocsp_question question;
	struct issuer_hashes hashes;
	struct buffer id;
	struct ocsp_single singles[2];
	struct ocsp_answer answer;
} scene;

static struct forged_certificate forged_responder(void)
{
	struct forged_certificate forged = forged_member();

	forged.subject = common_name("responder");
	forged.spki = spki_of(other_key());
	forged.extensions =
		extensions_of(JOIN(member_key_usage(), extension(37, false, OCTETS(OCSP_SIGNING)),
				   subject_key_id("responder"), authority_key_id("root")));
	return forged;
}

static void set_id(enum ocsp_hash hash, struct bytes serial)
{
	struct bytes rest;

	clear_buffer(&scene.id);
	append_cert_id(&scene.id, hash, &scene.hashes, serial);
	rest = bytes_of_buffer(&scene.id);
	cr_assert(read_cert_id(&rest, &scene.singles[0].id));
}

static void set_responder(const struct forged_certificate *forged, const struct private_key *signer)
{
	free_certificate(&scene.responder);
	scene.responder = forge_parsed(forged, signer);
}

static void set_up(void)
{
	const struct forged_certificate root = forged_root();
	const struct forged_certificate responder = forged_responder();

	memset(&scene, 0, sizeof(scene));
	scene.issuer = forge_parsed(&root, root_key());
	set_responder(&responder, root_key());
	scene.key = other_key();
	scene.question = (struct ocsp_question){.issuer = scene.issuer,
						.serial = OCTETS("\x33"),
						.nonce = OCTETS(NONCE),
						.now_s = FORGED_NOW_S};
	OK(digest_issuer(scene.issuer, &scene.hashes, &fault));
	set_id(OCSP_SHA1, OCTETS("\x33"));
	scene.singles[0].this_update_s = FORGED_NOW_S;
	scene.singles[0].next_update_s = FORGED_NOW_S + 3600;
	scene.answer = (struct ocsp_answer){.singles = scene.singles,
					    .count = 1,
					    .nonce = OCTETS(NONCE),
					    .produced_at_s = FORGED_NOW_S};
}

static void tear_down(void)
{
	free_certificate(&scene.issuer);
	free_certificate(&scene.responder);
	clear_buffer(&scene.id);
}

TestSuite(ocsp_verify, .init = set_up, .fini = tear_down);

static struct buffer respond(void)
{
	const struct ocsp_signer signer = {scene.key, scene.responder, scene.intermediate};
	struct buffer der = {0};

	OK(format_ocsp_response(&scene.answer, &signer, &der, &fault));
	return der;
}

static void verify(struct bytes der, struct ocsp_single *single, struct verdict *verdict)
{
	OK(verify_ocsp_response(der, &scene.question, single, verdict, &fault));
}

static void expect_octets_refused(struct bytes der, const char *part)
{
	struct ocsp_single single = {.reason = -1};
	struct verdict verdict = {0};

	verify(der, &single, &verdict);
	cr_expect(verdict.invalid);
	cr_expect_not_null(strstr(verdict.reason, part), "expected %s, found %s", part,
			   verdict.reason);
	cr_expect_eq(single.reason, -1);
}

static void expect_refused(const char *part)
{
	CLEANUP(clear_buffer) struct buffer der = respond();

	expect_octets_refused(bytes_of_buffer(&der), part);
}

static void expect_status(enum ocsp_status status)
{
	CLEANUP(clear_buffer) struct buffer der = respond();
	struct ocsp_single single = {0};
	struct verdict verdict = {0};

	verify(bytes_of_buffer(&der), &single, &verdict);
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	cr_expect_eq(single.status, status);
	if (status != OCSP_REVOKED)
		return;
	cr_expect_eq(single.revoked_at_s, scene.singles[0].revoked_at_s);
	cr_expect_eq(single.reason, scene.singles[0].reason);
}

static void take_no_nonce(void)
{
	scene.answer.nonce = (struct bytes){0};
}

static void take_other_nonce(void)
{
	scene.answer.nonce = OCTETS("0123456789abcdef0123456789abcdeF");
}

static void take_short_nonce(void)
{
	scene.answer.nonce = OCTETS("0123456789abcdef");
}

static void take_long_nonce(void)
{
	scene.answer.nonce = OCTETS(NONCE NONCE NONCE NONCE "x");
}

static void answer_nothing(void)
{
	scene.answer.count = 0;
}

static void answer_twice(void)
{
	scene.singles[1] = scene.singles[0];
	scene.answer.count = 2;
}

static void answer_other_serial(void)
{
	set_id(OCSP_SHA1, OCTETS("\x34"));
}

static void answer_other_name(void)
{
	scene.hashes.name[OCSP_SHA1][0] ^= 1;
	set_id(OCSP_SHA1, OCTETS("\x33"));
}

static void answer_other_key(void)
{
	scene.hashes.key[OCSP_SHA256][31] ^= 1;
	set_id(OCSP_SHA256, OCTETS("\x33"));
}

static void end_before_now(void)
{
	scene.singles[0].this_update_s -= 7200;
	scene.singles[0].next_update_s = FORGED_NOW_S - 1;
}

static void begin_in_the_future(void)
{
	scene.singles[0].this_update_s = FORGED_NOW_S + OCSP_SKEW_S + 1;
}

static void produce_in_the_future(void)
{
	scene.answer.produced_at_s = FORGED_NOW_S + OCSP_SKEW_S + 1;
}

static void end_before_beginning(void)
{
	scene.singles[0].this_update_s = FORGED_NOW_S + 10;
	scene.singles[0].next_update_s = FORGED_NOW_S + 5;
}

static void be_old_without_end(void)
{
	scene.singles[0].this_update_s = FORGED_NOW_S - OCSP_AGE_MAX_S - 1;
	scene.singles[0].next_update_s = 0;
}

static void sign_with_another_key(void)
{
	scene.key = member_key();
}

static void delegate_for_servers(void)
{
	struct forged_certificate forged = forged_responder();

	forged.extensions =
		extensions_of(JOIN(member_key_usage(), extension(37, false, OCTETS(SERVER_AUTH)),
				   subject_key_id("responder"), authority_key_id("root")));
	set_responder(&forged, root_key());
}

static void delegate_for_nothing(void)
{
	struct forged_certificate forged = forged_responder();

	forged.extensions = extensions_of(
		JOIN(member_key_usage(), subject_key_id("responder"), authority_key_id("root")));
	set_responder(&forged, root_key());
}

static void delegate_of_another_issuer(void)
{
	struct forged_certificate forged = forged_responder();

	forged.issuer = common_name("Another");
	set_responder(&forged, root_key());
}

static void delegate_of_another_key(void)
{
	struct forged_certificate forged = forged_responder();

	forged.extensions =
		extensions_of(JOIN(member_key_usage(), extension(37, false, OCTETS(OCSP_SIGNING)),
				   subject_key_id("responder"), authority_key_id("other")));
	set_responder(&forged, root_key());
}

static void delegate_signed_by_another(void)
{
	const struct forged_certificate forged = forged_responder();

	set_responder(&forged, member_key());
}

static void delegate_expired(void)
{
	struct forged_certificate forged = forged_responder();

	forged.validity = validity_of("250101000000Z", "250201000000Z");
	set_responder(&forged, root_key());
}

static void delegate_not_yet(void)
{
	struct forged_certificate forged = forged_responder();

	forged.validity = validity_of("400101000000Z", "450201000000Z");
	set_responder(&forged, root_key());
}

static void delegate_out_of_profile(void)
{
	struct forged_certificate forged = forged_responder();

	forged.extensions =
		extensions_of(JOIN(extension(37, false, OCTETS(OCSP_SIGNING)),
				   subject_key_id("responder"), authority_key_id("root")));
	set_responder(&forged, root_key());
}

/* catalogue 53, 54, 55 */
Test(ocsp_verify, refuses_a_response_with_any_one_problem)
{
	static const struct {
		void (*change)(void);
		const char *part;
	} rows[] = {
		{take_no_nonce,
		 "certpool expects the nonce that was sent in the response, found none"},
		{take_other_nonce, "RFC 9654 section 2.1: the response has another nonce"},
		{take_short_nonce, "another nonce"},
		{take_long_nonce, "1 to 128 octets"},
		{answer_nothing, "found 0"},
		{answer_twice, "found 2"},
		{answer_other_serial, "found 0"},
		{answer_other_name, "found 0"},
		{answer_other_key, "found 0"},
		{end_before_now,
		 "certpool expects nextUpdate not to be past, found 2026-09-21T14:13:19Z (RFC 6960 "
		 "section 4.2.2.1: should)"},
		{begin_in_the_future, "not in the future"},
		{produce_in_the_future, "not in the future"},
		{end_before_beginning, "not before thisUpdate"},
		{be_old_without_end,
		 "certpool expects a response without nextUpdate to be of the last 3600 s"},
		{sign_with_another_key, "section 4.2.1: signature"},
		{delegate_for_servers, "expected id-kp-OCSPSigning"},
		{delegate_for_nothing, "expected id-kp-OCSPSigning"},
		{delegate_of_another_issuer, "is by CN=Another"},
		{delegate_of_another_key, "authorityKeyIdentifier: it names another key"},
		{delegate_signed_by_another, "the signature is not by the key"},
		{delegate_expired, "expired or not yet valid"},
		{delegate_not_yet, "expired or not yet valid"},
		{delegate_out_of_profile, "certpool expects keyUsage"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		rows[i].change();
		expect_refused(rows[i].part);
		tear_down();
		set_up();
	}
}

/* RFC 5280 section 4.1.2.5: both ends of the validity belong to it. catalogue 55 */
Test(ocsp_verify, trusts_a_delegate_to_the_last_second_of_its_certificate)
{
	static const struct {
		int64_t after_s; /* after FORGED_NOW_S */
		bool valid;
	} rows[] = {{9, false}, {10, true}, {20, true}, {21, false}};
	struct forged_certificate forged = forged_responder();

	forged.validity = validity_of("260921141330Z", "260921141340Z");
	set_responder(&forged, root_key());
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		scene.question.now_s = FORGED_NOW_S + rows[i].after_s;
		if (rows[i].valid)
			expect_status(OCSP_GOOD);
		else
			expect_refused("expired or not yet valid");
	}
}

/* catalogue 54: a response without an answer is not "valid" */
Test(ocsp_verify, refuses_responses_without_an_answer)
{
	static const struct {
		enum ocsp_outcome outcome;
		const char *part;
	} rows[] = {
		{OCSP_MALFORMED_REQUEST, "the responder says malformedRequest"},
		{OCSP_INTERNAL_ERROR, "the responder says internalError"},
		{OCSP_TRY_LATER, "the responder says tryLater"},
		{OCSP_SIG_REQUIRED, "the responder says sigRequired"},
		{OCSP_UNAUTHORIZED, "the responder says unauthorized"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer der = {0};

		OK(format_ocsp_error(rows[i].outcome, &der, &fault));
		expect_octets_refused(bytes_of_buffer(&der), rows[i].part);
	}
	expect_octets_refused(OCTETS("\x30\x03\x0a\x01\x04"), "says an undefined responseStatus");
	expect_octets_refused(OCTETS("\x30\x03\x0a\x01\x80"), "says an undefined responseStatus");
	expect_octets_refused(OCTETS(""), "not DER");
	expect_octets_refused(OCTETS("\x30\x03\x0a\x01\x00"), "if, and only if");
	expect_octets_refused(OCTETS("<html>"), "not DER");
}

/* catalogue 17: one bit of the signed octets, of the signature, or of the certificate */
Test(ocsp_verify, refuses_every_flipped_bit)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct ocsp_single single;

	der = respond();
	for (size_t i = 0; i < der.len * 8; i += 3) {
		struct verdict verdict = {0};

		der.data[i / 8] ^= (uint8_t)(1U << i % 8);
		verify(bytes_of_buffer(&der), &single, &verdict);
		cr_expect(verdict.invalid, "bit %zu", i);
		der.data[i / 8] ^= (uint8_t)(1U << i % 8);
	}
}

Test(ocsp_verify, accepts_every_status)
{
	expect_status(OCSP_GOOD);
	scene.singles[0].status = OCSP_UNKNOWN;
	expect_status(OCSP_UNKNOWN);
	scene.singles[0].status = OCSP_REVOKED;
	scene.singles[0].revoked_at_s = FORGED_NOW_S - 99;
	for (int reason = 0; reason <= 10; reason++) {
		scene.singles[0].reason = reason;
		expect_status(OCSP_REVOKED);
	}
}

Test(ocsp_verify, accepts_allowed_variations)
{
	set_id(OCSP_SHA256, OCTETS("\x33"));
	expect_status(OCSP_GOOD);
	scene.singles[0].next_update_s = 0;
	expect_status(OCSP_GOOD);
	scene.singles[0].this_update_s = FORGED_NOW_S + OCSP_SKEW_S;
	expect_status(OCSP_GOOD);
	/* A second SingleResponse, about another certificate. */
	scene.singles[1] = scene.singles[0];
	scene.answer.count = 2;
	answer_other_serial();
	scene.singles[1].id.whole = scene.singles[0].id.whole;
	expect_refused("found 0");
}

/* The issuer itself may sign; its certificate in the response is not needed. */
Test(ocsp_verify, accepts_the_issuers_own_signature)
{
	const struct forged_certificate root = forged_root();

	set_responder(&root, root_key());
	scene.key = root_key();
	expect_status(OCSP_GOOD);
	scene.key = other_key();
	expect_refused("section 4.2.1: signature");
}

/* Another certificate in the response than the signer's. catalogue 55 */
Test(ocsp_verify, refuses_a_signer_that_is_not_in_it)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	size_t at;

	der = respond();
	/* Change the key's digest in responderID, and not the certificate. */
	for (at = 0; memcmp(der.data + at, "\xa2\x16\x04\x14", 4) != 0; at++)
		cr_assert(at < der.len - 4);
	der.data[at + 4] ^= 1;
	expect_octets_refused(bytes_of_buffer(&der), "certpool expects the responder's certificate "
						     "to be the issuer's, or in the response");
}

/* The response may hold an intermediate, which may not sign in the responder's place. */
Test(ocsp_verify, passes_over_other_certificates)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct ocsp_response response = {0};
	struct der_item item;
	size_t count = 0;

	scene.intermediate = scene.issuer;
	der = respond();
	OK(parse_ocsp_response(bytes_of_buffer(&der), &response, &fault));
	while (read_der(&response.certificates, &item))
		count++;
	cr_expect_eq(count, 2);
	expect_status(OCSP_GOOD);
	scene.key = root_key();
	expect_refused("section 4.2.1: signature");
}
