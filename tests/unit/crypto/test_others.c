/* JWE and JWS objects of other programs: which we accept, and which we refuse without harm. */
#include "common/crypto/message.h"
#include "common/crypto/signed_message.h"
#include "tests/support/expect.h"
#include "tests/unit/crypto/jose_objects.h"

#include <criterion/criterion.h>

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

Test(others, decrypts_objects_of_the_jose_tool_and_npm_jose)
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

Test(others, finds_the_signed_message_in_a_nested_object_of_npm_jose)
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

Test(others, verifies_signatures_of_npm_jose)
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

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct buffer jwe = load_text(paths[i]);
		struct decrypted_message message = {0};

		strip_line_end(&jwe);
		REFUSED(decrypt_message(&ring, bytes_of_buffer(&jwe), &message, &fault),
			FAULT_UNDECRYPTABLE, NULL, "%s", paths[i]);
		clear_buffer(&jwe);
	}
	strip_line_end(&crit);
	REFUSED(parse_signed_message(bytes_of_buffer(&crit), &(struct signed_message){0}, &fault),
		FAULT_MALFORMED, "crit");
	clear_buffer(&crit);
	clear_key_ring(&ring);
	clear_buffer(&k);
	json_decref(jwk);
}
