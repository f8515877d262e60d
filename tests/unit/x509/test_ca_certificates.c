/* Roots and intermediates: how issuer.h makes them, and issuers of them. */
#include "common/x509/issuer.h"

#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"
#include "common/x509/profile.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/issuers.h"

#include <criterion/criterion.h>

static void expect_no_issuer(struct certificate *certificate, struct private_key *key,
			     const char *reason)
{
	struct issuer *issuer = NULL;

	REFUSED(new_issuer(&certificate, &key, &issuer, &fault), FAULT_REFUSED, reason);
	cr_expect_null(issuer);
	cr_expect_null(certificate, "taken over, also on failure");
	cr_expect_null(key);
}

/* catalogue 50 */
Test(ca_certificates, refuses_a_certificate_that_is_no_root_and_another_key)
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

Test(ca_certificates, accepts_a_root_and_its_key)
{
	struct forged_certificate root = forged_root();
	struct certificate *certificate = forge_parsed(&root, root_key());
	struct private_key *key = copy_key(root_key());
	struct issuer *issuer = NULL;

	OK(new_issuer(&certificate, &key, &issuer, &fault));
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

	OK(get_public_key(key, &public_key, &fault));
	OK(create_intermediate(root, public_key, "CN=Example Issuing CA", &ninety_days, &der,
			       &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	return certificate;
}

static struct certificate *copy_certificate(const struct certificate *certificate)
{
	struct certificate *copy = NULL;

	OK(parse_certificate_der(certificate_der(certificate), &copy, &fault));
	return copy;
}

static void expect_no_intermediate(struct certificate *certificate, struct certificate *root,
				   struct private_key *key, const char *reason)
{
	struct issuer *issuer = NULL;

	REFUSED(new_intermediate_issuer(&certificate, &root, &key, &issuer, &fault), FAULT_REFUSED,
		reason);
	cr_expect_null(issuer);
	cr_expect_null(certificate, "taken over, also on failure");
	cr_expect_null(root);
	cr_expect_null(key);
}

/* catalogue 50 */
Test(ca_certificates, refuses_a_certificate_that_is_no_intermediate_of_its_root)
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

Test(ca_certificates, refuses_to_create_invalid_intermediates)
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

		OK(get_public_key(key, &public_key, &fault));
		REFUSED(create_intermediate(issuer, public_key, rows[i].subject, &rows[i].validity,
					    &der, &fault),
			rows[i].class, rows[i].reason, "row %zu", i);
		cr_expect_null(der.data);
	}
	free_issuer(&issuer);
}

Test(ca_certificates, makes_intermediates_with_exactly_their_extensions)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	const struct certificate *root = issuer_certificate(issuer);
	struct certificate *certificate = make_intermediate(issuer, member_key());
	struct bytes root_id = item(DER_CONTEXT, find_subject_key_id(certificate_fields(root)));
	struct bytes own_id = item(DER_OCTET_STRING, expected_key_id(spki_of(member_key())));
	struct verdict verdict = {0};

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
	OK(verify_intermediate(root, certificate, &verdict, &fault));
	cr_expect_str_eq(verdict.reason, "");
	free_certificate(&certificate);
	free_issuer(&issuer);
}

Test(ca_certificates, makes_intermediates_that_name_the_crl_of_their_root)
{
	const struct published_urls urls = {.crl = "http://h/root.crl"};
	/* RFC 5280 section 4.2.1.13: one point, its fullName one URI. */
	const struct bytes uri = item(0x86, bytes_of_string(urls.crl));
	const struct bytes point = item(DER_SEQUENCE, item(0xa0, item(0xa0, uri)));
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct certificate *certificate;
	struct verdict verdict = {0};

	OK(set_published_urls(issuer, &urls, &fault));
	certificate = make_intermediate(issuer, member_key());
	cr_expect_eq(count_extensions(certificate), (size_t)5);
	cr_expect(has_extension(certificate, extension(31, false, item(DER_SEQUENCE, point))));
	OK(verify_intermediate(issuer_certificate(issuer), certificate, &verdict, &fault));
	cr_expect_str_eq(verdict.reason, "");
	free_certificate(&certificate);
	free_issuer(&issuer);
}

/* catalogue 44: nor for the root's key */
Test(ca_certificates, certifies_under_an_intermediate)
{
	struct issuer *above = make_issuer(KEY_ECDSA_P384);
	struct private_key *key = copy_key(other_key());
	struct certificate *between = make_intermediate(above, key);
	const struct certificate *const chain[] = {between};
	struct trust trust = {.intermediates = chain, .intermediate_count = 1};
	struct certificate *taken = copy_certificate(between);
	struct certificate *root = copy_certificate(issuer_certificate(above));
	struct csr *csr = make_csr(member_key(), NULL);
	struct csr *of_root = make_csr(issuer_key(above), NULL);
	struct certificate *certificate = NULL;
	struct issuer *issuer = NULL;
	struct buffer der = {0};
	struct verdict verdict = {0};

	OK(new_intermediate_issuer(&taken, &root, &key, &issuer, &fault));
	cr_expect_str_eq(certificate_subject(issuer_certificate(issuer)), "CN=Example Issuing CA");
	cr_expect_str_eq(certificate_subject(issuer_root(issuer)), "CN=Example Root CA,O=Example");
	cr_expect_eq(issuer_root(above), issuer_certificate(above));
	certificate = certify(issuer, csr, &ninety_days);
	trust.root = issuer_root(issuer);
	OK(verify_chain(&trust, certificate, NOW_S, NULL, &verdict, &fault));
	cr_expect_str_eq(verdict.reason, "");
	REFUSED(certify_csr(issuer, of_root, certificate_serial(certificate).data, &ninety_days,
			    &der, &fault),
		FAULT_REFUSED, "its public key is the issuer's");
	free_certificate(&certificate);
	free_certificate(&between);
	free_csr(&csr);
	free_csr(&of_root);
	free_issuer(&issuer);
	free_issuer(&above);
}

Test(ca_certificates, refuses_to_create_invalid_roots)
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

		REFUSED(create_root(root_key(), rows[i].subject, &rows[i].validity, &der, &fault),
			rows[i].class, rows[i].reason, "row %zu", i);
		cr_expect_null(der.data);
	}
}

Test(ca_certificates, makes_roots_with_exactly_their_extensions)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	const struct certificate *root = issuer_certificate(issuer);
	struct bytes spki = public_key_spki(certificate_public_key(root));
	struct verdict verdict = {0};

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
	OK(check_profile(root, PROFILE_ROOT, &verdict, &fault));
	cr_expect_str_eq(verdict.reason, "");
	free_issuer(&issuer);
}
