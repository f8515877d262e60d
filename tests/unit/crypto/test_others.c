/* JWE and JWS objects that others made: what we open, and what we refuse without harm. */
#include "common/crypto/aes.h"
#include "common/crypto/base64.h"
#include "common/crypto/compact.h"
#include "common/crypto/message.h"
#include "common/crypto/signed_message.h"
#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct buffer octets_of(const char *base64url)
{
	struct buffer octets = {0};
	struct fault fault = {0};

	cr_assert_eq(decode_base64url(bytes_of_string(base64url), &octets, &fault), 0, "%s",
		     base64url);
	return octets;
}

static void strip_line_end(struct buffer *text)
{
	while (text->len > 0 && strchr("\r\n", (char)text->data[text->len - 1]) != NULL)
		text->data[--text->len] = '\0';
}

/* Opens a compact A256KW + A256GCM JWE by its parts: others' have no kid, which we insist on. */
static struct buffer open_compact(struct bytes text, struct bytes kek)
{
	struct bytes parts[COMPACT_PARTS_MAX];
	struct buffer octets[COMPACT_PARTS_MAX] = {{0}};
	struct buffer plaintext = {0};
	uint8_t content_key[CONTENT_KEY_LEN];
	struct fault fault = {0};

	cr_assert_eq(split_compact(text, 5, parts, &fault), 0, "%s", fault.text);
	for (size_t i = 0; i < COMPACT_PARTS_MAX; i++)
		cr_assert_eq(decode_base64url(parts[i], &octets[i], &fault), 0, "%s", fault.text);
	cr_assert_eq(octets[1].len, WRAPPED_KEY_LEN);
	cr_assert(unwrap_key(kek.data, octets[1].data, content_key));
	cr_assert(open_sealed(content_key,
			      &(const struct sealed){octets[2].data, parts[0],
						     bytes_of_buffer(&octets[3]), octets[4].data},
			      extend_buffer(&plaintext, octets[3].len)));
	for (size_t i = 0; i < COMPACT_PARTS_MAX; i++)
		clear_buffer(&octets[i]);
	return plaintext;
}

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

/* A public key of a JWK, by way of GnuTLS; NULL when it is none of our types. */
static struct public_key *read_public_jwk(const json_t *jwk)
{
	struct buffer a = octets_of(text_member(jwk, "x"));
	struct buffer b = octets_of(text_member(jwk, "y"));
	gnutls_datum_t x = {a.data, (unsigned int)a.len};
	gnutls_datum_t y = {b.data, (unsigned int)b.len};
	gnutls_datum_t der = {0};
	gnutls_pubkey_t handle;
	struct public_key *key = NULL;
	struct fault fault = {0};

	cr_assert_eq(gnutls_pubkey_init(&handle), 0);
	cr_assert_eq(gnutls_pubkey_import_ecc_raw(handle, GNUTLS_ECC_CURVE_SECP256R1, &x, &y), 0);
	cr_assert_eq(gnutls_pubkey_export2(handle, GNUTLS_X509_FMT_DER, &der), 0);
	cr_assert_eq(parse_public_key((struct bytes){der.data, der.size}, &key, &fault), 0, "%s",
		     fault.text);
	gnutls_free(der.data);
	gnutls_pubkey_deinit(handle);
	clear_buffer(&a);
	clear_buffer(&b);
	return key;
}

/* Verifies a JWS by its parts, whatever its header says besides alg. */
static bool verify_parts(struct bytes jws, const struct public_key *key,
			 enum signature_algorithm algorithm)
{
	struct bytes parts[COMPACT_PARTS_MAX];
	struct buffer signature = {0};
	struct buffer payload = {0};
	struct verdict verdict = {0};
	struct fault fault = {0};
	bool good = split_compact(jws, 3, parts, &fault) == 0 &&
		    decode_base64url(parts[2], &signature, &fault) == 0 &&
		    decode_base64url(parts[1], &payload, &fault) == 0;

	if (good)
		cr_assert_eq(verify_data(key, algorithm,
					 (struct bytes){jws.data, jws.len - parts[2].len - 1},
					 bytes_of_buffer(&signature), &verdict, &fault),
			     0);
	clear_buffer(&signature);
	clear_buffer(&payload);
	return good && !verdict.invalid;
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

/* A ring with the key of a file under a kid; its alg is not looked at. */
static struct key_ring make_ring(struct bytes k, const char *kid)
{
	struct key_ring ring = {0};
	struct shared_key key = {0};
	struct fault fault = {0};

