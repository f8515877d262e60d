#include "common/x509/issuer.h"

#include "common/base/workers.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"
#include "common/x509/profile.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 2026-09-21 */
enum { NOW_S = FORGED_NOW_S };

static const struct validity ten_years = {NOW_S - 300, NOW_S + 315360000};
static const struct validity ninety_days = {NOW_S - 300, NOW_S + 7776000};

static struct private_key *make_key(enum key_type type)
{
	struct private_key *key = NULL;
	struct fault fault = {0};

	cr_assert_eq(generate_private_key(type, &key, &fault), 0, "%s", fault.text);
	return key;
}

/* A new root, as an issuer. */
static struct issuer *make_issuer(enum key_type type)
{
	struct private_key *key = make_key(type);
	struct certificate *root = NULL;
	struct issuer *issuer = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct fault fault = {0};

	cr_assert_eq(create_root(key, "CN=Example Root CA,O=Example", &ten_years, &der, &fault), 0,
		     "%s", fault.text);
	cr_assert_eq(parse_certificate_der(bytes_of_buffer(&der), &root, &fault), 0, "%s",
		     fault.text);
	cr_assert_eq(new_issuer(&root, &key, &issuer, &fault), 0, "%s", fault.text);
	return issuer;
}

static struct csr *make_csr(const struct private_key *key, const char *alt_name)
{
	struct alt_names names = {0};
	struct csr *csr = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct fault fault = {0};

	if (alt_name != NULL)
		cr_assert_eq(add_alt_name(&names, alt_name, &fault), 0, "%s", fault.text);
	cr_assert_eq(create_csr(key, "CN=client1-1,O=Example", &names, &pem, &fault), 0, "%s",
		     fault.text);
	cr_assert_eq(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault), 0, "%s", fault.text);
	clear_alt_names(&names);
	return csr;
}

static struct certificate *certify(const struct issuer *issuer, const struct csr *csr,
				   const struct validity *validity)
{
	uint8_t serial[SERIAL_MAX];
	struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct fault fault = {0};

	cr_assert_eq(generate_serial(serial, &fault), 0, "%s", fault.text);
	cr_assert_eq(certify_csr(issuer, csr, serial, validity, &der, &fault), 0, "%s", fault.text);
	cr_assert_eq(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault), 0, "%s",
		     fault.text);
	cr_expect(equal_bytes(certificate_serial(certificate), (struct bytes){serial, SERIAL_MAX}));
	return certificate;
}

static void expect_no_issuer(struct certificate *certificate, struct private_key *key,
			     const char *reason)
{
	struct issuer *issuer = NULL;
	struct fault fault = {0};

	cr_expect_eq(new_issuer(&certificate, &key, &issuer, &fault), -1, "expected: %s", reason);
	cr_expect_eq(fault.class, FAULT_REFUSED);
	cr_expect(strstr(fault.text, reason) != NULL, "expected %s, found %s", reason, fault.text);
	cr_expect_null(issuer);
	cr_expect_null(certificate, "taken over, also on failure");
	cr_expect_null(key);
}

/* A copy, through its PEM. */
static struct private_key *copy_key(const struct private_key *key)
{
	struct private_key *copy = NULL;
	CLEANUP(clear_secret) struct secret pem = {0};
	struct fault fault = {0};

	cr_assert_eq(format_private_key(key, &pem, &fault), 0, "%s", fault.text);
	cr_assert_eq(parse_private_key(bytes_of_secret(&pem), &copy, &fault), 0, "%s", fault.text);
	return copy;
}

/* catalogue 50 */
Test(issuer, refuses_a_certificate_that_is_no_root_and_another_key)
{
	struct forged_certificate root = forged_root();
	struct forged_certificate member = forged_member();

	expect_no_issuer(forge_parsed(&root, root_key()), copy_key(other_key()),
			 "the private key is not that of the certificate of CN=Root");
	expect_no_issuer(forge_parsed(&root, other_key()), copy_key(root_key()),
			 "section 4.1.1.3: signatureValue: the signature is not by the key");
	expect_no_issuer(forge_parsed(&member, root_key()), copy_key(member_key()),
			 "4.2.1.9: basicConstraints: expected CA:TRUE");
	root.extensions = extensions_of(JOIN(root_basic_constraints(),
					     extension(15, true, OCTETS("\x03\x02\x01\x02")),
					     subject_key_id("root")));
	expect_no_issuer(forge_parsed(&root, root_key()), copy_key(root_key()),
			 "4.2.1.3: keyUsage: expected keyCertSign");
}

