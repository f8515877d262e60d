#include "common/crypto/signed_message.h"

#include "common/crypto/base64.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

#define JTI "\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\""
#define TAIL "\"aud\":\"client2\",\"iat\":1790000000," JTI
#define DIGEST "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define BARE "\"alg\":\"ES256\",\"typ\":\"certpool.message\","
#define HEAD "\"alg\":\"ES256\",\"typ\":\"certpool.message\",\"x5c\":[\"AAAA\"],"

static struct buffer make_jws(const char *header)
{
	struct buffer jws = {0};

	append_base64url(&jws, bytes_of_string(header));
	append_string(&jws, ".TQ.AAAA");
	cr_assert_not(jws.failed);
	return jws;
}

/* catalogue 1, 3, 6, 7, 8, 10, 18, 21, 27, 64 */
Test(signed_message, refuses_headers_that_are_not_as_the_format_says)
{
	static const struct {
		const char *header;
		const char *part;
	} rows[] = {
		{"{" HEAD TAIL "}", NULL},
		{"{" HEAD "\"iss\":\"client1\"," TAIL "}", NULL},
		{"{\"alg\":\"none\",\"typ\":\"certpool.message\",\"x5c\":[\"AAAA\"]," TAIL "}",
		 "found \"none\""},
		{"{\"alg\":\"HS256\",\"typ\":\"certpool.message\",\"x5c\":[\"AAAA\"]," TAIL "}",
		 "found \"HS256\""},
		{"{\"typ\":\"certpool.message\",\"x5c\":[\"AAAA\"]," TAIL "}", "alg"},
		{"{\"alg\":\"ES256\",\"x5c\":[\"AAAA\"]," TAIL "}", "typ"},
		{"{\"alg\":\"ES256\",\"typ\":\"certpool.status\",\"x5c\":[\"AAAA\"]," TAIL "}",
		 "typ"},
		{"{" HEAD TAIL ",\"crit\":[\"exp\"]}", "crit"},
		{"{" HEAD TAIL ",\"b64\":false}", "b64"},
		{"{" HEAD TAIL ",\"jku\":\"http://127.0.0.1\"}", "jku"},
		{"{" HEAD TAIL ",\"x5u\":\"http://127.0.0.1\"}", "x5u"},
		{"{" HEAD TAIL ",\"jwk\":{}}", "jwk"},
		{"{" BARE "\"x5t#S256\":\"" DIGEST "\"," TAIL "}", NULL},
		{"{" HEAD TAIL ",\"x5t#S256\":\"" DIGEST "\"}", "found both"},
		{"{" HEAD TAIL ",\"x5t\":\"" DIGEST "\"}", "\"x5t\" is not allowed"},
		{"{" BARE "\"x5t#S256\":\"\"," TAIL "}", "expected a SHA-256 digest"},
		{"{" BARE "\"x5t#S256\":null," TAIL "}", "expected a SHA-256 digest"},
		{"{" BARE "\"x5t#S256\":[\"" DIGEST "\"]," TAIL "}", "expected a SHA-256 digest"},
		{"{" BARE "\"x5t#S256\":\"" DIGEST "A\"," TAIL "}", "expected a SHA-256 digest"},
		{"{" BARE "\"x5t#S256\":\"" DIGEST "=\"," TAIL "}", "expected a SHA-256 digest"},
		{"{" BARE "\"x5t#S256\":\"AAAAAAAAAAAAAAAAAAAAAA\"," TAIL "}",
		 "expected a SHA-256 digest"},
		{"{" HEAD TAIL ",\"kid\":\"a\"}", "kid"},
		{"{" HEAD TAIL "," TAIL "}", "JSON"},
		{"{" HEAD "\"iat\":1790000000," JTI "}", "aud"},
		{"{" HEAD "\"aud\":\"../x\",\"iat\":1," JTI "}", "aud"},
		{"{" HEAD "\"aud\":7,\"iat\":1," JTI "}", "aud"},
		{"{" HEAD "\"iss\":\"\"," TAIL "}", "iss"},
		{"{" HEAD "\"iss\":null," TAIL "}", "iss"},
		{"{" HEAD "\"aud\":\"client2\"," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":\"1\"," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":1.5," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":-1," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":1e99," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":1e999," JTI "}", "JSON"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":1e1," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":-0," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":0," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":01," JTI "}", "JSON"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":+1," JTI "}", "JSON"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":253402300799," JTI "}", NULL},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":253402300800," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":9007199254740993," JTI "}", "iat"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":9223372036854775808," JTI "}", "JSON"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":1}", "jti"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":1,\"jti\":\"short\"}", "jti"},
		{"{" HEAD "\"aud\":\"client2\",\"iat\":1,\"jti\":\"AAAAAAAAAAAAAAAAAAAA==\"}",
		 "jti"},
		{"{\"alg\":\"ES256\",\"typ\":\"certpool.message\"," TAIL "}", "x5c"},
		{"{\"alg\":\"ES256\",\"typ\":\"certpool.message\",\"x5c\":[]," TAIL "}", "x5c"},
		{"{\"alg\":\"ES256\",\"typ\":\"certpool.message\",\"x5c\":\"AAAA\"," TAIL "}",
		 "x5c"},
		{"{\"alg\":\"ES256\",\"typ\":\"certpool.message\",\"x5c\":[7]," TAIL "}", "x5c"},
		{"{\"alg\":\"ES256\",\"typ\":\"certpool.message\",\"x5c\":[\"A_-A\"]," TAIL "}",
		 "base64"},
		{"{\"alg\":\"ES256\",\"typ\":\"certpool.message\",\"x5c\":[\"AAA\"]," TAIL "}",
		 "base64"},
		{"{\"alg\":\"ES256\",\"typ\":\"certpool.message\",\"x5c\":[\"AAAA\",\"AAAA\","
		 "\"AAAA\",\"AAAA\",\"AAAA\"]," TAIL "}",
		 "1 to 4"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer jws = make_jws(rows[i].header);
		struct signed_message message = {0};
		struct fault fault = {0};

		cr_expect_eq(parse_signed_message(bytes_of_buffer(&jws), &message, &fault),
			     rows[i].part == NULL ? 0 : -1, "row %zu: %s", i, rows[i].header);
		if (rows[i].part != NULL) {
			cr_expect_eq(fault.class, FAULT_MALFORMED);
			cr_expect(strstr(fault.text, rows[i].part) != NULL, "row %zu: %s", i,
				  fault.text);
			cr_expect_eq(message.chain_count, 0);
		}
		clear_signed_message(&message);
		clear_buffer(&jws);
	}
}

