/* JWE and JWS objects that others made: what we open, and what we refuse without harm. */
#include "common/crypto/message.h"
#include "common/crypto/signed_message.h"
#include "tests/unit/crypto/jose_objects.h"

#include <criterion/criterion.h>
#include <string.h>

static struct buffer open_file(const char *path, const char *key_path)
{
	struct buffer text = load_text(path);
	json_t *jwk = load_vectors(key_path);
	struct buffer kek = octets_of(text_member(jwk, "k"));
	struct buffer plaintext;

	strip_line_end(&text);
	plaintext = open_compact(bytes_of_buffer(&text), bytes_of_buffer(&kek));
	clear_buffer(&text);
	clear_buffer(&kek);
	json_decref(jwk);
	return plaintext;
}

#define JOSE "tests/vectors/jose/"

Test(others, opens_what_the_jose_tool_and_npm_jose_encrypted)
{
	static const char *const paths[] = {JOSE "cli-a256kw-a256gcm.compact.jwe",
					    JOSE "npm-a256kw-a256gcm.compact.jwe"};
	struct buffer expected = load_text(JOSE "plain.json");

	strip_line_end(&expected);
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct buffer plaintext = open_file(paths[i], JOSE "kek.jwk");

		strip_line_end(&plaintext);
		cr_expect_str_eq((char *)plaintext.data, (char *)expected.data, "%s", paths[i]);
		clear_buffer(&plaintext);
	}
	clear_buffer(&expected);
}

Test(others, finds_the_signed_message_inside_what_npm_jose_nested)
{
	static const char *const rows[][2] = {
		{JOSE "npm-nested-x5c.compact.jwe", JOSE "inner-x5c.jws"},
		{JOSE "npm-nested-x5t.compact.jwe", JOSE "inner-x5t.jws"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer inner = open_file(rows[i][0], JOSE "kek.jwk");
		struct buffer expected = load_text(rows[i][1]);

		strip_line_end(&expected);
		cr_expect_str_eq((char *)inner.data, (char *)expected.data);
		clear_buffer(&inner);
		clear_buffer(&expected);
	}
}

Test(others, verifies_what_npm_jose_signed)
{
	json_t *jwk = load_vectors(JOSE "signer.pub.jwk");
	struct public_key *key = read_public_jwk(jwk);
	static const char *const paths[] = {JOSE "inner-x5c.jws", JOSE "inner-x5t.jws"};

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct buffer jws = load_text(paths[i]);

		strip_line_end(&jws);
		cr_expect(verify_parts(bytes_of_buffer(&jws), key, SIGNATURE_ES256), "%s",
			  paths[i]);
		jws.data[jws.len / 2] ^= 1;
		cr_expect_not(verify_parts(bytes_of_buffer(&jws), key, SIGNATURE_ES256));
		clear_buffer(&jws);
	}
	free_public_key(&key);
	json_decref(jwk);
}

/* catalogue 7, 11, 15 */
Test(others, refuses_jose_objects_of_other_kinds)
{
	static const char *const paths[] = {
		JOSE "cli-dir-a256gcm.compact.jwe",       JOSE "npm-dir-a256gcm.compact.jwe",
		JOSE "cli-a256kw-a256gcm.flattened.json", JOSE "npm-a256kw-a256gcm.flattened.json",
		JOSE "npm-a256kw-a256gcm.general.json",   JOSE "critjwe.jwe",
		JOSE "cli-a256kw-a256gcm.compact.jwe", /* no kid */
		JOSE "npm-nested-x5c.compact.jwe",     /* aud and jti in the JWE's header */
	};
	json_t *jwk = load_vectors(JOSE "kek.jwk");
	struct buffer k = octets_of(text_member(jwk, "k"));
	struct key_ring ring = make_ring(bytes_of_buffer(&k), "link-1");
	struct buffer crit = load_text(JOSE "crit.jws");
	struct fault fault = {0};

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct buffer jwe = load_text(paths[i]);
		struct decrypted_message message = {0};

		fault = (struct fault){0};
		strip_line_end(&jwe);
		cr_expect_eq(decrypt_message(&ring, bytes_of_buffer(&jwe), &message, &fault), -1,
			     "%s", paths[i]);
		cr_expect_eq(fault.class, FAULT_UNDECRYPTABLE);
		clear_buffer(&jwe);
	}
	strip_line_end(&crit);
	fault = (struct fault){0};
	cr_expect_eq(
		parse_signed_message(bytes_of_buffer(&crit), &(struct signed_message){0}, &fault),
		-1);
	cr_expect(strstr(fault.text, "crit") != NULL, "%s", fault.text);
	clear_buffer(&crit);
	clear_key_ring(&ring);
	clear_buffer(&k);
	json_decref(jwk);
}

