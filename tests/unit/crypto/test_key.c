#include "common/crypto/key.h"

#include "common/base/file.h"
#include "tests/support/expect.h"
#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <stdlib.h>
#include <string.h>

static struct private_key *make_key(enum key_type type)
{
	struct private_key *key = NULL;

	OK(generate_private_key(type, &key, &fault));
	return key;
}

Test(key, refuses_private_keys_that_are_none)
{
	static const char *const rows[] = {
		"",
		"hello",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct private_key *key = NULL;

		REFUSED(parse_private_key(bytes_of_string(rows[i]), &key, &fault), FAULT_MALFORMED,
			"PKCS#8");
		cr_expect_null(key);
	}
}

/* catalogue 39 */
Test(key, refuses_a_private_key_cut_short)
{
	struct private_key *key = make_key(KEY_ECDSA_P256);
	struct private_key *parsed = NULL;
	struct secret pem = {0};

	OK(format_private_key(key, &pem, &fault));
	/* GnuTLS does not insist on the end of the last line. */
	for (size_t len = 0; len + 27 < pem.len; len += 7)
		REFUSED(parse_private_key((struct bytes){pem.data, len}, &parsed, &fault),
			FAULT_MALFORMED, NULL, "%zu octets", len);
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

		OK(format_private_key(key, &pem, &fault));
		cr_expect_eq(strncmp((char *)pem.data, "-----BEGIN PRIVATE KEY-----\n", 28), 0,
			     "PKCS#8");
		OK(parse_private_key(bytes_of_secret(&pem), &again, &fault));
		cr_expect_eq(private_key_type(again), (enum key_type)type);
		OK(get_public_key(key, &public, &fault));
		OK(get_public_key(again, &public_again, &fault));
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

		OK(get_public_key(key, &public, &fault));
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

	OK(get_public_key(key, &public, &fault));
	append_bytes(&spki, public_key_spki(public));
	append_string(&spki, "x");
	REFUSED(parse_public_key(bytes_of_buffer(&spki), &parsed, &fault), FAULT_MALFORMED, NULL);
	spki.len--;
	for (size_t len = 0; len < spki.len; len++)
		REFUSED(parse_public_key((struct bytes){spki.data, len}, &parsed, &fault),
			FAULT_MALFORMED, NULL);
	/* The last octet of Y changed: off the curve. */
	spki.data[spki.len - 1] ^= 1;
	REFUSED(parse_public_key(bytes_of_buffer(&spki), &parsed, &fault), FAULT_REFUSED,
		"point of the curve");
	clear_buffer(&spki);
	free_public_key(&public);
	free_private_key(&key);
}

