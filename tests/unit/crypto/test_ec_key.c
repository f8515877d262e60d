#include "common/crypto/ec_key.h"

#include "common/base/random.h"
#include "tests/support/expect.h"
#include "tests/support/gnutls_objects.h"

#include <criterion/criterion.h>
#include <gnutls/x509.h>
#include <string.h>

static struct secret make_der(enum key_type type)
{
	struct ec_key *key = NULL;
	struct secret der = {0};

	OK(generate_ec_key(type, &key, &fault));
	OK(format_ec_key(key, &der, &fault));
	free_ec_key(&key);
	return der;
}

/* The DER's length; GnuTLS takes the key for a consistent one. */
static size_t check_der(const struct secret *der)
{
	gnutls_datum_t datum = {der->data, (unsigned int)der->len};
	gnutls_x509_privkey_t key;

	cr_assert_eq(gnutls_x509_privkey_init(&key), 0);
	cr_assert_eq(gnutls_x509_privkey_import2(key, &datum, GNUTLS_X509_FMT_DER, NULL,
						 GNUTLS_PKCS_PLAIN),
		     0);
	cr_expect_eq(gnutls_x509_privkey_verify_params(key), 0);
	gnutls_x509_privkey_deinit(key);
	return der->len;
}

/* One scalar in 256 has a leading zero octet, one in two a leading one bit. */
Test(ec_key, writes_scalars_of_one_length)
{
	for (unsigned int i = 0; i < 600; i++) {
		struct secret p256 = make_der(KEY_ECDSA_P256);
		struct secret p384 = i % 4 == 0 ? make_der(KEY_ECDSA_P384) : (struct secret){0};

		cr_expect_eq(check_der(&p256), 138);
		if (p384.len > 0)
			cr_expect_eq(check_der(&p384), 185);
		clear_secret(&p256);
		clear_secret(&p384);
	}
}

/* openssl pkey wrote these octets for a key of its own, whose scalar begins with 0. */
Test(ec_key, writes_the_octets_of_openssl)
{
	static const char pem[] =
		"-----BEGIN PRIVATE KEY-----\n"
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAJr2IyoXDLLXQIAH\n"
		"0zHdxIDz4zuHVrkiqA8hW6/B50qhRANCAATuCm+c9JQvlOnME/9+oq95pxp1kD0G\n"
		"GvwtRbKIH94brzs/tnjCqcf3KMVM+v65UyTMI3b3KIZw5c6KGMFm1Vre\n"
		"-----END PRIVATE KEY-----\n";
	gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem, sizeof(pem) - 1};
	gnutls_datum_t der = {0};
	gnutls_privkey_t handle = gnutls_privkey_of(bytes_of_string(pem));
	struct ec_key *key = NULL;
	struct secret written = {0};

	OK(import_ec_key(KEY_ECDSA_P256, handle, &key, &fault));
	OK(format_ec_key(key, &written, &fault));
	free_ec_key(&key);
	cr_assert_eq(gnutls_pem_base64_decode2("PRIVATE KEY", &text, &der), 0);
	cr_expect(equal_bytes(bytes_of_secret(&written), (struct bytes){der.data, der.size}));
	gnutls_free(der.data);
	clear_secret(&written);
	gnutls_privkey_deinit(handle);
}

Test(ec_key, is_for_two_types)
{
	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++)
		cr_expect_eq(is_ec_key_type((enum key_type)type),
			     type == KEY_ECDSA_P256 || type == KEY_ECDSA_P384);
}

static struct ec_point *read_spki(struct bytes spki, enum key_type expected)
{
	struct ec_point *point = NULL;
	enum key_type type = KEY_TYPE_COUNT;

	OK(parse_ec_spki(spki, &type, &point, &fault));
	cr_assert_not_null(point);
	cr_expect_eq(type, expected);
	return point;
}

static void expect_no_point(struct bytes spki, enum fault_class class)
{
	struct ec_point *point = NULL;
	enum key_type type;
	struct fault fault = {0};

	cr_expect_eq(parse_ec_spki(spki, &type, &point, &fault), class == FAULT_NONE ? 0 : -1);
	cr_expect_eq(fault.class, class, "%s", fault.text);
	cr_expect_null(point);
}

/* Other forms give no point; coordinates off the curve are refused. */
Test(ec_key, reads_points_in_their_one_form)
{
	for (unsigned int type = KEY_ECDSA_P256; type <= KEY_ECDSA_P384; type++) {
		struct ec_key *key = NULL;
		struct ec_point *point;
		CLEANUP(clear_buffer) struct buffer spki = {0};

		OK(generate_ec_key((enum key_type)type, &key, &fault));
		append_ec_spki(key, &spki);
		point = read_spki(bytes_of_buffer(&spki), (enum key_type)type);
		free_ec_point(&point);
		cr_expect_null(point);
		expect_no_point((struct bytes){spki.data, spki.len - 1}, FAULT_NONE);
		spki.data[spki.len - 1] ^= 1;
		expect_no_point(bytes_of_buffer(&spki), FAULT_REFUSED);
		/* a compressed point has another form, so has a point that is the identity */
		spki.data[spki.len - 2 * ec_octets((enum key_type)type) - 1] = 0x02;
		expect_no_point(bytes_of_buffer(&spki), FAULT_NONE);
		free_ec_key(&key);
	}
}

