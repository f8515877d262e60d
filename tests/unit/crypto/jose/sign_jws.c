#include "tests/unit/crypto/jose/sign_jws.h"

#include "common/crypto/base64.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>

struct buffer make_jws(const struct private_key *key, const char *header, const char *payload)
{
	CLEANUP(clear_buffer) struct buffer input = {0};
	CLEANUP(clear_buffer) struct buffer signature = {0};
	struct buffer jws = {0};

	append_base64url(&input, bytes_of_string(header));
	append_string(&input, ".");
	append_base64url(&input, bytes_of_string(payload));
	if (key != NULL)
		OK(sign_data(key, default_signature_algorithm(private_key_type(key)),
			     bytes_of_buffer(&input), &signature, &fault));
	else
		append_bytes(&signature, (struct bytes){(const uint8_t *)"\0\0\0", 3});
	append_string(&jws, "{\"protected\":\"");
	append_base64url(&jws, bytes_of_string(header));
	append_string(&jws, "\",\"payload\":\"");
	append_base64url(&jws, bytes_of_string(payload));
	append_string(&jws, "\",\"signature\":\"");
	append_base64url(&jws, bytes_of_buffer(&signature));
	append_string(&jws, "\"}");
	cr_assert(!jws.failed);
	return jws;
}

struct buffer make_jwk(const struct private_key *key)
{
	enum { POINT_AT = 27, COORDINATE_LEN = 32 };
	CLEANUP(clear_buffer) struct buffer spki = {0};
	struct buffer jwk = {0};

	OK(append_spki(key, &spki, &fault));
	cr_assert_eq(spki.len, POINT_AT + 2 * COORDINATE_LEN);
	append_string(&jwk, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
	append_base64url(&jwk, (struct bytes){spki.data + POINT_AT, COORDINATE_LEN});
	append_string(&jwk, "\",\"y\":\"");
	append_base64url(&jwk,
			 (struct bytes){spki.data + POINT_AT + COORDINATE_LEN, COORDINATE_LEN});
	append_string(&jwk, "\"}");
	cr_assert(!jwk.failed);
	return jwk;
}