/* catalogue 22: neither kind passes for the other */
Test(signed_message, takes_a_sealed_message_without_names_alone)
{
	static const struct {
		const char *header;
		const char *refusal; /* NULL: it is sealed */
	} rows[] = {
		{"{" HEAD "\"iat\":1790000000," JTI "}", NULL},
		{"{" HEAD TAIL "}", "member \"aud\" is not allowed"},
		{"{" BARE "\"x5t#S256\":\"" DIGEST "\",\"iat\":1790000000," JTI "}",
		 "member \"x5t#S256\" is not allowed"},
		{"{" HEAD "\"iss\":\"client1\",\"iat\":1790000000," JTI "}",
		 "member \"iss\" is not allowed"},
		{"{" HEAD "\"aud\":\"\",\"iat\":1790000000," JTI "}",
		 "member \"aud\" is not allowed"},
		{"{" HEAD "\"iat\":1790000000}", "jti"},
		{"{" HEAD JTI "}", "iat"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer jws = make_jws(rows[i].header);
		struct signed_message message = {0};

		if (rows[i].refusal != NULL)
			REFUSED(parse_sealed_message(bytes_of_buffer(&jws), &message, &fault),
				FAULT_MALFORMED, rows[i].refusal, "row %zu", i);
		else
			OK(parse_sealed_message(bytes_of_buffer(&jws), &message, &fault));
		clear_signed_message(&message);
		clear_buffer(&jws);
	}
}

/* catalogue 10 */
Test(signed_message, refuses_a_chain_that_is_too_long)
{
	struct buffer header = {0};
	struct buffer certificate = {0};
	struct buffer jws;
	struct signed_message message = {0};

	memset(extend_buffer(&certificate, CHAIN_OCTETS_MAX + 1), 1, CHAIN_OCTETS_MAX + 1);
	append_string(&header, "{\"alg\":\"ES256\",\"typ\":\"certpool.message\",\"x5c\":[\"");
	append_base64(&header, bytes_of_buffer(&certificate));
	append_string(&header, "\"]," TAIL "}");
	jws = make_jws((char *)header.data);
	REFUSED(parse_signed_message(bytes_of_buffer(&jws), &message, &fault), FAULT_MALFORMED,
		NULL);
	cr_expect(strstr(last_refusal()->text, "x5c") != NULL ||
			  strstr(last_refusal()->text, "header") != NULL,
		  "%s", last_refusal()->text);
	clear_buffer(&header);
	clear_buffer(&certificate);
	clear_buffer(&jws);
}

/* catalogue 11, 12 */
Test(signed_message, refuses_other_serialisations)
{
	static const char *const rows[] = {"",
					   ".",
					   "..",
					   "a.b",
					   "a.b.c.d",
					   "a.b.c.d.e",
					   "{\"payload\":\"\",\"signatures\":[]}"};
	struct buffer good = make_jws("{" HEAD TAIL "}");

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct signed_message message = {0};

		REFUSED(parse_signed_message(bytes_of_string(rows[i]), &message, &fault),
			FAULT_MALFORMED, NULL, "%s", rows[i]);
	}
	append_string(&good, "=");
	REFUSED(parse_signed_message(bytes_of_buffer(&good), &(struct signed_message){0}, &fault),
		FAULT_MALFORMED, NULL);
	clear_buffer(&good);
}