Test(issuer, accepts_a_root_and_its_key)
{
	struct forged_certificate root = forged_root();
	struct certificate *certificate = forge_parsed(&root, root_key());
	struct private_key *key = copy_key(root_key());
	struct issuer *issuer = NULL;
	struct fault fault = {0};

	cr_assert_eq(new_issuer(&certificate, &key, &issuer, &fault), 0, "%s", fault.text);
	cr_expect_str_eq(certificate_subject(issuer_certificate(issuer)), "CN=Root");
	free_issuer(&issuer);
	cr_expect_null(issuer);
	free_issuer(&issuer);
}

static struct certificate *make_intermediate(const struct issuer *root,
					     const struct private_key *key)
{
	struct certificate *certificate = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct fault fault = {0};

	cr_assert_eq(get_public_key(key, &public_key, &fault), 0, "%s", fault.text);
	cr_assert_eq(create_intermediate(root, public_key, "CN=Example Issuing CA", &ninety_days,
					 &der, &fault),
		     0, "%s", fault.text);
	cr_assert_eq(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault), 0, "%s",
		     fault.text);
	return certificate;
}

static struct certificate *copy_certificate(const struct certificate *certificate)
{
	struct certificate *copy = NULL;
	struct fault fault = {0};

	cr_assert_eq(parse_certificate_der(certificate_der(certificate), &copy, &fault), 0, "%s",
		     fault.text);
	return copy;
}

static void expect_no_intermediate(struct certificate *certificate, struct certificate *root,
				   struct private_key *key, const char *reason)
{
	struct issuer *issuer = NULL;
	struct fault fault = {0};

	cr_expect_eq(new_intermediate_issuer(&certificate, &root, &key, &issuer, &fault), -1,
		     "expected: %s", reason);
	cr_expect_eq(fault.class, FAULT_REFUSED);
	cr_expect(strstr(fault.text, reason) != NULL, "expected %s, found %s", reason, fault.text);
	cr_expect_null(issuer);
	cr_expect_null(certificate, "taken over, also on failure");
	cr_expect_null(root);
	cr_expect_null(key);
}

/* catalogue 50 */
Test(issuer, refuses_a_certificate_that_is_no_intermediate_of_its_root)
{
	struct forged_certificate root = forged_root();
	struct forged_certificate other = forged_root();
	struct forged_certificate between = forged_intermediate("Issuing");
	struct forged_certificate member = forged_member();

	between.spki = spki_of(member_key());
	expect_no_intermediate(forge_parsed(&between, root_key()), forge_parsed(&root, root_key()),
			       copy_key(other_key()),
			       "the private key is not that of the certificate of CN=Issuing");
	expect_no_intermediate(forge_parsed(&between, other_key()), forge_parsed(&root, root_key()),
			       copy_key(member_key()),
			       "section 4.1.1.3: signatureValue: the signature is not by the key");
	other.subject = common_name("Other");
	other.issuer = other.subject;
	expect_no_intermediate(forge_parsed(&between, root_key()), forge_parsed(&other, root_key()),
			       copy_key(member_key()), "it is by CN=Root, not by");
	expect_no_intermediate(forge_parsed(&between, root_key()), forge_parsed(&root, other_key()),
			       copy_key(member_key()), "CN=Root is no root to certify with");
	expect_no_intermediate(forge_parsed(&member, root_key()), forge_parsed(&root, root_key()),
			       copy_key(member_key()), "4.2.1.9: basicConstraints");
	between.extensions = extensions_of(
		JOIN(root_basic_constraints(), extension(15, true, OCTETS("\x03\x02\x01\x02")),
		     subject_key_id("Issuing"), authority_key_id("root")));
	expect_no_intermediate(forge_parsed(&between, root_key()), forge_parsed(&root, root_key()),
			       copy_key(member_key()), "4.2.1.3: keyUsage: expected keyCertSign");
}

