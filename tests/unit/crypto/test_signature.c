#include "common/crypto/signature.h"

#include "tests/support/expect.h"
#include "tests/support/gnutls_objects.h"
#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>
#include <nettle/bignum.h>
#include <nettle/nettle-meta.h>
#include <nettle/pss.h>
#include <nettle/rsa.h>
#include <string.h>

/* In the form that a JWS has. */
static bool judge_jose(const struct public_key *key, enum signature_algorithm algorithm,
		       struct bytes data, struct bytes signature)
{
	struct verdict verdict = {0};

	OK(verify_data(key, algorithm, data, signature, &verdict, &fault));
	cr_expect_eq(verdict.invalid, verdict.reason[0] != '\0');
	return !verdict.invalid;
}

/* In the form that an X.509 object has. */
static bool judge_object(const struct public_key *key, enum digest_algorithm digest,
			 struct bytes data, struct bytes signature)
{
	struct verdict verdict = {0};

	OK(verify_object_data(key, digest, data, signature, &verdict, &fault));
	cr_expect_eq(verdict.invalid, verdict.reason[0] != '\0');
	cr_expect(verdict.invalid || canonical_signature(public_key_type(key), signature));
	return !verdict.invalid;
}

/* A file of vectors, and how it is put to our functions. */
struct suite {
	const char *path;
	bool in_object;
	enum signature_algorithm algorithm; /* when not in an object, */
	enum digest_algorithm digest;       /* and when in one */
	size_t run;
	size_t acceptable; /* of these */
	size_t total;
};

static bool has_flag(const json_t *test, const char *name)
{
	size_t i;
	json_t *flag;

	json_array_foreach(json_object_get(test, "flags"), i,
			   flag) if (strcmp(json_string_value(flag), name) == 0) return true;
	return false;
}

/* "acceptable" is a DigestInfo without its NULL (RFC 8017 appendix A.2.4), which we do not take. */
static void run_case(const struct suite *suite, const struct public_key *key, const json_t *test,
		     struct tally *tally)
{
	const char *result = text_member(test, "result");
	const bool valid = strcmp(result, "valid") == 0;
	struct buffer message = hex_member(test, "msg");
	struct buffer signature = hex_member(test, "sig");
	struct bytes data = bytes_of_buffer(&message);
	struct bytes octets = bytes_of_buffer(&signature);

	if (valid && has_flag(test, "PointDuplication")) {
		skip(tally, "valid, but Nettle's addition does not have two equal points, which no "
			    "signer meets by chance");
	} else {
		bool good = suite->in_object ? judge_object(key, suite->digest, data, octets)
					     : judge_jose(key, suite->algorithm, data, octets);

		cr_expect_eq(good, valid, "%s: case %d, %s", suite->path,
			     (int)json_integer_value(json_object_get(test, "tcId")), result);
		tally->run++;
		tally->acceptable += strcmp(result, "acceptable") == 0;
	}
	clear_buffer(&message);
	clear_buffer(&signature);
}

static void run_group(const struct suite *suite, const json_t *group, struct tally *tally)
{
	struct buffer spki = hex_member(group, "publicKeyDer");
	struct public_key *key = NULL;
	struct fault fault = {0};
	int parsed = parse_public_key(bytes_of_buffer(&spki), &key, &fault);
	size_t i;
	json_t *test;

	if (parsed < 0)
		cr_expect(strstr(fault.text, "expected an odd exponent") != NULL, "%s: %s",
			  suite->path, fault.text);
	json_array_foreach(json_object_get(group, "tests"), i, test)
	{
		if (parsed < 0)
			skip(tally, "valid, under a key of exponent 3, which we refuse");
		else
			run_case(suite, key, test, tally);
	}
	free_public_key(&key);
	clear_buffer(&spki);
}