	cr_assert_eq(k.len, SHARED_KEY_LEN);
	memcpy(key.key, k.data, SHARED_KEY_LEN);
	memcpy(key.kid, kid, strlen(kid) + 1);
	cr_assert_eq(add_peer_key(&ring, "peer", &key, &fault), 0);
	return ring;
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

/* Case 29 alone has our algorithms, and no kid: it opens by its parts. All are refused whole. */
static void run_jwe_case(const json_t *private, const json_t *test)
{
	const char *jwe = json_string_value(json_object_get(test, "jwe"));
	const char *k = json_string_value(json_object_get(private, "k"));
	const char *kid = json_string_value(json_object_get(private, "kid"));
	struct key_ring ring = {0};
	struct decrypted_message message = {0};
	struct fault fault = {0};
	struct buffer key = {0};

	if (k != NULL && kid != NULL)
		key = octets_of(k);
	if (key.len == SHARED_KEY_LEN && valid_name(kid))
		ring = make_ring(bytes_of_buffer(&key), kid);
	if (jwe == NULL)
		jwe = "{\"recipients\":[]}"; /* the JSON serialisation */
	cr_expect_eq(decrypt_message(&ring, bytes_of_string(jwe), &message, &fault), -1, "%s", jwe);
	cr_expect_eq(fault.class, FAULT_UNDECRYPTABLE);
	if (json_integer_value(json_object_get(test, "tcId")) == 29) {
		struct buffer expected = hex_member(test, "pt");
		struct buffer plaintext = open_compact(bytes_of_string(jwe), bytes_of_buffer(&key));

		cr_expect(strstr(fault.text, "kid") != NULL, "%s", fault.text);
		cr_expect(equal_bytes(bytes_of_buffer(&plaintext), bytes_of_buffer(&expected)));
		clear_buffer(&expected);
		clear_buffer(&plaintext);
	}
	clear_key_ring(&ring);
	clear_buffer(&key);
}

/* catalogue 1 to 5, 11 to 13 */
Test(others, agrees_with_wycheproof_jwe)
{
	json_t *suite = load_vectors("tests/vectors/wycheproof/json_web_encryption_test.json");
	struct tally tally = {.suite = "Wycheproof JWE"};
	size_t i;
	size_t j;
	json_t *group;
	json_t *test;

	json_array_foreach(json_object_get(suite, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, test)
		{
			run_jwe_case(json_object_get(group, "private"), test);
			tally.run++;
		}
	}
	report_tally(&tally, 139, 139);
	json_decref(suite);
}

/* The key of a JWS group when it is EC P-256 for signatures by ES256; NULL otherwise. */
static struct public_key *read_group_key(const json_t *group)
{
	const json_t *jwk = json_object_get(group, "public");
	const char *alg = json_string_value(json_object_get(jwk, "alg"));

	if (alg == NULL || strcmp(alg, "ES256") != 0)
		return NULL;
	return read_public_jwk(jwk);
}

static void run_jws_case(const struct public_key *key, const json_t *test, struct tally *tally)
{
	const char *jws = json_string_value(json_object_get(test, "jws"));
	bool valid = strcmp(text_member(test, "result"), "valid") == 0;
	struct signed_message message = {0};
	struct fault fault = {0};

	if (jws == NULL) {
		skip(tally, "JSON serialisation");
		return;
	}
	/* None has our header: each is refused whole, without harm. */
	cr_expect_eq(parse_signed_message(bytes_of_string(jws), &message, &fault), -1, "%s", jws);
	cr_expect_eq(fault.class, FAULT_MALFORMED);
	if (key == NULL) {
		skip(tally, "an algorithm other than ES256: refused whole");
		return;
	}
	cr_expect_eq(verify_parts(bytes_of_string(jws), key, SIGNATURE_ES256), valid, "case %d",
		     (int)json_integer_value(json_object_get(test, "tcId")));
	tally->run++;
}

/* catalogue 1, 2, 12, 20 */
Test(others, agrees_with_wycheproof_jws)
{
	static const struct {
		const char *path;
		size_t run;
		size_t total;
	} suites[] = {
		{"tests/vectors/wycheproof/json_web_signature_test.json", 39, 401},
		{"tests/vectors/wycheproof/json_web_crypto_test.json", 15, 83},
		{"tests/vectors/wycheproof/json_web_key_test.json", 0, 26},
	};

	for (size_t s = 0; s < COUNT_OF(suites); s++) {
		json_t *suite = load_vectors(suites[s].path);
		struct tally tally = {.suite = suites[s].path};
		size_t i;
		size_t j;
		json_t *group;
		json_t *test;

		json_array_foreach(json_object_get(suite, "testGroups"), i, group)
		{
			struct public_key *key = read_group_key(group);

			json_array_foreach(json_object_get(group, "tests"), j, test)
				run_jws_case(key, test, &tally);
			free_public_key(&key);
		}
		report_tally(&tally, suites[s].run, suites[s].total);
		json_decref(suite);
	}
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

/* The public key of the cookbook's RSA JWK. */
static struct public_key *read_rsa_jwk(const json_t *jwk)
{
	struct buffer n = octets_of(text_member(jwk, "n"));
	struct buffer e = octets_of(text_member(jwk, "e"));
	gnutls_datum_t modulus = {n.data, (unsigned int)n.len};
	gnutls_datum_t exponent = {e.data, (unsigned int)e.len};
	gnutls_datum_t der = {0};
	gnutls_pubkey_t handle;
	struct public_key *key = NULL;
	struct fault fault = {0};

	cr_assert_eq(gnutls_pubkey_init(&handle), 0);
	cr_assert_eq(gnutls_pubkey_import_rsa_raw(handle, &modulus, &exponent), 0);
	cr_assert_eq(gnutls_pubkey_export2(handle, GNUTLS_X509_FMT_DER, &der), 0);
	cr_assert_eq(parse_public_key((struct bytes){der.data, der.size}, &key, &fault), 0, "%s",
		     fault.text);
	gnutls_free(der.data);
	gnutls_pubkey_deinit(handle);
	clear_buffer(&n);
	clear_buffer(&e);
	return key;
}

/* RFC 7520 section 6: the inner PS256 signature verifies; the outer RSA-OAEP is refused. */
Test(others, verifies_the_nested_example_of_rfc_7520)
{
	static const char path[] = COOKBOOK "6.nesting_signatures_and_encryption.json";
	json_t *json = load_vectors(path);
	const json_t *jwk =
		json_object_get(json_object_get(json_object_get(json, "sign"), "input"), "key");
	struct public_key *key = read_rsa_jwk(jwk);
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