Test(ec_key, verifies_its_own_signatures_only)
{
	static const uint8_t digest[32] = {1, 2, 3};
	static const uint8_t other_digest[32] = {1, 2, 4};

	for (unsigned int type = KEY_ECDSA_P256; type <= KEY_ECDSA_P384; type++) {
		struct ec_key *key = NULL;
		struct ec_point *point;
		CLEANUP(clear_buffer) struct buffer spki = {0};
		CLEANUP(clear_buffer) struct buffer signature = {0};
		CLEANUP(clear_buffer) struct buffer second = {0};
		const struct bytes octets = {digest, sizeof(digest)};

		OK(generate_ec_key((enum key_type)type, &key, &fault));
		append_ec_spki(key, &spki);
		point = read_spki(bytes_of_buffer(&spki), (enum key_type)type);
		OK(sign_with_ec_key(key, RANDOMNESS_HEDGED, octets, &signature, &fault));
		OK(sign_with_ec_key(key, RANDOMNESS_OF_KERNEL, octets, &second, &fault));
		cr_assert_eq(signature.len, 2 * ec_octets((enum key_type)type));
		cr_expect(!equal_bytes(bytes_of_buffer(&signature), bytes_of_buffer(&second)));
		cr_expect(verify_with_ec_point(point, octets, bytes_of_buffer(&signature)));
		cr_expect(verify_with_ec_point(point, octets, bytes_of_buffer(&second)));
		cr_expect(!verify_with_ec_point(point,
						(struct bytes){other_digest, sizeof(other_digest)},
						bytes_of_buffer(&signature)));
		for (size_t i = 0; i < signature.len; i++) {
			signature.data[i] ^= 0x80;
			cr_expect(
				!verify_with_ec_point(point, octets, bytes_of_buffer(&signature)));
			signature.data[i] ^= 0x80;
		}
		free_ec_point(&point);
		free_ec_key(&key);
	}
}

/* Expects that both ways to verify have the same result. */
static void expect_verified(const struct ec_key *key, const struct ec_point *point,
			    struct bytes digest, const struct buffer *signature, bool expected)
{
	cr_expect_eq(verify_with_ec_point(point, digest, bytes_of_buffer(signature)), expected);
	cr_expect_eq(check_with_ec_key(key, digest, bytes_of_buffer(signature)), expected);
}

static void check_one_signature(enum key_type type, size_t changed)
{
	const size_t octets = ec_octets(type);
	CLEANUP(free_ec_key) struct ec_key *key = NULL;
	CLEANUP(free_ec_key) struct ec_key *other = NULL;
	CLEANUP(free_ec_point) struct ec_point *point = NULL;
	CLEANUP(clear_buffer) struct buffer spki = {0};
	CLEANUP(clear_buffer) struct buffer signature = {0};
	uint8_t digest_octets[EC_OCTETS_MAX];
	const struct bytes digest = {digest_octets, octets};

	OK(fill_random(digest_octets, octets, &fault));
	OK(generate_ec_key(type, &key, &fault));
	OK(generate_ec_key(type, &other, &fault));
	append_ec_spki(key, &spki);
	point = read_spki(bytes_of_buffer(&spki), type);
	OK(sign_with_ec_key(key, RANDOMNESS_HEDGED, digest, &signature, &fault));
	expect_verified(key, point, digest, &signature, true);
	cr_expect(!check_with_ec_key(other, digest, bytes_of_buffer(&signature)));
	signature.data[changed % signature.len] ^= 1;
	expect_verified(key, point, digest, &signature, false);
	signature.data[changed % signature.len] ^= 1;
	digest_octets[changed % octets] ^= 1;
	expect_verified(key, point, digest, &signature, false);
}

Test(ec_key, checks_with_the_private_key_what_the_public_key_verifies)
{
	for (size_t changed = 0; changed < 2 * EC_OCTETS_MAX; changed++) {
		check_one_signature(KEY_ECDSA_P256, changed);
		check_one_signature(KEY_ECDSA_P384, changed);
	}
}

/* R and S of 0, of the order, and of all ones. */
Test(ec_key, checks_that_r_and_s_are_in_range)
{
	static const uint8_t octets[32] = {1, 2, 3};
	const struct bytes digest = {octets, sizeof(octets)};
	const struct bytes order = ec_order(KEY_ECDSA_P256);
	CLEANUP(free_ec_key) struct ec_key *key = NULL;

	OK(generate_ec_key(KEY_ECDSA_P256, &key, &fault));
	for (unsigned int row = 0; row < 6; row++) {
		CLEANUP(clear_buffer) struct buffer signature = {0};
		uint8_t *half;

		OK(sign_with_ec_key(key, RANDOMNESS_HEDGED, digest, &signature, &fault));
		half = signature.data + row % 2 * order.len;
		if (row < 2)
			memset(half, 0, order.len);
		else if (row < 4)
			memcpy(half, order.data, order.len);
		else
			memset(half, 0xff, order.len);
		cr_expect(!check_with_ec_key(key, digest, bytes_of_buffer(&signature)), "row %u",
			  row);
	}
}