static void run_suite(const struct suite *suite)
{
	json_t *vectors = load_vectors(suite->path);
	struct tally tally = {.suite = suite->path};
	size_t i;
	json_t *group;

	json_array_foreach(json_object_get(vectors, "testGroups"), i, group)
		run_group(suite, group, &tally);
	report_tally(&tally, suite->run, suite->total);
	cr_expect_eq(tally.acceptable, suite->acceptable, "%s: %zu acceptable", suite->path,
		     tally.acceptable);
	json_decref(vectors);
}

#define SUITE(name, ...)                                                                           \
	run_suite(&(const struct suite){.path = "tests/vectors/wycheproof/" name "_test.json",     \
					__VA_ARGS__})
#define JOSE(name, with, ran, left_open, all)                                                      \
	SUITE(name, .algorithm = (with), .run = (ran), .acceptable = (left_open), .total = (all))
#define OBJECT(name, with, ran, left_open, all)                                                    \
	SUITE(name, .in_object = true, .digest = (with), .run = (ran), .acceptable = (left_open),  \
	      .total = (all))

/* catalogue 20 */
Test(signature, agrees_with_wycheproof_ecdsa_p1363)
{
	JOSE("ecdsa_secp256r1_sha256_p1363", SIGNATURE_ES256, 261, 0, 262);
	JOSE("ecdsa_secp384r1_sha384_p1363", SIGNATURE_ES384, 279, 0, 280);
}

/* catalogue 51: a certificate's signature may be with another digest than the curve's own */
Test(signature, agrees_with_wycheproof_ecdsa_der)
{
	OBJECT("ecdsa_secp256r1_sha256", DIGEST_SHA256, 483, 0, 484);
	OBJECT("ecdsa_secp256r1_sha512", DIGEST_SHA512, 553, 0, 554);
	OBJECT("ecdsa_secp384r1_sha256", DIGEST_SHA256, 471, 0, 472);
	OBJECT("ecdsa_secp384r1_sha384", DIGEST_SHA384, 503, 0, 504);
	OBJECT("ecdsa_secp384r1_sha512", DIGEST_SHA512, 541, 0, 542);
}

Test(signature, agrees_with_wycheproof_ed25519)
{
	JOSE("ed25519", SIGNATURE_EDDSA, 151, 0, 151);
	OBJECT("ed25519", DIGEST_SHA512, 151, 0, 151);
}

Test(signature, agrees_with_wycheproof_rsa_pkcs1)
{
	JOSE("rsa_signature_2048_sha256", SIGNATURE_RS256, 257, 1, 259);
	JOSE("rsa_signature_3072_sha256", SIGNATURE_RS256, 258, 1, 259);
	JOSE("rsa_signature_4096_sha256", SIGNATURE_RS256, 258, 1, 258);
	OBJECT("rsa_signature_2048_sha256", DIGEST_SHA256, 257, 1, 259);
	OBJECT("rsa_signature_2048_sha384", DIGEST_SHA384, 258, 1, 258);
	OBJECT("rsa_signature_2048_sha512", DIGEST_SHA512, 258, 1, 259);
	OBJECT("rsa_signature_3072_sha256", DIGEST_SHA256, 258, 1, 259);
	OBJECT("rsa_signature_3072_sha384", DIGEST_SHA384, 259, 1, 259);
	OBJECT("rsa_signature_3072_sha512", DIGEST_SHA512, 259, 1, 260);
	OBJECT("rsa_signature_4096_sha256", DIGEST_SHA256, 258, 1, 258);
	OBJECT("rsa_signature_4096_sha384", DIGEST_SHA384, 259, 1, 259);
	OBJECT("rsa_signature_4096_sha512", DIGEST_SHA512, 259, 1, 259);
}

Test(signature, agrees_with_wycheproof_rsa_pss)
{
	JOSE("rsa_pss_2048_sha256_mgf1_32", SIGNATURE_PS256, 108, 0, 108);
	JOSE("rsa_pss_3072_sha256_mgf1_32", SIGNATURE_PS256, 108, 0, 108);
	JOSE("rsa_pss_4096_sha256_mgf1_32", SIGNATURE_PS256, 108, 0, 108);
}