Test(issuer, refuses_to_create_invalid_intermediates)
{
	static const struct {
		bool own_key;
		const char *subject;
		struct validity validity;
		enum fault_class class;
		const char *reason;
	} rows[] = {
		{true, "CN=a", {NOW_S, NOW_S + 1}, FAULT_REFUSED, "another key than the root's"},
		{false,
		 "CN=Example Root CA,O=Example",
		 {NOW_S, NOW_S + 1},
		 FAULT_REFUSED,
		 "another name than the root's"},
		{false, "a", {NOW_S, NOW_S + 1}, FAULT_MALFORMED, "expected RFC 4514"},
		{false, "", {NOW_S, NOW_S + 1}, FAULT_REFUSED, "section 4.1.2.6: subject"},
		{false, "CN=a", {NOW_S, NOW_S}, FAULT_REFUSED, "notBefore before notAfter"},
		{false,
		 "CN=a",
		 {NOW_S, NOW_S + 315360001},
		 FAULT_REFUSED,
		 "within that of the issuer CN=Example Root CA"},
		{false,
		 "CN=a",
		 {NOW_S - 301, NOW_S + 1},
		 FAULT_REFUSED,
		 "within that of the issuer CN=Example Root CA"},
	};
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct private_key *key = rows[i].own_key ? issuer_key(issuer) : member_key();
		CLEANUP(free_public_key) struct public_key *public_key = NULL;
		struct buffer der = {0};
		struct fault fault = {0};

		cr_assert_eq(get_public_key(key, &public_key, &fault), 0, "%s", fault.text);
		cr_expect_eq(create_intermediate(issuer, public_key, rows[i].subject,
						 &rows[i].validity, &der, &fault),
			     -1, "row %zu", i);
		cr_expect_eq(fault.class, rows[i].class, "row %zu: %s", i, fault.text);
		cr_expect(strstr(fault.text, rows[i].reason) != NULL, "row %zu: %s", i, fault.text);
		cr_expect_null(der.data);
	}
	free_issuer(&issuer);
}

Test(issuer, makes_intermediates_with_exactly_their_extensions)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	const struct certificate *root = issuer_certificate(issuer);
	struct certificate *certificate = make_intermediate(issuer, member_key());
	struct bytes root_id = item(DER_CONTEXT, find_subject_key_id(certificate_fields(root)));
	struct bytes own_id = item(DER_OCTET_STRING, expected_key_id(spki_of(member_key())));
	struct verdict verdict = {0};
	struct fault fault = {0};

	cr_expect_str_eq(certificate_subject(certificate), "CN=Example Issuing CA");
	cr_expect(equal_bytes(certificate_raw_issuer(certificate),
			      certificate_fields(root)->subject));
	cr_expect_eq(certificate_not_before(certificate), ninety_days.not_before_s);
	cr_expect_eq(certificate_not_after(certificate), ninety_days.not_after_s);
	cr_expect_eq(count_extensions(certificate), (size_t)4);
	cr_expect(has_extension(certificate,
				extension(19, true, OCTETS("\x30\x06\x01\x01\xff\x02\x01\x00"))));
	cr_expect(has_extension(certificate, root_key_usage()));
	cr_expect(has_extension(certificate, extension(14, false, own_id)));
	cr_expect(has_extension(certificate, extension(35, false, item(DER_SEQUENCE, root_id))));
	cr_assert_eq(verify_intermediate(root, certificate, &verdict, &fault), 0, "%s", fault.text);
	cr_expect_str_eq(verdict.reason, "");
	free_certificate(&certificate);
	free_issuer(&issuer);
}

/* catalogue 44: nor for the root's key */
Test(issuer, certifies_under_an_intermediate)
{
	struct issuer *above = make_issuer(KEY_ECDSA_P384);
	struct private_key *key = copy_key(other_key());
	struct certificate *between = make_intermediate(above, key);
	const struct certificate *const chain[] = {between};
	struct certificate *taken = copy_certificate(between);
	struct certificate *root = copy_certificate(issuer_certificate(above));
	struct csr *csr = make_csr(member_key(), NULL);
	struct csr *of_root = make_csr(issuer_key(above), NULL);
	struct certificate *certificate = NULL;
	struct issuer *issuer = NULL;
	struct buffer der = {0};
	struct verdict verdict = {0};
	struct fault fault = {0};

	cr_assert_eq(new_intermediate_issuer(&taken, &root, &key, &issuer, &fault), 0, "%s",
		     fault.text);
	cr_expect_str_eq(certificate_subject(issuer_certificate(issuer)), "CN=Example Issuing CA");
	cr_expect_str_eq(certificate_subject(issuer_root(issuer)), "CN=Example Root CA,O=Example");
	cr_expect_eq(issuer_root(above), issuer_certificate(above));
	certificate = certify(issuer, csr, &ninety_days);
	cr_assert_eq(
		verify_chain(issuer_root(issuer), chain, 1, certificate, NOW_S, &verdict, &fault),
		0, "%s", fault.text);
	cr_expect_str_eq(verdict.reason, "");
	cr_expect_eq(certify_csr(issuer, of_root, certificate_serial(certificate).data,
				 &ninety_days, &der, &fault),
		     -1);
	cr_expect(strstr(fault.text, "its public key is the issuer's") != NULL, "%s", fault.text);
	free_certificate(&certificate);
	free_certificate(&between);
	free_csr(&csr);
	free_csr(&of_root);
	free_issuer(&issuer);
	free_issuer(&above);
}

