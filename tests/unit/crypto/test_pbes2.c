#include "common/crypto/pbes2.h"

#include "common/crypto/key.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <gnutls/x509.h>
#include <string.h>

#define PASSPHRASE "s3cret"

#define BEGIN "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
#define END "-----END ENCRYPTED PRIVATE KEY-----\n"

/* One key, which openssl pkcs8 -topk8 encrypted in several ways. */
static const char plain[] = "-----BEGIN PRIVATE KEY-----\n"
			    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZOgP14tby5YY8/Vf\n"
			    "2aYiahzERZXmNKbqOeerQ7dPnluhRANCAAQjoP3M1YDqDC6l49jrCKL8QJvWm4v2\n"
			    "aRGv8MbhtDYVsu2mJ5KOWGrDNR0KcQZ8lkTQil7EB5OYP7r0GOcOEUII\n"
			    "-----END PRIVATE KEY-----\n";
/* -v2 aes-256-cbc -v2prf hmacWithSHA1 */
static const char aes256[] =
	BEGIN "MIHeMEkGCSqGSIb3DQEFDTA8MBsGCSqGSIb3DQEFDDAOBAiPZpVrqRATrQICCAAw\n"
	      "HQYJYIZIAWUDBAEqBBApFC0KhPQprQQ081oHbEizBIGQEnn2cI80ju12fAp9egP8\n"
	      "1hCA8fNVZUpfR3Xy8C6hHe9JSIOzUYlbXBNulvfAr7hTdBzaE7F5S488+u+rqdwu\n"
	      "8zZyg4uwn417sORWTFbIsTS31taZYYESrlsbAem+6xdIqrMVvbV6qRrVODXzk3jT\n"
	      "aSXscvFND0bONLXaO3TxJOLbLhZCtZPUnoWLQP7EX0AT\n" END;
/* -v2 aes-128-cbc */
static const char aes128[] =
	BEGIN "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgiN3TY+ceuUAICCAAw\n"
	      "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEECWJHnWtXgzddUYcI5CJ7xUEgZBL\n"
	      "/iM4FMwhl1Bah7C52l5XvzLech87+Sq9N0fu5wSwvxHZ+kcdFoJM4Lkha+VnM0JF\n"
	      "t6+FyU7J8zVe5N7xjueg+IYJ4vOPuFr5udq4doXb+5tIkBOU1Lwc78GQOkCu1wss\n"
	      "mRlR3Aczxuf5W6NFLxpmbi78RuwJvgVIRnuliBz6IMbBSbXbuuBqQKErjX311Q0=\n" END;
/* -v2 des3 */
static const char des3[] =
	BEGIN "MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAizXr4TNFkVRQICCAAw\n"
	      "DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQI9+3JK3QhY1UEgZBbU5oe4x6ywtVt\n"
	      "+Pqv8SGstGxl0req4dBlPMYwJtlbOd62IaXcQ3n0MHIKX/J3MnThZcsYKXVJrVnP\n"
	      "adSWJRveGd606BSTti/35wnRLpxG9PNs4hN9jnJJD7odafuE3nF1T+Y3BvAmLM3r\n"
	      "L0I/IB9R/dOqhxPo16vZaEsFy9m6e6Mz7PHdItE1B+geNCA6k44=\n" END;
/* -v1 PBE-SHA1-3DES */
static const char pbe[] = BEGIN "MIGxMBwGCiqGSIb3DQEMAQMwDgQIwg0pzcTYfGcCAggABIGQDmUt9fUfRvQ2Ejhu\n"
				"O0+oafwgkVbAeSQAYvOowLa6X5emqbBAGjXscgyaLjVbRy6hjFLnqH2gILK0CEP3\n"
				"MWGm5jIMJT19M5+tRKGrKGwTJokJGno2d10iNY/sDGz0sn7Vn3zRoKU2+Dn7pBFh\n"
				"y70pgD79or1G21c9r3h63Mh7As0nnqNagXLMMF8/V+qrBQ+M\n" END;
/* -scrypt */
static const char scrypt[] =
	BEGIN "MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAi/FbTSuqjrJwICQAAC\n"
	      "AQgCAQEwHQYJYIZIAWUDBAEqBBAGmyO2uiZovIUMPwCBgAKsBIGQEe460ADRGfDA\n"
	      "3AUZ2nKtJeD88BoOSevBgH5jIl3g8fgz2yEmP2ddEHAdbYSSuKY2rei/ummPes8g\n"
	      "kWtBEY/xWrh3+FAtecujrCizRFk5GgZHzjjARmjrXFgb/mIYHsK9JVtRvqLc+eu2\n"
	      "ph7kRJKXHLPSoTyaSw+NjgIHYCdoSVum/fd+6GWubJDPOLx0hcTN\n" END;

static struct private_key *parse(const char *pem)
{
	struct private_key *key = NULL;

	OK(parse_private_key(bytes_of_string(pem), &key, &fault));
	return key;
}

static int open_encrypted(const char *pem, const char *passphrase, struct private_key **ret_key,
			  struct fault *fault)
{
	return parse_encrypted_private_key(bytes_of_string(pem), bytes_of_string(passphrase),
					   ret_key, fault);
}

