#include "common/crypto/jose/flattened_jws.h"

#include "common/crypto/base64.h"
#include "tests/support/expect.h"
#include "tests/unit/crypto/jose/sign_jws.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define URL "\"url\":\"https://ca.example/acme/new-order\""
#define NONCE "\"nonce\":\"abc\""
#define KID "\"kid\":\"https://ca.example/acme/account/1\""
/* RFC 7515 appendix A.3.1. */
#define JWK                                                                                        \
	"\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"                                         \
	"\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                                         \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"

/* RFC 8555 section 10: alg none, jwk and kid both, and whatever else a header may say. */
Test(flattened_jws, refuses_headers_that_its_place_does_not_have)
{
	static const struct {
		enum jws_place place;
		const char *header;
		enum fault_class class;
		const char *part;
	} rows[] = {
		{JWS_REQUEST, "{\"alg\":\"none\"," NONCE "," URL "," KID "}", FAULT_UNVERIFIED,
		 "none"},
		{JWS_REQUEST, "{\"alg\":\"HS256\"," NONCE "," URL "," KID "}", FAULT_UNVERIFIED,
		 "HS256"},
		{JWS_REQUEST, "{\"alg\":\"ES256K\"," NONCE "," URL "," KID "}", FAULT_UNVERIFIED,
		 "ES256K"},
		{JWS_REQUEST, "{\"alg\":7," NONCE "," URL "," KID "}", FAULT_MALFORMED, "alg"},
		{JWS_REQUEST, "{" NONCE "," URL "," KID "}", FAULT_MALFORMED, "alg"},
		{JWS_REQUEST, "{\"alg\":\"ES256\"," NONCE "," URL "," KID "," JWK "}",
		 FAULT_MALFORMED, "found both"},
		{JWS_REQUEST, "{\"alg\":\"ES256\"," NONCE "," URL "}", FAULT_MALFORMED,
		 "found neither"},
		{JWS_REQUEST, "{\"alg\":\"ES256\"," NONCE "," KID "}", FAULT_MALFORMED, "url"},
		{JWS_REQUEST, "{\"alg\":\"ES256\"," URL "," KID "}", FAULT_MALFORMED, "nonce"},
		{JWS_REQUEST, "{\"alg\":\"ES256\",\"nonce\":\"\"," URL "," KID "}", FAULT_MALFORMED,
		 "nonce"},
		{JWS_REQUEST, "{\"alg\":\"ES256\"," NONCE "," URL ",\"kid\":1}", FAULT_MALFORMED,
		 "kid"},
		{JWS_REQUEST, "{\"alg\":\"ES256\",\"crit\":[\"b64\"]," NONCE "," URL "," KID "}",
		 FAULT_MALFORMED, "\"crit\" is not allowed"},
		{JWS_REQUEST, "{\"alg\":\"ES256\",\"b64\":false," NONCE "," URL "," KID "}",
		 FAULT_MALFORMED, "\"b64\" is not allowed"},
		{JWS_REQUEST,
		 "{\"alg\":\"ES256\",\"jku\":\"http://127.0.0.1\"," NONCE "," URL "," KID "}",
		 FAULT_MALFORMED, "\"jku\" is not allowed"},
		{JWS_REQUEST, "{\"alg\":\"ES256\"," NONCE "," NONCE "," URL "," KID "}",
		 FAULT_MALFORMED, "duplicate"},
		{JWS_REQUEST,
		 "{\"alg\":\"ES256\"," NONCE "," URL ",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}",
		 FAULT_REFUSED, "private or symmetric"},
		{JWS_NEW_KEY, "{\"alg\":\"ES256\"," NONCE "," URL "," JWK "}", FAULT_MALFORMED,
		 "\"nonce\" is not allowed"},
		{JWS_NEW_KEY, "{\"alg\":\"ES256\"," URL "," KID "}", FAULT_MALFORMED,
		 "\"kid\" is not allowed"},
		{JWS_BINDING, "{\"alg\":\"ES256\"," URL "," KID "}", FAULT_UNVERIFIED,
		 "expected HS256"},
		{JWS_BINDING, "{\"alg\":\"none\"," URL "," KID "}", FAULT_UNVERIFIED,
		 "expected HS256"},
		{JWS_BINDING, "{\"alg\":\"HS256\"," URL "," JWK "}", FAULT_MALFORMED,
		 "\"jwk\" is not allowed"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer json = make_jws(NULL, rows[i].header, "{}");
		struct flattened_jws jws = {0};

		REFUSED(parse_flattened_jws(bytes_of_buffer(&json), rows[i].place, &jws, &fault),
			rows[i].class, rows[i].part, "row %zu", i);
		cr_expect_null(jws.url);
		clear_buffer(&json);
	}
}

/* RFC 8555 section 6.2: no other serialisation, no unprotected header, no detached payload. */
Test(flattened_jws, refuses_other_objects)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"", "no valid JSON"},
		{"[]", "JSON object"},
		{"{\"protected\":\"e30\",\"signature\":\"\"}", "no string \"payload\""},
		{"{\"protected\":\"e30\",\"payload\":\"\"}", "no string \"signature\""},
		{"{\"payload\":\"\",\"signature\":\"\"}", "no string \"protected\""},
		{"{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"\",\"header\":{}}",
		 "found 4 members"},
		{"{\"payload\":\"\",\"signatures\":[{\"protected\":\"e30\",\"signature\":\"\"}]}",
		 "no string"},
		{"{\"protected\":\"e30=\",\"payload\":\"\",\"signature\":\"\"}", "base64url"},
		{"{\"protected\":\"e3 0\",\"payload\":\"\",\"signature\":\"\"}", "base64url"},
		{"{\"protected\":\"e31\",\"payload\":\"\",\"signature\":\"\"}", "base64url"},
		{"{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"\"}", "alg"},
		{"{\"protected\":\"e30\",\"payload\":{},\"signature\":\"\"}",
		 "no string \"payload\""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct flattened_jws jws = {0};

		REFUSED(parse_flattened_jws(bytes_of_string(rows[i].json), JWS_REQUEST, &jws,
					    &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
	}
}

Test(flattened_jws, refuses_one_that_is_too_long)
{
	CLEANUP(clear_buffer) struct buffer json = {0};
	struct flattened_jws jws = {0};

	memset(extend_buffer(&json, FLATTENED_JWS_MAX + 1), ' ', FLATTENED_JWS_MAX + 1);
	REFUSED(parse_flattened_jws(bytes_of_buffer(&json), JWS_REQUEST, &jws, &fault),
		FAULT_MALFORMED, "at most");
}

Test(flattened_jws, is_used_like_this)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_private_key) struct private_key *other = NULL;
	CLEANUP(free_public_key) struct public_key *stranger = NULL;
	CLEANUP(clear_flattened_jws) struct flattened_jws jws = {0};
	struct verdict verdict = {0};
	struct verdict foreign = {0};
	char header[1024];

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(generate_private_key(KEY_ECDSA_P256, &other, &fault));
	OK(get_public_key(other, &stranger, &fault));
	CLEANUP(clear_buffer) struct buffer jwk = make_jwk(key);

	(void)snprintf(header, sizeof(header), "{\"alg\":\"ES256\"," NONCE "," URL ",\"jwk\":%s}",
		       (const char *)jwk.data);
	CLEANUP(clear_buffer) struct buffer json = make_jws(key, header, "{\"a\":1}");

	OK(parse_flattened_jws(bytes_of_buffer(&json), JWS_REQUEST, &jws, &fault));
	cr_expect_str_eq(jws.nonce, "abc");
	cr_expect_str_eq(jws.url, "https://ca.example/acme/new-order");
	cr_expect_null(jws.kid);
	cr_expect(equal_bytes(bytes_of_buffer(&jws.payload), bytes_of_string("{\"a\":1}")));
	OK(verify_flattened_jws(&jws, jws.key, &verdict, &fault));
	cr_expect(!verdict.invalid);
	OK(verify_flattened_jws(&jws, stranger, &foreign, &fault));
	cr_expect(foreign.invalid);
}

