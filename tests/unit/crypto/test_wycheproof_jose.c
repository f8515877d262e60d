/* Wycheproof's JWE, JWS and JWK cases, against what we have of JOSE. */
#include "common/crypto/jws_compact.h"
#include "common/crypto/message.h"
#include "common/crypto/signed_message.h"
#include "tests/support/expect.h"
#include "tests/unit/crypto/jose_objects.h"

#include <criterion/criterion.h>
#include <string.h>

#define WYCHEPROOF "tests/vectors/wycheproof/"

/* Opens the case that has our algorithms by its parts, as it has no kid. */
static void open_case(const char *jwe, const json_t *private, const json_t *test)
{
	struct buffer key = octets_of(text_member(private, "k"));
	struct buffer expected = hex_member(test, "pt");
	struct buffer plaintext = open_compact(bytes_of_string(jwe), bytes_of_buffer(&key));

	cr_expect(equal_bytes(bytes_of_buffer(&plaintext), bytes_of_buffer(&expected)));
	clear_buffer(&expected);
	clear_buffer(&plaintext);
	clear_buffer(&key);
}

/* A ring with the group's key, when it is one of ours. */
static struct key_ring make_group_ring(const json_t *private)
{
	const char *k = json_string_value(json_object_get(private, "k"));
	const char *kid = json_string_value(json_object_get(private, "kid"));
	struct key_ring ring = {0};
	struct buffer key = {0};

	if (k != NULL && kid != NULL)
		key = octets_of(k);
	if (key.len == SHARED_KEY_LEN && valid_name(kid))
		ring = make_ring(bytes_of_buffer(&key), kid);
	clear_buffer(&key);
	return ring;
}

/* All are refused whole: the one valid case with our algorithms for want of a kid. */
static void run_jwe_case(const json_t *private, const json_t *test, struct tally *tally)
{
	const char *jwe = json_string_value(json_object_get(test, "jwe"));
	bool valid = strcmp(text_member(test, "result"), "valid") == 0;
	struct key_ring ring = make_group_ring(private);
	struct decrypted_message message = {0};

	REFUSED(decrypt_message(&ring, bytes_of_string(jwe), &message, &fault), FAULT_UNDECRYPTABLE,
		NULL, "%s", jwe);
	if (valid && strstr(last_refusal()->text, "kid: expected") == NULL) {
		skip(tally, "valid, by an algorithm that we refuse");
	} else {
		if (valid)
			open_case(jwe, private, test);
		tally->run++;
	}
	clear_key_ring(&ring);
}

/* The one key of a group, which may be a set of one; NULL for sets of several. */
static const json_t *find_jwk(const json_t *group)
{
	const json_t *jwk = json_object_get(group, "public");
	const json_t *keys;

	if (jwk == NULL)
		jwk = json_object_get(group, "private");
	keys = json_object_get(jwk, "keys");
	if (keys == NULL)
		return jwk;
	return json_array_size(keys) == 1 ? json_array_get(keys, 0) : NULL;
}

/* The alg of a header in which nothing stands but what a JWS of ours may have; false when refused.
 */
static bool read_algorithm(const char *jws, enum signature_algorithm *ret_algorithm)
{
	static const char *const allowed[] = {"alg", "kid", "typ", "cty", NULL};
	CLEANUP(free_json) json_t *header = NULL;
	struct bytes parts[COMPACT_PARTS_MAX];
	struct fault fault = {0};
	const char *alg;

	if (split_compact(bytes_of_string(jws), 3, parts, &fault) < 0 ||
	    parse_header(parts[0], allowed, &header, &fault) < 0)
		return false;
	alg = get_string(header, "alg");
	return alg != NULL && parse_signature_algorithm(alg, ret_algorithm, &fault) == 0;
}

/* Whether the JWK lets its key be used so: alg, use, kty and crv are of a format we do not read. */
static bool jwk_allows(const json_t *jwk, enum signature_algorithm algorithm)
{
	const char *alg = json_string_value(json_object_get(jwk, "alg"));
	const char *use = json_string_value(json_object_get(jwk, "use"));
	const char *crv = json_string_value(json_object_get(jwk, "crv"));
	const char *kty = json_string_value(json_object_get(jwk, "kty"));

	return alg != NULL && strcmp(alg, format_signature_algorithm(algorithm)) == 0 &&
	       (use == NULL || strcmp(use, "sig") == 0) &&
	       (crv == NULL || strcmp(crv, "P-256") == 0) && kty != NULL &&
	       strcmp(kty, crv != NULL ? "EC" : "RSA") == 0;
}

static bool judge_jws(const char *jws, const json_t *jwk, enum signature_algorithm algorithm)
{
	struct public_key *key;
	bool good;

	if (json_object_get(jwk, "n") == NULL && json_object_get(jwk, "x") == NULL)
		return false;
	key = read_public_jwk(jwk);
	good = key != NULL && verify_parts(bytes_of_string(jws), key, algorithm);
	free_public_key(&key);
	return good;
}

static void run_jws_case(const json_t *jwk, const json_t *test, struct tally *tally)
{
	const char *jws = json_string_value(json_object_get(test, "jws"));
	bool valid = strcmp(text_member(test, "result"), "valid") == 0;
	enum signature_algorithm algorithm = SIGNATURE_ES256;
	struct signed_message message = {0};
	bool readable = read_algorithm(jws, &algorithm);
	bool good = readable && judge_jws(jws, jwk, algorithm);

	/* None has our header: each is refused whole, without harm. */
	REFUSED(parse_signed_message(bytes_of_string(jws), &message, &fault), FAULT_MALFORMED, NULL,
		"%s", jws);
	if (valid && !readable) {
		skip(tally, "valid, by an algorithm that we refuse");
	} else if (good && !jwk_allows(jwk, algorithm)) {
		skip(tally, "a rule of public JWKs, which we do not read");
	} else {
		cr_expect_eq(good, valid, "%s: case %d", tally->suite,
			     (int)json_integer_value(json_object_get(test, "tcId")));
		tally->run++;
	}
}

static void run_group(const json_t *group, struct tally *tally)
{
	size_t i;
	json_t *test;

	json_array_foreach(json_object_get(group, "tests"), i, test)
	{
		if (json_is_string(json_object_get(test, "jws")))
			run_jws_case(find_jwk(group), test, tally);
		else if (json_is_string(json_object_get(test, "jwe")))
			run_jwe_case(json_object_get(group, "private"), test, tally);
		else
			skip(tally, "JSON serialisation");
	}
}

/* catalogue 1-5, 11-13, 20, 45 */
Test(wycheproof_jose, agrees_with_what_we_do)
{
	static const struct {
		const char *path;
		size_t run;
		size_t total;
	} suites[] = {
		{WYCHEPROOF "json_web_encryption_test.json", 75, 139},
		{WYCHEPROOF "json_web_signature_test.json", 365, 401},
		{WYCHEPROOF "json_web_crypto_test.json", 77, 83},
		{WYCHEPROOF "json_web_key_test.json", 16, 26},
	};

	for (size_t s = 0; s < COUNT_OF(suites); s++) {
		json_t *suite = load_vectors(suites[s].path);
		struct tally tally = {.suite = suites[s].path};
		size_t i;
		json_t *group;

		json_array_foreach(json_object_get(suite, "testGroups"), i, group)
			run_group(group, &tally);
		report_tally(&tally, suites[s].run, suites[s].total);
		json_decref(suite);
	}
}
