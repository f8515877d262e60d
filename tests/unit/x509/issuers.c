#include "tests/unit/x509/issuers.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

const struct validity ten_years = {NOW_S - 300, NOW_S + 315360000};
const struct validity ninety_days = {NOW_S - 300, NOW_S + 7776000};

struct private_key *make_key(enum key_type type)
{
	struct private_key *key = NULL;

	OK(generate_private_key(type, &key, &fault));
	return key;
}

struct issuer *make_issuer(enum key_type type)
{
	return make_named_issuer(type, "CN=Example Root CA,O=Example");
}

struct issuer *make_named_issuer(enum key_type type, const char *subject)
{
	struct private_key *key = make_key(type);
	struct certificate *root = NULL;
	struct issuer *issuer = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(create_root(key, subject, &ten_years, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &root, &fault));
	OK(new_issuer(&root, &key, &issuer, &fault));
	return issuer;
}

struct csr *make_csr(const struct private_key *key, const char *alt_name)
{
	struct alt_names names = {0};
	struct csr *csr = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (alt_name != NULL)
		OK(add_alt_name(&names, alt_name, &fault));
	OK(create_csr(key, "CN=client1-1,O=Example", &names, USE_SIGN, &pem, &fault));
	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	clear_alt_names(&names);
	return csr;
}

struct certificate *certify(const struct issuer *issuer, const struct csr *csr,
			    const struct validity *validity)
{
	uint8_t serial[SERIAL_MAX];
	struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(generate_serial(serial, &fault));
	OK(certify_csr(issuer, csr, serial, validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	cr_expect(equal_bytes(certificate_serial(certificate), (struct bytes){serial, SERIAL_MAX}));
	return certificate;
}

struct private_key *copy_key(const struct private_key *key)
{
	struct private_key *copy = NULL;
	CLEANUP(clear_secret) struct secret pem = {0};

	OK(format_private_key(key, &pem, &fault));
	OK(parse_private_key(bytes_of_secret(&pem), &copy, &fault));
	return copy;
}