/* The algorithm of the header has to be the key's: RFC 8725 section 3.1. */
Test(flattened_jws, is_not_valid_under_another_algorithm_than_that_of_its_key)
{
	static const char *const algorithms[] = {"ES384", "EdDSA", "RS256", "PS256"};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(get_public_key(key, &public_key, &fault));
	for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
		CLEANUP(clear_flattened_jws) struct flattened_jws jws = {0};
		struct verdict verdict = {0};
		char header[256];

		(void)snprintf(header, sizeof(header), "{\"alg\":\"%s\"," NONCE "," URL "," KID "}",
			       algorithms[i]);
		CLEANUP(clear_buffer) struct buffer json = make_jws(key, header, "");

		OK(parse_flattened_jws(bytes_of_buffer(&json), JWS_REQUEST, &jws, &fault));
		OK(verify_flattened_jws(&jws, public_key, &verdict, &fault));
		cr_expect(verdict.invalid, "%s", algorithms[i]);
	}
}

Test(flattened_jws, of_a_binding_counts_under_its_key_alone)
{
	static const uint8_t key[SHA256_LEN] = {1, 2, 3};
	static const uint8_t other[SHA256_LEN] = {1, 2, 4};
	CLEANUP(clear_buffer) struct buffer signature = {0};
	CLEANUP(clear_buffer)
	struct buffer json =
		make_jws(NULL, "{\"alg\":\"HS256\"," URL ",\"kid\":\"client1\"}", "{}");
	CLEANUP(clear_flattened_jws) struct flattened_jws jws = {0};
	uint8_t mac[SHA256_LEN];

	OK(parse_flattened_jws(bytes_of_buffer(&json), JWS_BINDING, &jws, &fault));
	cr_expect_str_eq(jws.kid, "client1");
	cr_expect(!verify_keyed_jws(&jws, key));
	hmac_sha256(key, bytes_of_buffer(&jws.signing_input), mac);
	append_bytes(&signature, (struct bytes){mac, sizeof(mac)});
	clear_buffer(&jws.signature);
	jws.signature = take_buffer(&signature);
	cr_expect(verify_keyed_jws(&jws, key));
	cr_expect(!verify_keyed_jws(&jws, other));
	jws.signature.len--;
	cr_expect(!verify_keyed_jws(&jws, key));
	jws.signature.len++;
}