/* catalogue 1, 2, 3 */
Test(signature, refuses_algorithms_that_we_do_not_have)
{
	static const char *const names[] = {"none",  "None",  "NONE",   "nOnE",  "",      "HS256",
					    "HS512", "RS1",   "ES256K", "ES512", "es256", "RSA1_5",
					    "RS384", "RS512", "PS384",  "PS512"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		enum signature_algorithm algorithm;

		REFUSED(parse_signature_algorithm(names[i], &algorithm, &fault), FAULT_MALFORMED,
			"expected ES256", "%s", names[i]);
	}
}

/* catalogue 2: the algorithm must fit the key */
Test(signature, refuses_an_algorithm_of_another_kind_of_key)
{
	for (unsigned int type = KEY_ECDSA_P256; type <= KEY_RSA_2048; type++) {
		struct private_key *key = NULL;
		struct public_key *public = NULL;
		struct fault fault = {0};

		cr_assert_eq(generate_private_key((enum key_type)type, &key, &fault), 0);
		cr_assert_eq(get_public_key(key, &public, &fault), 0);
		for (unsigned int i = 0; i < SIGNATURE_ALGORITHM_COUNT; i++) {
			enum signature_algorithm algorithm = (enum signature_algorithm)i;
			bool fits = signature_algorithm_fits(algorithm, (enum key_type)type);
			struct buffer signature = {0};
			struct verdict verdict = {0};

			fault = (struct fault){0};
			cr_expect_eq(
				sign_data(key, algorithm, bytes_of_string("M"), &signature, &fault),
				fits ? 0 : -1);
			if (!fits)
				cr_expect(strstr(fault.text, "does not go with") != NULL);
			append_string(&signature, "");
			fault = (struct fault){0};
			cr_assert_eq(verify_data(public, algorithm, bytes_of_string("M"),
						 bytes_of_buffer(&signature), &verdict, &fault),
				     0);
			cr_expect_eq(verdict.invalid, !fits, "%s with %s",
				     format_signature_algorithm(algorithm),
				     format_key_type((enum key_type)type));
			clear_buffer(&signature);
		}
		free_public_key(&public);
		free_private_key(&key);
	}
}

/* catalogue 20 */
Test(signature, refuses_another_length_and_numbers_out_of_range)
{
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
					  0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
	struct private_key *key = NULL;
	struct public_key *public = NULL;
	struct buffer good = {0};
	uint8_t changed[66] = {0};

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(get_public_key(key, &public, &fault));
	OK(sign_data(key, SIGNATURE_ES256, bytes_of_string("M"), &good, &fault));
	cr_assert_eq(good.len, 64);
	memcpy(changed, good.data, 64);
	for (size_t len = 0; len <= sizeof(changed); len++)
		cr_expect_eq(judge_jose(public, SIGNATURE_ES256, bytes_of_string("M"),
					(struct bytes){changed, len}),
			     len == 64, "%zu octets", len);
	for (int half = 0; half < 2; half++) {
		memcpy(changed, good.data, 64);
		memset(changed + half * 32, 0, 32);
		cr_expect_not(judge_jose(public, SIGNATURE_ES256, bytes_of_string("M"),
					 (struct bytes){changed, 64}));
		memcpy(changed + half * 32, order, 32);
		cr_expect_not(judge_jose(public, SIGNATURE_ES256, bytes_of_string("M"),
					 (struct bytes){changed, 64}));
	}
	memset(changed, 0, 64);
	cr_expect_not(judge_jose(public, SIGNATURE_ES256, bytes_of_string("M"),
				 (struct bytes){changed, 64}),
		      "CVE-2022-21449");
	clear_buffer(&good);
	free_public_key(&public);
	free_private_key(&key);
}

