#include "common/x509/purpose.h"

#include "common/x509/certificate.h"
#include "common/x509/chain.h"
#include "common/x509/signing_order.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/issuers.h"

#include <criterion/criterion.h>
#include <string.h>

static struct issuer *issuer;
static struct private_key *key;

static void set_up(void)
{
	issuer = make_issuer(KEY_ECDSA_P256);
	key = make_key(KEY_ECDSA_P256);
}

static void tear_down(void)
{
	free_private_key(&key);
	free_issuer(&issuer);
}

TestSuite(purpose, .init = set_up, .fini = tear_down);

static struct csr *ask(unsigned int usages)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct csr *csr = NULL;

	OK(create_csr(key, "CN=client1-1,O=Example", NULL, usages, &pem, &fault));
	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	return csr;
}

static struct certificate *certify_for(unsigned int usages)
{
	CLEANUP(free_csr) struct csr *csr = ask(usages);
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	const struct signing_order order = {.kind = SIGN_MEMBERS, .bodies = &body, .count = 1};
	const struct grant grant = {.validity = ninety_days, .usages = usages};
	struct certificate *certificate = NULL;
	uint8_t serial[SERIAL_MAX];

	OK(generate_serial(serial, &fault));
	OK(prepare_certificate(issuer, csr, serial, &grant, &body, &fault));
	OK(sign_one(issuer, &order, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	return certificate;
}

/* The octets of a request and of a certificate for these usages, without what both always have. */
Test(purpose, is_written_as_key_usage_and_extended_key_usage)
{
	static const struct {
		unsigned int usages;
		const char *text;
		size_t len;
	} rows[] = {
#define ROW(usages, text) {usages, text, sizeof(text) - 1}
#define DIGITAL "\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x07\x80"
#define AND_ENCIPHERMENT "\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x05\xa0"
#define EKU(outer, octets, inner) "\x30" outer "\x06\x03\x55\x1d\x25\x04" octets "\x30" inner
#define PURPOSE(last) "\x06\x08\x2b\x06\x01\x05\x05\x07\x03" last
		ROW(USE_SIGN, DIGITAL),
		ROW(USE_SIGN | USE_NAMED_SIGN, DIGITAL EKU("\x13", "\x0c", "\x0a") PURPOSE("\x24")),
		ROW(USE_SERVER, DIGITAL EKU("\x13", "\x0c", "\x0a") PURPOSE("\x01")),
		ROW(USE_CLIENT, DIGITAL EKU("\x13", "\x0c", "\x0a") PURPOSE("\x02")),
		ROW(USE_EMAIL, DIGITAL EKU("\x13", "\x0c", "\x0a") PURPOSE("\x04")),
		ROW(USE_SIGN | USE_CLIENT,
		    DIGITAL EKU("\x1d", "\x16", "\x14") PURPOSE("\x02") PURPOSE("\x24")),
		ROW(USE_SERVER | USE_KEY_ENCIPHERMENT,
		    AND_ENCIPHERMENT EKU("\x13", "\x0c", "\x0a") PURPOSE("\x01")),
		ROW(PLAIN_USAGES, DIGITAL EKU("\x31", "\x2a", "\x28") PURPOSE("\x01")
					  PURPOSE("\x02") PURPOSE("\x04") PURPOSE("\x24")),
#undef ROW
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer extensions = {0};

		append_usages(&extensions, rows[i].usages);
		cr_expect(equal_bytes(bytes_of_buffer(&extensions),
				      (struct bytes){(const uint8_t *)rows[i].text, rows[i].len}),
			  "row %zu", i);
	}
}

Test(purpose, of_a_certificate_and_of_its_request_are_read_as_they_were_written)
{
	static const unsigned int sets[] = {USE_SIGN,
					    USE_CLIENT,
					    USE_SERVER,
					    USE_EMAIL,
					    PLAIN_USAGES,
					    USE_SIGN | USE_EMAIL,
					    USE_SIGN | USE_NAMED_SIGN,
					    USE_SERVER | USE_KEY_ENCIPHERMENT};

	for (size_t i = 0; i < COUNT_OF(sets); i++) {
		CLEANUP(free_csr) struct csr *csr = ask(sets[i]);
		CLEANUP(free_certificate) struct certificate *certificate = certify_for(sets[i]);

		cr_expect_eq(csr_usages(csr)->usages,
			     sets[i] == USE_SIGN ? 0 : sets[i] & ~(unsigned int)USE_NAMED_SIGN,
			     "row %zu", i);
		cr_expect_str_eq(csr_usages(csr)->other, "");
		cr_expect_eq(find_usages(certificate_fields(certificate)), sets[i], "row %zu", i);
	}
}

/* A certificate without extKeyUsage is for all (RFC 5280 section 4.2.1.12). */
Test(purpose, that_a_verifier_wants_must_be_one_of_the_certificate)
{
	static const struct {
		unsigned int has;
		unsigned int wanted;
		const char *reason; /* "": it is valid */
	} rows[] = {
		{USE_SIGN, 0, ""},
		{USE_SIGN, USE_SIGN, ""},
		{USE_SIGN, USE_SERVER, ""},
		{USE_SIGN | USE_NAMED_SIGN, USE_SIGN, ""},
		{USE_SIGN | USE_NAMED_SIGN, USE_SERVER,
		 "expected one for server, found one for sign"},
		{USE_SERVER, 0, ""},
		{USE_SERVER, USE_SERVER, ""},
		{USE_SERVER, USE_SIGN, "expected one for sign, found one for server"},
		{USE_SERVER, USE_CLIENT, "expected one for client, found one for server"},
		{USE_CLIENT | USE_SIGN, USE_SIGN, ""},
		{USE_CLIENT | USE_SIGN, USE_EMAIL,
		 "expected one for email, found one for sign,client"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_certificate)
		struct certificate *certificate = certify_for(rows[i].has);
		const struct trust trust = {.root = issuer_root(issuer), .usage = rows[i].wanted};
		struct verdict verdict = {0};

		OK(verify_chain(&trust, certificate, NOW_S, NULL, &verdict, &fault));
		cr_expect_eq(verdict.invalid, rows[i].reason[0] != '\0', "row %zu: %s", i,
			     verdict.reason);
		cr_expect_not_null(strstr(verdict.reason, rows[i].reason), "row %zu: %s", i,
				   verdict.reason);
	}
}

static struct bytes octets_of(const char *text, size_t len)
{
	return (struct bytes){(const uint8_t *)text, len};
}

#define EXTENSION(last, total, value) "\x30" total "\x06\x03\x55\x1d" last "\x04" value

Test(purpose, of_a_request_that_no_member_has_is_named)
{
	static const struct {
		const char *text;
		size_t len;
		unsigned int usages;
		const char *other;
	} rows[] = {
#define ROW(text, usages, other) {text, sizeof(text) - 1, usages, other}
		ROW("", 0, ""),
		ROW(EXTENSION("\x0f", "\x0b", "\x04\x03\x02\x07\x80"), 0, ""),
		ROW(EXTENSION("\x0f", "\x0b", "\x04\x03\x02\x00\xff"), USE_KEY_ENCIPHERMENT,
		    "nonRepudiation, dataEncipherment, keyAgreement, keyCertSign, cRLSign, "
		    "encipherOnly"),
		ROW(EXTENSION("\x0f", "\x0c", "\x05\x03\x03\x07\x00\x80"), 0, "decipherOnly"),
		ROW(EXTENSION("\x13", "\x0c", "\x05\x30\x03\x01\x01\xff"), 0, "CA:TRUE"),
		ROW(EXTENSION("\x13", "\x09", "\x02\x30\x00"), 0, ""),
		ROW(EXTENSION("\x25", "\x0f", "\x08\x30\x06\x06\x04\x55\x1d\x25\x00"), 0,
		    "anyExtendedKeyUsage"),
		ROW(EXTENSION("\x25", "\x1d", "\x16\x30\x14") PURPOSE("\x01") PURPOSE("\x03"),
		    USE_SERVER, "codeSigning"),
		ROW(EXTENSION("\x25", "\x15",
			      "\x0e\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14"
			      "\x02\x02"),
		    0, "1.3.6.1.4.1.311.20.2.2"),
#undef ROW
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct asked_usages asked = {0};

		OK(read_asked_usages(octets_of(rows[i].text, rows[i].len), &asked, &fault));
		cr_expect_eq(asked.usages, rows[i].usages, "row %zu", i);
		cr_expect_str_eq(asked.other, rows[i].other, "row %zu", i);
	}
}

Test(purpose, of_a_request_has_to_be_in_der_and_there_once)
{
	static const struct {
		const char *text;
		size_t len;
		const char *part;
	} rows[] = {
#define ROW(text, part) {text, sizeof(text) - 1, part}
		ROW(EXTENSION("\x0f", "\x09", "\x02\x05\x00"), "section 4.2.1.3: keyUsage"),
		ROW(EXTENSION("\x25", "\x09", "\x02\x30\x00"), "section 4.2.1.12: extKeyUsage"),
		ROW(EXTENSION("\x13", "\x09", "\x02\x05\x00"), "section 4.2.1.9: basicConstraints"),
		ROW(EXTENSION("\x0f", "\x0b", "\x04\x03\x02\x07\x80")
			    EXTENSION("\x0f", "\x0b", "\x04\x03\x02\x07\x80"),
		    "twice"),
#undef ROW
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct asked_usages asked = {.usages = 77};

		REFUSED(read_asked_usages(octets_of(rows[i].text, rows[i].len), &asked, &fault),
			FAULT_MALFORMED, rows[i].part);
		cr_expect_eq(asked.usages, 77);
	}
}