#define COOKBOOK "tests/vectors/rfc7520/"

static struct buffer cookbook_output(const char *path, const char *part)
{
	json_t *json = load_vectors(path);
	json_t *scope = part == NULL ? json : json_object_get(json, part);
	const char *compact =
		json_string_value(json_object_get(json_object_get(scope, "output"), "compact"));
	struct buffer text = {0};

	append_string(&text, compact != NULL ? compact : "");
	json_decref(json);
	return text;
}

/* catalogue 3, 4, 6 */
Test(others, refuses_the_other_algorithms_of_rfc_7520)
{
	static const char *const jwes[] = {
		COOKBOOK "jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2.json",
		COOKBOOK "jwe/5_2.key_encryption_using_rsa-oaep_with_aes-gcm.json",
		COOKBOOK "jwe/5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2.json",
		COOKBOOK "jwe/5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_"
			 "with_aes-gcm.json",
		COOKBOOK "jwe/5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2.json",
		COOKBOOK "jwe/5_6.direct_encryption_using_aes-gcm.json",
		COOKBOOK "jwe/5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2.json",
		COOKBOOK "jwe/5_8.key_wrap_using_aes-keywrap_with_aes-gcm.json", /* A128KW */
		COOKBOOK "jwe/5_9.compressed_content.json",
	};
	static const char *const jwss[] = {
		COOKBOOK "jws/4_1.rsa_v15_signature.json",
		COOKBOOK "jws/4_2.rsa-pss_signature.json",
		COOKBOOK "jws/4_3.ecdsa_signature.json",
		COOKBOOK "jws/4_4.hmac-sha2_integrity_protection.json",
	};
	const struct key_ring ring = {0};

	for (size_t i = 0; i < COUNT_OF(jwes); i++) {
		struct buffer text = cookbook_output(jwes[i], NULL);
		struct fault fault = {0};

		cr_expect_gt(text.len, 0, "%s", jwes[i]);
		cr_expect_eq(decrypt_message(&ring, bytes_of_buffer(&text),
					     &(struct decrypted_message){0}, &fault),
			     -1);
		cr_expect_eq(fault.class, FAULT_UNDECRYPTABLE);
		clear_buffer(&text);
	}
	for (size_t i = 0; i < COUNT_OF(jwss); i++) {
		struct buffer text = cookbook_output(jwss[i], NULL);
		struct fault fault = {0};

		cr_expect_gt(text.len, 0, "%s", jwss[i]);
		cr_expect_eq(parse_signed_message(bytes_of_buffer(&text),
						  &(struct signed_message){0}, &fault),
			     -1);
		cr_expect_eq(fault.class, FAULT_MALFORMED);
		clear_buffer(&text);
	}
}

/* RFC 7520 section 6: the inner PS256 signature verifies; the outer RSA-OAEP is refused. */
Test(others, verifies_the_nested_example_of_rfc_7520)
{
	static const char path[] = COOKBOOK "6.nesting_signatures_and_encryption.json";
	json_t *json = load_vectors(path);
	const json_t *jwk =
		json_object_get(json_object_get(json_object_get(json, "sign"), "input"), "key");
	struct public_key *key = read_public_jwk(jwk);
	struct buffer jws = cookbook_output(path, "sign");
	struct buffer jwe = cookbook_output(path, "encrypt");
	const struct key_ring ring = {0};
	struct fault fault = {0};

	cr_assert_gt(jws.len, 0);
	cr_expect(verify_parts(bytes_of_buffer(&jws), key, SIGNATURE_PS256));
	cr_expect_not(verify_parts(bytes_of_buffer(&jws), key, SIGNATURE_RS256));
	cr_assert_gt(jwe.len, 0);
	cr_expect_eq(decrypt_message(&ring, bytes_of_buffer(&jwe), &(struct decrypted_message){0},
				     &fault),
		     -1);
	cr_expect(strstr(fault.text, "RSA-OAEP") != NULL, "%s", fault.text);
	free_public_key(&key);
	clear_buffer(&jws);
	clear_buffer(&jwe);
	json_decref(json);
}