/* R and S of fewer octets, which GnuTLS gives now and then, are padded. */
Test(signature, has_a_fixed_length)
{
	struct private_key *key = NULL;
	struct public_key *public = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(get_public_key(key, &public, &fault));
	for (unsigned int i = 0; i < 1000; i++) {
		struct bytes data = {(const uint8_t *)&i, sizeof(i)};
		struct buffer signature = {0};

		OK(sign_data(key, SIGNATURE_ES256, data, &signature, &fault));
		cr_assert_eq(signature.len, 64);
		cr_assert(judge_jose(public, SIGNATURE_ES256, data, bytes_of_buffer(&signature)));
		clear_buffer(&signature);
	}
	free_public_key(&public);
	free_private_key(&key);
}

static void import_number(mpz_t number, gnutls_datum_t *datum)
{
	mpz_import(number, datum->size, 1, 1, 1, 0, datum->data);
	gnutls_free(datum->data);
}

/* The key as Nettle knows it, which makes salts of any length. */
static void export_rsa_key(const struct private_key *key, struct rsa_private_key *ret_key)
{
	gnutls_datum_t n = {0};
	gnutls_datum_t e = {0};
	gnutls_datum_t d = {0};
	gnutls_datum_t p = {0};
	gnutls_datum_t q = {0};
	gnutls_datum_t u = {0};
	gnutls_datum_t e1 = {0};
	gnutls_datum_t e2 = {0};

	CLEANUP(clear_secret) struct secret pem = {0};
	gnutls_privkey_t handle;

	OK(format_private_key(key, &pem, &fault));
	handle = gnutls_privkey_of(bytes_of_secret(&pem));
	cr_assert_eq(gnutls_privkey_export_rsa_raw(handle, &n, &e, &d, &p, &q, &u, &e1, &e2), 0);
	rsa_private_key_init(ret_key);
	import_number(ret_key->d, &d);
	import_number(ret_key->p, &p);
	import_number(ret_key->q, &q);
	import_number(ret_key->c, &u);
	import_number(ret_key->a, &e1);
	import_number(ret_key->b, &e2);
	gnutls_free(n.data);
	gnutls_free(e.data);
	cr_assert_eq(rsa_private_key_prepare(ret_key), 1);
	gnutls_privkey_deinit(handle);
}

static void sign_with_salt(const struct rsa_private_key *key, size_t salt_len,
			   uint8_t ret_signature[static 256])
{
	static const uint8_t salt[256] = {1, 2, 3};
	uint8_t digest[SHA256_LEN];
	mpz_t signature;

	digest_sha256(bytes_of_string("M"), digest);
	mpz_init(signature);
	cr_assert_eq(pss_encode_mgf1(signature, 2048 - 1, &nettle_sha256, salt_len, salt, digest),
		     1);
	rsa_compute_root(key, signature, signature);
	nettle_mpz_get_str_256(256, ret_signature, signature);
	mpz_clear(signature);
}

/* RFC 7518 section 3.5: the salt has the length of the digest. */
Test(signature, refuses_ps256_with_another_salt_length)
{
	static const size_t lengths[] = {0, 20, 31, 32, 33, 64, 222};
	struct rsa_private_key nettle_key;
	struct private_key *key = NULL;
	struct public_key *public = NULL;

	OK(generate_private_key(KEY_RSA_2048, &key, &fault));
	OK(get_public_key(key, &public, &fault));
	export_rsa_key(key, &nettle_key);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		uint8_t signature[256];

		sign_with_salt(&nettle_key, lengths[i], signature);
		cr_expect_eq(judge_jose(public, SIGNATURE_PS256, bytes_of_string("M"),
					(struct bytes){signature, sizeof(signature)}),
			     lengths[i] == 32, "%zu octets", lengths[i]);
	}
	rsa_private_key_clear(&nettle_key);
	free_public_key(&public);
	free_private_key(&key);
}