/* The extensions of both URLs, and none after both were removed. */
Test(issuer, writes_where_a_certificate_can_be_looked_up)
{
	static const char crl[] = "http://ca.example.org/crl";
	static const char ocsp[] = "http://ca.example.org/ocsp";
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = make_csr(member_key(), NULL);
	struct bytes point =
		item(DER_SEQUENCE,
		     item(DER_SEQUENCE, item(DER_CONTEXT_CONSTRUCTED,
					     item(DER_CONTEXT_CONSTRUCTED,
						  item(DER_CONTEXT + 6, bytes_of_string(crl))))));
	struct bytes access = item(
		DER_SEQUENCE,
		item(DER_SEQUENCE, JOIN(item(DER_OID, OCTETS("\x2b\x06\x01\x05\x05\x07\x30\x01")),
					item(DER_CONTEXT + 6, bytes_of_string(ocsp)))));
	struct bytes info_access =
		item(DER_SEQUENCE, JOIN(item(DER_OID, OCTETS("\x2b\x06\x01\x05\x05\x07\x01\x01")),
					item(DER_OCTET_STRING, access)));
	static const struct revocation_urls rows[] = {{crl, ocsp}, {crl, NULL}, {NULL, ocsp}, {0}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificate *certificate = NULL;
		struct verdict verdict = {0};
		struct fault fault = {0};
		size_t count =
			(size_t)4 + (rows[i].crl != NULL ? 1 : 0) + (rows[i].ocsp != NULL ? 1 : 0);

		cr_assert_eq(set_revocation_urls(issuer, &rows[i], &fault), 0, "%s", fault.text);
		certificate = certify(issuer, csr, &ninety_days);
		cr_expect_eq(count_extensions(certificate), count, "row %zu", i);
		cr_expect_eq(has_extension(certificate, extension(31, false, point)),
			     rows[i].crl != NULL, "row %zu", i);
		cr_expect_eq(has_extension(certificate, info_access), rows[i].ocsp != NULL,
			     "row %zu", i);
		cr_assert_eq(check_profile(certificate, PROFILE_MEMBER, &verdict, &fault), 0, "%s",
			     fault.text);
		cr_expect_str_eq(verdict.reason, "");
		free_certificate(&certificate);
	}
	free_csr(&csr);
	free_issuer(&issuer);
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

/* catalogue 48 */
Test(issuer, draws_serials_that_are_unique_positive_and_of_20_octets)
{
	enum { COUNT = 100000 };
	static uint8_t serials[COUNT][SERIAL_MAX];
	uint8_t seen[SERIAL_MAX] = {0};
	struct fault fault = {0};

	for (size_t i = 0; i < COUNT; i++) {
		cr_assert_eq(generate_serial(serials[i], &fault), 0, "%s", fault.text);
		cr_assert(serials[i][0] > 0 && serials[i][0] < 0x80);
		for (size_t j = 0; j < SERIAL_MAX; j++)
			seen[j] |= serials[i][j];
	}
	qsort(serials, COUNT, SERIAL_MAX, compare_serials);
	for (size_t i = 1; i < COUNT; i++)
		cr_assert_neq(memcmp(serials[i - 1], serials[i], SERIAL_MAX), 0);
	cr_expect_eq(seen[0], 0x7f);
	for (size_t j = 1; j < SERIAL_MAX; j++)
		cr_expect_eq(seen[j], 0xff, "every other bit is drawn");
}

Test(issuer, refuses_to_create_invalid_roots)
{
	static const struct {
		const char *subject;
		struct validity validity;
		enum fault_class class;
		const char *reason;
	} rows[] = {
		{"Example Root CA", {NOW_S, NOW_S + 1}, FAULT_MALFORMED, "expected RFC 4514"},
		{"", {NOW_S, NOW_S + 1}, FAULT_REFUSED, "section 4.1.2.4: issuer"},
		{"C=FRA", {NOW_S, NOW_S + 1}, FAULT_REFUSED, "countryName: expected 2"},
		{"CN=a", {NOW_S, NOW_S}, FAULT_REFUSED, "notBefore before notAfter"},
		{"CN=a", {NOW_S, NOW_S - 1}, FAULT_REFUSED, "notBefore before notAfter"},
		{"CN=a", {-1, NOW_S}, FAULT_REFUSED, "from 1970 to 9999"},
		{"CN=a", {NOW_S, INT64_C(253402300800)}, FAULT_REFUSED, "from 1970 to 9999"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer der = {0};
		struct fault fault = {0};

		cr_expect_eq(
			create_root(root_key(), rows[i].subject, &rows[i].validity, &der, &fault),
			-1, "row %zu", i);
		cr_expect_eq(fault.class, rows[i].class, "%s", fault.text);
		cr_expect(strstr(fault.text, rows[i].reason) != NULL, "%s", fault.text);
		cr_expect_null(der.data);
	}
}

Test(issuer, makes_roots_with_exactly_their_extensions)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	const struct certificate *root = issuer_certificate(issuer);
	struct bytes spki = public_key_spki(certificate_public_key(root));
	struct verdict verdict = {0};
	struct fault fault = {0};

	cr_expect_str_eq(certificate_subject(root), "CN=Example Root CA,O=Example");
	cr_expect_str_eq(certificate_issuer(root), "CN=Example Root CA,O=Example");
	cr_expect_eq(certificate_not_before(root), ten_years.not_before_s);
	cr_expect_eq(certificate_not_after(root), ten_years.not_after_s);
	cr_expect_eq(certificate_serial(root).len, (size_t)SERIAL_MAX);
	cr_expect_eq(count_extensions(root), (size_t)3);
	cr_expect(has_extension(root, root_basic_constraints()));
	cr_expect(has_extension(root, root_key_usage()));
	cr_expect(has_extension(
		root, extension(14, false, item(DER_OCTET_STRING, expected_key_id(spki)))));
	cr_expect_eq(check_profile(root, PROFILE_ROOT, &verdict, &fault), 0);
	cr_expect_str_eq(verdict.reason, "");
	free_issuer(&issuer);
}

Test(issuer, makes_certificates_with_exactly_their_extensions)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	const struct certificate_fields *root = certificate_fields(issuer_certificate(issuer));
	struct csr *csr = make_csr(member_key(), "DNS:client1.example.org");
	struct certificate *certificate = certify(issuer, csr, &ninety_days);
	struct bytes root_id = item(DER_CONTEXT, find_subject_key_id(root));
	struct bytes own_id = item(DER_OCTET_STRING, expected_key_id(spki_of(member_key())));

	cr_expect_str_eq(certificate_subject(certificate), "CN=client1-1,O=Example");
	cr_expect(equal_bytes(certificate_raw_issuer(certificate), root->subject));
	cr_expect_eq(certificate_not_before(certificate), ninety_days.not_before_s);
	cr_expect_eq(certificate_not_after(certificate), ninety_days.not_after_s);
	cr_expect(equal_bytes(public_key_spki(certificate_public_key(certificate)),
			      spki_of(member_key())));
	cr_expect_eq(count_extensions(certificate), (size_t)5);
	cr_expect(has_extension(certificate, extension(19, true, OCTETS("\x30\x00"))));
	cr_expect(has_extension(certificate, member_key_usage()));
	cr_expect(has_extension(certificate, extension(14, false, own_id)));
	cr_expect(has_extension(certificate, extension(35, false, item(DER_SEQUENCE, root_id))));
	cr_expect(has_extension(
		certificate, extension(17, false,
				       item(DER_SEQUENCE, item(DER_CONTEXT + 2,
							       OCTETS("client1.example.org"))))));
	free_certificate(&certificate);
	free_csr(&csr);
	free_issuer(&issuer);
}