static struct private_key *key;
static struct public_key *public_key;

static void make_keys(enum key_type type)
{
	OK(generate_private_key(type, &key, &fault));
	OK(get_public_key(key, &public_key, &fault));
}

static void free_keys(void)
{
	free_private_key(&key);
	free_public_key(&public_key);
}

static struct buffer sign(struct bytes payload)
{
	const struct bytes chain[] = {bytes_of_string("first"), bytes_of_string("second")};
	struct message_claims claims = {.iss = "client1", .aud = "client2", .iat_s = 1790000000};
	struct buffer jws = {0};

	OK(generate_jti(claims.jti, &fault));
	OK(sign_message(key, &claims, chain, 2, payload, &jws, &fault));
	return jws;
}

/* catalogue 17 */
Test(signed_message, refuses_every_flipped_bit)
{
	struct buffer jws;

	make_keys(KEY_ED25519);
	jws = sign(bytes_of_string("M"));
	for (size_t bit = 0; bit < jws.len * 8; bit++) {
		struct signed_message message = {0};
		struct verdict verdict = {0};
		struct fault fault = {0};

		jws.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (parse_signed_message(bytes_of_buffer(&jws), &message, &fault) == 0) {
			cr_assert_eq(verify_message(&message, public_key, &verdict, &fault), 0);
			cr_expect(verdict.invalid, "bit %zu", bit);
		}
		clear_signed_message(&message);
		jws.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	clear_buffer(&jws);
	free_keys();
}

/* catalogue 10 */
Test(signed_message, refuses_the_signature_of_another_key)
{
	struct signed_message message = {0};
	struct verdict verdict = {0};
	struct buffer jws;

	make_keys(KEY_ECDSA_P256);
	jws = sign(bytes_of_string("M"));
	free_keys();
	make_keys(KEY_ECDSA_P256);
	OK(parse_signed_message(bytes_of_buffer(&jws), &message, &fault));
	OK(verify_message(&message, public_key, &verdict, &fault));
	cr_expect(verdict.invalid);
	cr_expect(strstr(verdict.reason, "not by this key") != NULL, "%s", verdict.reason);
	clear_signed_message(&message);
	clear_buffer(&jws);
	free_keys();
}

Test(signed_message, refuses_to_sign_for_nobody_in_the_name_of_a_node)
{
	const struct bytes chain = bytes_of_string("first");
	struct message_claims claims = {.iss = "client1", .iat_s = 1790000000};
	struct buffer jws = {0};

	make_keys(KEY_ED25519);
	OK(generate_jti(claims.jti, &fault));
	REFUSED(sign_message(key, &claims, &chain, 1, bytes_of_string("M"), &jws, &fault),
		FAULT_FAILED, "iss, aud");
	free_keys();
}

Test(signed_message, refuses_to_sign_with_no_chain_or_too_many)
{
	const struct bytes chain[CHAIN_MAX + 1] = {{0}};
	const struct message_claims claims = {.aud = "client2"};
	struct buffer jws = {0};

	make_keys(KEY_ED25519);
	REFUSED(sign_message(key, &claims, chain, 0, bytes_of_string("M"), &jws, &fault),
		FAULT_FAILED, "x5c");
	REFUSED(sign_message(key, &claims, chain, CHAIN_MAX + 1, bytes_of_string("M"), &jws,
			     &fault),
		FAULT_FAILED, NULL);
	free_keys();
}

Test(signed_message, verifies_its_own_signatures_with_every_type)
{
	static const uint8_t octets[] = {0, 255, 1, '.', '\n', 0};
	const struct bytes payload = {octets, sizeof(octets)};

	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
		struct signed_message message = {0};
		struct verdict verdict = {0};
		struct buffer jws;

		make_keys((enum key_type)type);
		jws = sign(payload);
		OK(parse_signed_message(bytes_of_buffer(&jws), &message, &fault));
		OK(verify_message(&message, public_key, &verdict, &fault));
		cr_expect_not(verdict.invalid, "%s", verdict.reason);
		cr_expect(equal_bytes(bytes_of_buffer(&message.payload), payload));
		cr_expect_eq(message.chain_count, 2);
		cr_expect(
			equal_bytes(bytes_of_buffer(&message.chain[1]), bytes_of_string("second")));
		cr_expect_str_eq(message.claims.iss, "client1");
		cr_expect_str_eq(message.claims.aud, "client2");
		cr_expect_eq(message.claims.iat_s, 1790000000);
		cr_expect(valid_jti(message.claims.jti));
		clear_signed_message(&message);
		clear_buffer(&jws);
		free_keys();
	}
}