/* catalogue 45: keys of openssl on other curves and in other forms */
Test(key, refuses_weak_and_foreign_public_keys)
{
	static const struct {
		const char *spki;
		enum fault_class class;
		const char *part;
	} rows[] = {
		/* P-192 */
		{"3049301306072a8648ce3d020106082a8648ce3d0301010332000468dabd5878f9240beeaab56d2b"
		 "696f2b5d4eadfe3fa27c27fd174d20b10bc2cd6a5dfcbc183d10605108f4ad67f8f450",
		 FAULT_REFUSED, "found SECP192R1"},
		/* P-224 */
		{"304e301006072a8648ce3d020106052b81040021033a00043b68d5e59232c7cf9400e10a2cc2aaa3"
		 "4658583565d738bfc29b97244f2ef61ea687508d60d38f20b19e7246af4a2f9922e043c52b548159",
		 FAULT_REFUSED, "found SECP224R1"},
		/* P-521 */
		{"30819b301006072a8648ce3d020106052b81040023038186000401572a016e3416a6226ef1cddb4d"
		 "e98816453aa84146864d3e75c8c350eab36f1494531b12b94e815ad0e9ec46806be4725f2f0d530b"
		 "2be8f4e175e7bab4e87889d7012b5ceffe47e4e7453eeeb13130213f79a93865ea2e76f8b608f322"
		 "aec3dc942eec04a90030452295bbf795029c19be0884c407bfb333f4a5630edd362baa638e37",
		 FAULT_REFUSED, "found SECP521R1"},
		/* secp256k1 */
		{"3056301006072a8648ce3d020106052b8104000a034200042cf1d40866528f3dd2d863d8cc6d887c"
		 "8ffef9cef034f12c3e663009d83c0c9255e05ec0094cd1f2365f50c63d966b661301e4d022cfbc81"
		 "7ded48ed23a0c88a",
		 FAULT_REFUSED, "expected ECDSA on P-256 or P-384"},
		/* P-256 by explicit parameters */
		{"3082014b3082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100ffffff"
		 "ff00000001000000000000000000000000ffffffffffffffffffffffff305b0420ffffffff000000"
		 "01000000000000000000000000fffffffffffffffffffffffc04205ac635d8aa3a93e7b3ebbd5576"
		 "9886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e1139d26b7819f"
		 "7e900441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342"
		 "e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5022100ffffffff00000000"
		 "ffffffffffffffffbce6faada7179e84f3b9cac2fc63255102010103420004411fdef94b7ee71b02"
		 "d4c8171b896e455430743a9a928d77b52139cdb8d12377c7d9a45a925ab9df94df4ec24d951b8d19"
		 "9d52738b031c8330030cef3ac51356",
		 FAULT_MALFORMED, "SubjectPublicKeyInfo"},
		/* P-256, the point compressed */
		{"3039301306072a8648ce3d020106082a8648ce3d03010703220002411fdef94b7ee71b02d4c8171b"
		 "896e455430743a9a928d77b52139cdb8d12377",
		 FAULT_MALFORMED, "SubjectPublicKeyInfo"},
		/* the identity of P-256: one octet */
		{"3019301306072a8648ce3d020106082a8648ce3d03010703020000", FAULT_MALFORMED,
		 "SubjectPublicKeyInfo"},
		/* X25519 */
		{"302a300506032b656e032100bdb17c23db5146b31435ecc1699b3e511adf01592b24b983cb1c7e61"
		 "a1baf848",
		 FAULT_REFUSED, "found ECDH (X25519)"},
		/* Ed448 */
		{"3043300506032b6571033a00cfe4a66f96c58aaf2d5d64215f256df3d8881c9e54512ca938168147"
		 "f24ef205d46b714cea08dca7267ee5a2389053bdddfcee7bb0dbb43600",
		 FAULT_REFUSED, "found EdDSA (Ed448)"},
		/* Ed25519, a point of order 8 */
		{"302a300506032b657003210026e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b1380288"
		 "6d53fc05",
		 FAULT_REFUSED, "large order"},
		/* Ed25519, no point */
		{"302a300506032b657003210002000000000000000000000000000000000000000000000000000000"
		 "00000000",
		 FAULT_REFUSED, "large order"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer spki = decode_hex(rows[i].spki);
		struct public_key *key = NULL;

		REFUSED(parse_public_key(bytes_of_buffer(&spki), &key, &fault), rows[i].class,
			rows[i].part, "%zu", i);
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
		uint8_t kept = modulus[rows[i].len - 1];

		modulus[rows[i].len - 1] = rows[i].last;
		spki = make_rsa_spki((struct bytes){modulus, rows[i].len}, rows[i].exponent);
		REFUSED(parse_public_key(bytes_of_buffer(&spki), &key, &fault), FAULT_REFUSED,
			rows[i].part, "row %zu", i);
		modulus[rows[i].len - 1] = kept;
		clear_buffer(&spki);
	}
}

/* Found by fuzzing: GMP ended the process with a division by zero */
Test(key, refuses_an_rsa_key_with_a_modulus_of_0)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_private_key) struct private_key *key = NULL;

	OK(read_file(AT_FDCWD, "tests/fuzz/corpus/private_key/rsa-modulus-0", 65536, &pem, &fault));
	REFUSED(parse_private_key(bytes_of_buffer(&pem), &key, &fault), FAULT_MALFORMED,
		"expected an unencrypted private key");
}