static void expect_same(const struct private_key *a, const struct private_key *b)
{
	CLEANUP(free_public_key) struct public_key *first = NULL;
	CLEANUP(free_public_key) struct public_key *second = NULL;

	cr_assert_eq(get_public_key(a, &first, NULL), 0);
	cr_assert_eq(get_public_key(b, &second, NULL), 0);
	cr_expect(equal_bytes(public_key_spki(first), public_key_spki(second)));
}

Test(pbes2, refuses_other_passphrases_and_other_encryptions)
{
	static const struct {
		const char *pem;
		const char *passphrase;
		enum fault_class class;
		const char *found;
	} rows[] = {
		{aes256, "s3cre", FAULT_REFUSED, "the passphrase does not open the private key"},
		{aes256, "S3cret", FAULT_REFUSED, "the passphrase does not open"},
		{aes256, "", FAULT_USAGE, "expected a passphrase of 1 to 1024 octets"},
		{aes256, "\xff", FAULT_USAGE, "expected a passphrase in UTF-8"},
		{des3, PASSPHRASE, FAULT_MALFORMED, "expected an encrypted private key in PEM"},
		{pbe, PASSPHRASE, FAULT_MALFORMED, "PBES2 with AES"},
		{scrypt, PASSPHRASE, FAULT_MALFORMED, "PBES2 with AES"},
		{plain, PASSPHRASE, FAULT_MALFORMED, "found another encryption or none"},
		{BEGIN "AAAA\n" END, PASSPHRASE, FAULT_MALFORMED, "PBES2 with AES"},
		{"", PASSPHRASE, FAULT_MALFORMED, "PBES2 with AES"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct private_key *key = NULL;

		REFUSED(open_encrypted(rows[i].pem, rows[i].passphrase, &key, &fault),
			rows[i].class, rows[i].found, "row %zu", i);
		cr_expect_null(key);
		NOT_SAID("s3cre");
	}
}

Test(pbes2, distinguishes_encrypted_from_unencrypted_keys)
{
	cr_expect(is_encrypted_private_key(bytes_of_string(aes256)));
	cr_expect(!is_encrypted_private_key(bytes_of_string(plain)));
	cr_expect(!is_encrypted_private_key((struct bytes){NULL, 0}));
}

Test(pbes2, reads_keys_that_openssl_encrypted)
{
	static const char *const rows[] = {aes256, aes128};
	CLEANUP(free_private_key) struct private_key *expected = parse(plain);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_private_key) struct private_key *key = NULL;

		OK(open_encrypted(rows[i], PASSPHRASE, &key, &fault));
		expect_same(key, expected);
	}
}

Test(pbes2, reads_its_own_keys_of_every_type)
{
	static const char passphrase[] = "na\xc3\xafve \xe2\x82\xac";

	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
		CLEANUP(free_private_key) struct private_key *key = NULL;
		CLEANUP(free_private_key) struct private_key *again = NULL;
		CLEANUP(clear_secret) struct secret pem = {0};

		OK(generate_private_key((enum key_type)type, &key, &fault));
		OK(format_encrypted_private_key(key, bytes_of_string(passphrase), &pem, &fault));
		cr_expect(is_encrypted_private_key(bytes_of_secret(&pem)));
		OK(open_encrypted((char *)pem.data, passphrase, &again, &fault));
		expect_same(key, again);
	}
}

/* Six hundred thousand rounds of HMAC with SHA-256, and a salt for each key. */
Test(pbes2, derives_the_key_slowly_and_anew)
{
	CLEANUP(free_private_key) struct private_key *key = parse(plain);
	unsigned char salts[2][64] = {{0}};

	for (size_t i = 0; i < 2; i++) {
		CLEANUP(clear_secret) struct secret pem = {0};
		gnutls_datum_t text;
		unsigned int schema;
		unsigned int salt_len = sizeof(salts[i]);
		unsigned int rounds;

		OK(format_encrypted_private_key(key, bytes_of_string(PASSPHRASE), &pem, &fault));
		text = (gnutls_datum_t){pem.data, (unsigned int)pem.len};
		cr_assert_eq(gnutls_pkcs8_info(&text, GNUTLS_X509_FMT_PEM, &schema, NULL, salts[i],
					       &salt_len, &rounds, NULL),
			     0);
		cr_expect_eq(schema, GNUTLS_PKCS_PBES2_AES_256);
		cr_expect_eq(rounds, 600000);
		cr_expect_eq(salt_len, 16);
	}
	cr_expect_neq(memcmp(salts[0], salts[1], 16), 0);
}

Test(pbes2, accepts_each_unicode_form_of_a_passphrase)
{
	CLEANUP(clear_secret) struct secret composed = {0};
	CLEANUP(clear_secret) struct secret decomposed = {0};

	OK(normalize_passphrase(bytes_of_string("\xc3\xa9"), &composed, &fault));
	OK(normalize_passphrase(bytes_of_string("e\xcc\x81"), &decomposed, &fault));
	cr_expect(equal_bytes(bytes_of_secret(&composed), bytes_of_secret(&decomposed)));
}