/* catalogue 43 */
Test(issuer, copies_only_names_and_key_of_a_request)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = NULL;
	struct certificate *certificate = NULL;
	struct fault fault = {0};

	cr_assert_eq(parse_csr_pem(vector_text("greedy.csr"), &csr, &fault), 0, "%s", fault.text);
	certificate = certify(issuer, csr, &ninety_days);
	cr_expect_eq(count_extensions(certificate), (size_t)4);
	cr_expect(has_extension(certificate, extension(19, true, OCTETS("\x30\x00"))));
	cr_expect(has_extension(certificate, member_key_usage()));
	free_certificate(&certificate);
	free_csr(&csr);
	free_issuer(&issuer);
}

static void expect_not_certified(const struct issuer *issuer, const struct csr *csr,
				 const struct validity *validity, const char *reason)
{
	uint8_t serial[SERIAL_MAX] = {1};
	struct buffer der = {0};
	struct fault fault = {0};

	cr_expect_eq(certify_csr(issuer, csr, serial, validity, &der, &fault), -1, "expected: %s",
		     reason);
	cr_expect_eq(fault.class, FAULT_REFUSED, "%s", fault.text);
	cr_expect(strstr(fault.text, reason) != NULL, "expected %s, found %s", reason, fault.text);
	cr_expect_null(der.data);
}

