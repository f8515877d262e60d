#include "common/crypto/key.h"

#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct private_key *make_key(enum key_type type)
{
	struct private_key *key = NULL;
	struct fault fault = {0};

	cr_assert_eq(generate_private_key(type, &key, &fault), 0, "%s", fault.text);
	return key;
}

Test(key, refuses_private_keys_that_are_none)
{
	static const char *const rows[] = {
		"",
		"hello",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE "
		"KEY-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct private_key *key = NULL;
		struct fault fault = {0};

		cr_expect_eq(parse_private_key(bytes_of_string(rows[i]), &key, &fault), -1);
		cr_expect_eq(fault.class, FAULT_MALFORMED);
		cr_expect(strstr(fault.text, "PKCS#8") != NULL, "%s", fault.text);
		cr_expect_null(key);
	}
}

/* catalogue 39 */
Test(key, refuses_a_private_key_cut_short)
{
	struct private_key *key = make_key(KEY_ECDSA_P256);
	struct private_key *parsed = NULL;
	struct secret pem = {0};
	struct fault fault = {0};

	cr_assert_eq(format_private_key(key, &pem, &fault), 0, "%s", fault.text);
	/* GnuTLS does not insist on the end of the last line. */
	for (size_t len = 0; len + 27 < pem.len; len += 7) {
		fault = (struct fault){0};
		cr_expect_eq(parse_private_key((struct bytes){pem.data, len}, &parsed, &fault), -1,
			     "%zu octets", len);
	}
	clear_secret(&pem);
	free_private_key(&key);
}

Test(key, writes_and_reads_every_type)
{
	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
		struct private_key *key = make_key((enum key_type)type);
		struct private_key *again = NULL;
		struct public_key *public = NULL;
		struct public_key *public_again = NULL;
		struct secret pem = {0};
		struct fault fault = {0};

		cr_assert_eq(format_private_key(key, &pem, &fault), 0, "%s", fault.text);
		cr_expect_eq(strncmp((char *)pem.data, "-----BEGIN PRIVATE KEY-----\n", 28), 0,
			     "PKCS#8");
		cr_assert_eq(parse_private_key(bytes_of_secret(&pem), &again, &fault), 0, "%s",
			     fault.text);
		cr_expect_eq(private_key_type(again), (enum key_type)type);
		cr_assert_eq(get_public_key(key, &public, &fault), 0, "%s", fault.text);
		cr_assert_eq(get_public_key(again, &public_again, &fault), 0, "%s", fault.text);
		cr_expect(equal_bytes(public_key_spki(public), public_key_spki(public_again)));
		cr_expect_eq(public_key_type(public), (enum key_type)type);
		clear_secret(&pem);
		free_public_key(&public);
		free_public_key(&public_again);
		free_private_key(&key);
		free_private_key(&again);
	}
}

Test(key, makes_another_key_each_time)
{
	uint8_t digests[64][SHA256_LEN];

	for (size_t i = 0; i < COUNT_OF(digests); i++) {
		struct private_key *key = make_key(i % 2 ? KEY_ECDSA_P256 : KEY_ECDSA_P384);
		struct public_key *public = NULL;
		struct fault fault = {0};

		cr_assert_eq(get_public_key(key, &public, &fault), 0, "%s", fault.text);
		public_key_sha256(public, digests[i]);
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(memcmp(digests[i], digests[j], SHA256_LEN), 0);
		free_public_key(&public);
		free_private_key(&key);
	}
}

/* catalogue 45, 31, 47 */
Test(key, refuses_public_keys_that_are_not_in_der_or_are_none)
{
	struct private_key *key = make_key(KEY_ECDSA_P256);
	struct public_key *public = NULL;
	struct public_key *parsed = NULL;
	struct buffer spki = {0};
	struct fault fault = {0};

	cr_assert_eq(get_public_key(key, &public, &fault), 0);
	append_bytes(&spki, public_key_spki(public));
	append_string(&spki, "x");
	cr_expect_eq(parse_public_key(bytes_of_buffer(&spki), &parsed, &fault), -1);
	cr_expect_eq(fault.class, FAULT_MALFORMED, "something follows: %s", fault.text);
	spki.len--;
	for (size_t len = 0; len < spki.len; len++) {
		fault = (struct fault){0};
		cr_expect_eq(parse_public_key((struct bytes){spki.data, len}, &parsed, &fault), -1);
		cr_expect_neq(fault.text[0], '\0');
	}
	/* The last octet of Y changed: off the curve. */
	spki.data[spki.len - 1] ^= 1;
	fault = (struct fault){0};
	cr_expect_eq(parse_public_key(bytes_of_buffer(&spki), &parsed, &fault), -1);
	cr_expect_eq(fault.class, FAULT_REFUSED);
	cr_expect(strstr(fault.text, "point of the curve") != NULL, "%s", fault.text);
	clear_buffer(&spki);
	free_public_key(&public);
	free_private_key(&key);
}

