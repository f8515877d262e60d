#include "common/crypto/jose/public_jwk.h"

#include "common/crypto/base64.h"
#include "common/crypto/json.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

#define P256_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define P256_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

static int parse(const char *json, struct public_key **ret_key, struct fault *fault)
{
	CLEANUP(free_json) json_t *jwk = NULL;

	if (parse_json_object(bytes_of_string(json), "JWK", &jwk, fault) < 0)
		return -1;
	return parse_public_jwk(jwk, ret_key, fault);
}

Test(public_jwk, refuses_what_is_no_public_key)
{
	static const struct {
		const char *jwk;
		enum fault_class class;
		const char *part;
	} rows[] = {
		{"{}", FAULT_MALFORMED, "kty"},
		{"{\"kty\":1}", FAULT_MALFORMED, "kty"},
		{"{\"kty\":\"oct\",\"k\":\"AAAA\"}", FAULT_REFUSED, "private or symmetric"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y
		 "\",\"d\":\"AAAA\"}",
		 FAULT_REFUSED, "private or symmetric"},
		{"{\"kty\":\"EC\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", FAULT_MALFORMED,
		 "crv"},
		{"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}",
		 FAULT_REFUSED, "crv"},
		{"{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}",
		 FAULT_REFUSED, "crv"},
		{"{\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"" P256_X "\"}", FAULT_REFUSED, "crv"},
		{"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" P256_X "\"}", FAULT_REFUSED, "crv"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\"}", FAULT_MALFORMED,
		 "y: expected"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"" P256_Y "\"}",
		 FAULT_MALFORMED, "x: expected 32 octets"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "=\",\"y\":\"" P256_Y "\"}",
		 FAULT_MALFORMED, "base64url"},
		/* No point of the curve. */
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_Y "\",\"y\":\"" P256_X "\"}",
		 FAULT_REFUSED, "JWK"},
		/* The point of order 1 (RFC 8032 section 5.1): any message has a signature under
		   it. */
		{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
		 "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		 FAULT_REFUSED, "JWK"},
		{"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", FAULT_REFUSED, "JWK"},
		{"{\"kty\":\"RSA\",\"n\":\"AAEB\",\"e\":\"AQAB\"}", FAULT_MALFORMED,
		 "leading zeros"},
		{"{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", FAULT_MALFORMED, "n: expected"},
		{"{\"kty\":\"RSA\",\"e\":\"AQAB\"}", FAULT_MALFORMED, "n: expected"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct public_key *key = NULL;

		REFUSED(parse(rows[i].jwk, &key, &fault), rows[i].class, rows[i].part, "row %zu",
			i);
		cr_expect_null(key);
	}
}

/* RFC 7515 appendix A.3.1, RFC 8037 appendix A.2, RFC 7515 appendix A.2.1. */
Test(public_jwk, reads_the_keys_of_the_RFCs)
{
	static const struct {
		const char *jwk;
		enum key_type type;
	} rows[] = {
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y
		 "\",\"use\":\"sig\",\"alg\":\"ES256\"}",
		 KEY_ECDSA_P256},
		{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
		 "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		 KEY_ED25519},
		{"{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_"
		 "wWJcyQoTbji9k0l8W26mPddx"
		 "HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs"
		 "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"
		 "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV"
		 "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8"
		 "NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\","
		 "\"e\":\"AQAB\"}",
		 KEY_RSA_2048},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_public_key) struct public_key *key = NULL;

		OK(parse(rows[i].jwk, &key, &fault), "row %zu", i);
		cr_expect_eq(public_key_type(key), rows[i].type, "row %zu", i);
	}
}

/* RFC 7638 section 3.1 and RFC 8037 appendix A.3; that of P-256 is by `jose jwk thp`. Members that
   are not required count for nothing. */
Test(public_jwk, has_the_thumbprint_of_rfc_7638)
{
	static const struct {
		const char *jwk;
		const char *thumbprint;
	} rows[] = {
		{"{\"kty\":\"RSA\",\"n\":"
		 "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR"
		 "1"
		 "L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_"
		 "RN5w6Cf0h4Qy"
		 "Q5v-65YGjQR0_"
		 "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbIS"
		 "D08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
		 "kE"
		 "gU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
		 "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
		 "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		 "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y
		 "\",\"use\":\"sig\"}",
		 "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_public_key) struct public_key *key = NULL;
		CLEANUP(clear_buffer) struct buffer text = {0};
		uint8_t sha256[SHA256_LEN];

		OK(parse(rows[i].jwk, &key, &fault));
		OK(compute_jwk_thumbprint(key, sha256, &fault));
		append_base64url(&text, (struct bytes){sha256, SHA256_LEN});
		cr_expect_str_eq((const char *)text.data, rows[i].thumbprint);
	}
}