/* catalogue 42 */
Test(issuer, certifies_nothing_without_proof_of_possession)
{
	static const char *const names[] = {"signed-sha1.csr", "signed-md5.csr",
					    "signed-ecdsa-sha1.csr", "signed-pss.csr"};
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct forged_csr forged = forged_request();
	struct csr *csr = NULL;
	struct fault fault = {0};

	cr_assert_eq(parse_csr_der(forge_csr(&forged, other_key()), &csr, &fault), 0, "%s",
		     fault.text);
	expect_not_certified(issuer, csr, &ninety_days, "the signature is not by the key");
	free_csr(&csr);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		cr_assert_eq(parse_csr_pem(vector_text(names[i]), &csr, &fault), 0, "%s",
			     fault.text);
		expect_not_certified(issuer, csr, &ninety_days, "another algorithm");
		free_csr(&csr);
	}
	free_issuer(&issuer);
}

/* catalogue 44: the CA's own key */
Test(issuer, certifies_no_request_for_its_own_key)
{
	struct forged_certificate root = forged_root();
	struct certificate *certificate = forge_parsed(&root, root_key());
	struct private_key *key = copy_key(root_key());
	struct issuer *issuer = NULL;
	struct csr *csr = make_csr(root_key(), NULL);
	struct fault fault = {0};

	cr_assert_eq(new_issuer(&certificate, &key, &issuer, &fault), 0, "%s", fault.text);
	expect_not_certified(issuer, csr, &ninety_days, "its public key is the issuer's");
	free_csr(&csr);
	free_issuer(&issuer);
}

/* catalogue 49, 94, 95 */
Test(issuer, certifies_only_within_its_own_validity)
{
	static const struct {
		struct validity validity;
		const char *reason;
	} rows[] = {
		{{NOW_S - 301, NOW_S + 1}, "within that of the issuer CN=Example Root CA"},
		{{NOW_S, NOW_S + 315360001}, "within that of the issuer CN=Example Root CA"},
		{{NOW_S, NOW_S}, "notBefore before notAfter"},
		{{NOW_S + 1, NOW_S}, "notBefore before notAfter"},
		{{INT64_MIN, NOW_S}, "within that of the issuer"},
		{{NOW_S, INT64_MAX}, "within that of the issuer"},
	};
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = make_csr(member_key(), NULL);
	struct certificate *certificate = NULL;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_not_certified(issuer, csr, &rows[i].validity, rows[i].reason);
	/* The issuer's own first and last second are within its validity. */
	certificate = certify(issuer, csr, &ten_years);
	cr_expect_eq(certificate_not_before(certificate), ten_years.not_before_s);
	cr_expect_eq(certificate_not_after(certificate), ten_years.not_after_s);
	free_certificate(&certificate);
	free_csr(&csr);
	free_issuer(&issuer);
}

/* catalogue 48: a serial that is not positive is refused */
Test(issuer, certifies_with_no_serial_out_of_its_form)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = make_csr(member_key(), NULL);
	uint8_t serials[3][SERIAL_MAX] = {{0}, {0xff}, {0x80}};

	for (size_t i = 0; i < COUNT_OF(serials); i++) {
		struct buffer der = {0};
		struct fault fault = {0};

		cr_expect_eq(certify_csr(issuer, csr, serials[i], &ninety_days, &der, &fault), -1,
			     "row %zu", i);
		cr_expect_neq(fault.text[0], '\0');
		cr_expect_null(der.data);
	}
	free_csr(&csr);
	free_issuer(&issuer);
}