/* catalogue 45: what openssl made of other curves, explicit parameters, the identity, weak RSA */
Test(key, refuses_weak_and_foreign_public_keys)
{
	static const struct {
		const char *spki;
		const char *part;
	} rows[] = {
		/* P-224 */
		{"304e301006072a8648ce3d020106052b81040021033a0004b70e0cbd6bb4bf7f321390b94a03c1d3"
		 "56c21122343280d6115c1d21bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34",
		 ""},
		/* the identity of P-256, one octet */
		{"301a301306072a8648ce3d020106082a8648ce3d03010703030004"
		 "00",
		 ""},
		{"3019301306072a8648ce3d020106082a8648ce3d030107030200"
		 "00",
		 ""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer spki = decode_hex(rows[i].spki);
		struct public_key *key = NULL;
		struct fault fault = {0};

		cr_expect_eq(parse_public_key(bytes_of_buffer(&spki), &key, &fault), -1, "%zu", i);
		cr_expect_neq(fault.text[0], '\0');
		clear_buffer(&spki);
	}
}

/* An RSA SubjectPublicKeyInfo with this modulus and exponent (big-endian). */
static struct buffer make_rsa_spki(struct bytes modulus, struct bytes exponent)
{
	gnutls_pubkey_t handle;
	gnutls_datum_t der = {0};
	gnutls_datum_t n = {(unsigned char *)(uintptr_t)modulus.data, (unsigned int)modulus.len};
	gnutls_datum_t e = {(unsigned char *)(uintptr_t)exponent.data, (unsigned int)exponent.len};
	struct buffer spki = {0};

	cr_assert_eq(gnutls_pubkey_init(&handle), 0);
	cr_assert_eq(gnutls_pubkey_import_rsa_raw(handle, &n, &e), 0);
	cr_assert_eq(gnutls_pubkey_export2(handle, GNUTLS_X509_FMT_DER, &der), 0);
	append_bytes(&spki, (struct bytes){der.data, der.size});
	gnutls_free(der.data);
	gnutls_pubkey_deinit(handle);
	return spki;
}

/* catalogue 45 */
Test(key, refuses_weak_rsa_keys)
{
	/* 65537^n mod M, M the product of the primes of the fingerprint, as ROCA's moduli are. */
	static const uint8_t f4[] = {1, 0, 1};
	static const uint8_t three[] = {3};
	static const uint8_t one[] = {1};
	static const uint8_t even[] = {1, 0, 2};
	static const uint8_t large[] = {1, 0, 0, 0, 1};
	uint8_t modulus[513];
	const struct {
		size_t len;
		uint8_t last;
		struct bytes exponent;
		const char *part;
	} rows[] = {
		{128, 0xf1, {f4, 3}, "found 1024"},  {255, 0xf1, {f4, 3}, "found 2040"},
		{513, 0xf1, {f4, 3}, "found 4104"},  {256, 0xf0, {f4, 3}, "modulus is even"},
		{256, 0xf1, {three, 1}, "exponent"}, {256, 0xf1, {one, 1}, "exponent"},
		{256, 0xf1, {even, 3}, "exponent"},  {256, 0xf1, {large, 5}, "exponent"},
	};

	memset(modulus, 0xa5, sizeof(modulus));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer spki;
		struct public_key *key = NULL;
		struct fault fault = {0};
		uint8_t kept = modulus[rows[i].len - 1];

		modulus[rows[i].len - 1] = rows[i].last;
		spki = make_rsa_spki((struct bytes){modulus, rows[i].len}, rows[i].exponent);
		cr_expect_eq(parse_public_key(bytes_of_buffer(&spki), &key, &fault), -1, "row %zu",
			     i);
		cr_expect_eq(fault.class, FAULT_REFUSED, "row %zu: %s", i, fault.text);
		cr_expect(strstr(fault.text, rows[i].part) != NULL, "row %zu: %s", i, fault.text);
		modulus[rows[i].len - 1] = kept;
		clear_buffer(&spki);
	}
}
