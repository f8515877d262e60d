/* The JOSE cookbook: its examples with our algorithms verify; our parsers refuse all of them. */
#include "common/crypto/message.h"
#include "common/crypto/signed_message.h"
#include "tests/support/expect.h"
#include "tests/unit/crypto/jose_objects.h"

#include <criterion/criterion.h>
#include <glob.h>

#define COOKBOOK "tests/vectors/rfc7520/"

/* The compact serialisation of an example's output. */
static struct buffer read_compact(const json_t *example)
{
	struct buffer text = {0};

	append_string(&text, text_member(json_object_get(example, "output"), "compact"));
	return text;
}

/* One serialisation of an example: compact is a string, the others are objects. */
static struct buffer format_output(const json_t *output)
{
	struct buffer text = {0};
	char *json = json_is_string(output) ? NULL : json_dumps(output, JSON_COMPACT);

	append_string(&text, json != NULL ? json : json_string_value(output));
	free_string(&json);
	return text;
}

static void refuse_output(const char *path, const json_t *output)
{
	struct buffer text = format_output(output);
	const struct key_ring ring = {0};
	struct decrypted_message decrypted = {0};
	struct signed_message message = {0};

	cr_assert_gt(text.len, 0, "%s", path);
	REFUSED(decrypt_message(&ring, bytes_of_buffer(&text), &decrypted, &fault),
		FAULT_UNDECRYPTABLE, NULL, "%s", path);
	REFUSED(parse_signed_message(bytes_of_buffer(&text), &message, &fault), FAULT_MALFORMED,
		NULL, "%s", path);
	clear_buffer(&text);
}

/* catalogue 3, 4, 6, 11 */
Test(rfc7520, refuses_every_serialisation_of_every_example)
{
	size_t outputs = 0;
	glob_t paths;

	cr_assert_eq(glob(COOKBOOK "jw[es]/*.json", 0, NULL, &paths), 0);
	cr_expect_eq(paths.gl_pathc, 21);
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		json_t *example = load_vectors(paths.gl_pathv[i]);
		const char *name;
		json_t *output;

		json_object_foreach(json_object_get(example, "output"), name, output)
		{
			refuse_output(paths.gl_pathv[i], output);
			outputs++;
		}
		json_decref(example);
	}
	cr_expect_eq(outputs, 54);
	globfree(&paths);
}

/* RFC 7520 section 4.1; 4.2, 4.3 and 4.4 are PS384, ES512 and HS256, which we do not have. */
Test(rfc7520, verifies_the_example_by_rs256)
{
	json_t *json = load_vectors(COOKBOOK "jws/4_1.rsa_v15_signature.json");
	struct public_key *key =
		read_public_jwk(json_object_get(json_object_get(json, "input"), "key"));
	struct buffer jws = read_compact(json);

	cr_assert_not_null(key);
	cr_expect(verify_parts(bytes_of_buffer(&jws), key, SIGNATURE_RS256));
	cr_expect_not(verify_parts(bytes_of_buffer(&jws), key, SIGNATURE_PS256));
	free_public_key(&key);
	clear_buffer(&jws);
	json_decref(json);
}

/* RFC 7520 section 6: the inner PS256 signature verifies; the outer RSA-OAEP is refused. */
Test(rfc7520, verifies_the_nested_example)
{
	json_t *json = load_vectors(COOKBOOK "6.nesting_signatures_and_encryption.json");
	const json_t *jwk =
		json_object_get(json_object_get(json_object_get(json, "sign"), "input"), "key");
	struct public_key *key = read_public_jwk(jwk);
	struct buffer jws = read_compact(json_object_get(json, "sign"));
	struct buffer jwe = read_compact(json_object_get(json, "encrypt"));
	const struct key_ring ring = {0};

	cr_assert_gt(jws.len, 0);
	cr_expect(verify_parts(bytes_of_buffer(&jws), key, SIGNATURE_PS256));
	cr_expect_not(verify_parts(bytes_of_buffer(&jws), key, SIGNATURE_RS256));
	cr_assert_gt(jwe.len, 0);
	REFUSED(decrypt_message(&ring, bytes_of_buffer(&jwe), &(struct decrypted_message){0},
				&fault),
		FAULT_UNDECRYPTABLE, "RSA-OAEP");
	free_public_key(&key);
	clear_buffer(&jws);
	clear_buffer(&jwe);
	json_decref(json);
}