/* catalogue 49, 95 */
Test(issuer, writes_dates_from_2050_as_generalized_time)
{
	static const struct validity rows[] = {
		{INT64_C(2524607998), INT64_C(2524607999)},
		{INT64_C(2524607999), INT64_C(2524608000)},
		{INT64_C(2524608000), INT64_C(253402300799)},
		{0, INT64_C(2147483648)},
	};
	static const uint8_t tags[][2] = {{DER_UTC_TIME, DER_UTC_TIME},
					  {DER_UTC_TIME, DER_GENERALIZED_TIME},
					  {DER_GENERALIZED_TIME, DER_GENERALIZED_TIME},
					  {DER_UTC_TIME, DER_UTC_TIME}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificate *root = NULL;
		CLEANUP(clear_buffer) struct buffer der = {0};
		struct fault fault = {0};

		cr_assert_eq(create_root(root_key(), "CN=a", &rows[i], &der, &fault), 0, "%s",
			     fault.text);
		cr_assert_eq(parse_certificate_der(bytes_of_buffer(&der), &root, &fault), 0, "%s",
			     fault.text);
		cr_expect_eq(certificate_not_before(root), rows[i].not_before_s);
		cr_expect_eq(certificate_not_after(root), rows[i].not_after_s);
		cr_expect_eq(certificate_fields(root)->not_before.tag, tags[i][0]);
		cr_expect_eq(certificate_fields(root)->not_after.tag, tags[i][1]);
		free_certificate(&root);
	}
}

/* catalogue 95 */
Test(issuer, writes_utc_in_every_time_zone)
{
	struct issuer *issuer = NULL;

	cr_assert_eq(setenv("TZ", "Pacific/Kiritimati", 1), 0);
	tzset();
	issuer = make_issuer(KEY_ECDSA_P256);
	cr_expect_eq(certificate_not_before(issuer_certificate(issuer)), ten_years.not_before_s);
	free_issuer(&issuer);
}

Test(issuer, certifies_every_key_type_under_every_type_of_root)
{
	struct private_key *keys[KEY_TYPE_COUNT];
	struct csr *csrs[KEY_TYPE_COUNT];

	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
		keys[type] = make_key((enum key_type)type);
		csrs[type] = make_csr(keys[type], "DNS:client1.example.org");
	}
	for (unsigned int root_type = 0; root_type < KEY_TYPE_COUNT; root_type++) {
		struct issuer *issuer = make_issuer((enum key_type)root_type);

		for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
			struct certificate *certificate = certify(issuer, csrs[type], &ninety_days);
			struct verdict verdict = {0};
			struct fault fault = {0};

			cr_assert_eq(check_profile(certificate, PROFILE_MEMBER, &verdict, &fault),
				     0, "%s", fault.text);
			cr_assert_eq(verify_chain(issuer_certificate(issuer), NULL, 0, certificate,
						  NOW_S, &verdict, &fault),
				     0, "%s", fault.text);
			cr_expect(!verdict.invalid, "%u under %u: %s", type, root_type,
				  verdict.reason);
			free_certificate(&certificate);
		}
		free_issuer(&issuer);
	}
	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
		free_csr(&csrs[type]);
		free_private_key(&keys[type]);
	}
}

struct shared_work {
	const struct issuer *issuer;
	const struct csr *csr;
};

static int certify_once(size_t index, void *context, struct fault *fault)
{
	const struct shared_work *work = context;
	CLEANUP(clear_buffer) struct buffer der = {0};
	uint8_t serial[SERIAL_MAX];

	(void)index;
	if (generate_serial(serial, fault) < 0)
		return -1;
	return certify_csr(work->issuer, work->csr, serial, &ninety_days, &der, fault);
}

Test(issuer, certifies_on_several_threads)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = make_csr(member_key(), "DNS:x");
	struct shared_work work = {issuer, csr};
	struct fault fault = {0};

	cr_expect_eq(run_tasks(400, 8, certify_once, &work, &fault), 0, "%s", fault.text);
	free_csr(&csr);
	free_issuer(&issuer);
}