Test(signed_message, names_a_certificate_by_its_digest)
{
	CLEANUP(clear_buffer) struct buffer jws = {0};
	CLEANUP(clear_signed_message) struct signed_message message = {0};
	const struct message_claims claims = {.iss = "client1",
					      .aud = "client2",
					      .iat_s = 1790000000,
					      .jti = "AAAAAAAAAAAAAAAAAAAAAA"};
	const uint8_t sha256[SHA256_LEN] = {0xfb, 0xff, 1};
	struct verdict verdict = {0};

	make_keys(KEY_ECDSA_P256);
	OK(sign_message_by_digest(key, &claims, sha256, bytes_of_string("M"), &jws, &fault));
	OK(parse_signed_message(bytes_of_buffer(&jws), &message, &fault));
	cr_expect(message.by_digest);
	cr_expect_eq(message.chain_count, 0);
	cr_expect_arr_eq(message.sha256, sha256, SHA256_LEN);
	cr_expect_str_eq(message.claims.aud, "client2");
	OK(verify_message(&message, public_key, &verdict, &fault));
	cr_expect_not(verdict.invalid, "%s", verdict.reason);
	REFUSED(parse_sealed_message(bytes_of_buffer(&jws), &(struct signed_message){0}, &fault),
		FAULT_MALFORMED, "not allowed");
	free_keys();
}
