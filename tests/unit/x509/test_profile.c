#include "common/x509/profile.h"

#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

static struct verdict judge(struct bytes der, enum profile profile)
{
	struct certificate_fields fields;
	struct verdict verdict = {0};

	OK(split_certificate(der, &fields, &fault));
	OK(check_certificate_fields(&fields, profile, &verdict, &fault));
	return verdict;
}

static void expect_invalid(const struct forged_certificate *forged, enum profile profile,
			   const char *reason)
{
	struct verdict verdict = judge(forge_certificate(forged, root_key()), profile);

	cr_expect(verdict.invalid, "expected: %s", reason);
	cr_expect(strncmp(verdict.reason, "RFC ", 4) == 0 ||
			  strstr(verdict.reason, "docs/profile.md") != NULL ||
			  strstr(verdict.reason, ": should)") != NULL,
		  "%s", verdict.reason);
	cr_expect(strstr(verdict.reason, reason) != NULL, "expected %s, found %s", reason,
		  verdict.reason);
}

/* verify_chain refuses certificates without their profile. */
static void expect_no_chain(const struct forged_certificate *forged)
{
	struct forged_certificate root_parts = forged_root();
	struct certificate *root = forge_parsed(&root_parts, root_key());
	struct certificate *certificate = NULL;
	struct verdict verdict = {0};
	struct fault fault = {0};

	if (parse_certificate_der(forge_certificate(forged, root_key()), &certificate, &fault) <
	    0) {
		cr_expect(fault.class == FAULT_MALFORMED || fault.class == FAULT_REFUSED);
	} else {
		const struct trust trust = {.root = root};

		cr_assert_eq(
			verify_chain(&trust, certificate, FORGED_NOW_S, NULL, &verdict, &fault), 0,
			"%s", fault.text);
		cr_expect(verdict.invalid);
	}
	free_certificate(&certificate);
	free_certificate(&root);
}

Test(profile, accepts_certificates_with_the_profile)
{
	struct forged_certificate root = forged_root();
	struct forged_certificate intermediate = forged_intermediate("Between");
	struct forged_certificate member = forged_member();

	cr_expect_str_eq(judge(forge_certificate(&root, root_key()), PROFILE_ROOT).reason, "");
	cr_expect_str_eq(
		judge(forge_certificate(&intermediate, root_key()), PROFILE_INTERMEDIATE).reason,
		"");
	cr_expect_str_eq(judge(forge_certificate(&member, root_key()), PROFILE_MEMBER).reason, "");
}

Test(profile, refuses_each_in_the_place_of_another)
{
	struct forged_certificate root = forged_root();
	struct forged_certificate intermediate = forged_intermediate("Between");
	struct forged_certificate member = forged_member();

	expect_invalid(&root, PROFILE_MEMBER, "certpool expects no CA:TRUE in a member's");
	expect_invalid(&root, PROFILE_INTERMEDIATE, "4.2.1.1: authorityKeyIdentifier");
	expect_invalid(&intermediate, PROFILE_MEMBER, "certpool expects no CA:TRUE");
	expect_invalid(&intermediate, PROFILE_ROOT, "4.2.1.1: authorityKeyIdentifier");
	expect_invalid(&member, PROFILE_ROOT, "4.2.1.9: basicConstraints: expected CA:TRUE");
	expect_invalid(&member, PROFILE_INTERMEDIATE, "4.2.1.9");
}

/* A member's certificate with one field replaced. */
struct row {
	size_t part; /* offset into struct forged_certificate */
	struct bytes value;
	const char *reason;
};

static void expect_members_invalid(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct forged_certificate forged = forged_member();

		memcpy((char *)&forged + rows[i].part, &rows[i].value, sizeof(rows[i].value));
		expect_invalid(&forged, PROFILE_MEMBER, rows[i].reason);
		expect_no_chain(&forged);
	}
}

#define PART(name) offsetof(struct forged_certificate, name)

/* catalogue 46, 49 */
Test(profile, refuses_members_with_a_wrong_field)
{
	struct bytes sha1 = OCTETS("\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01");
	struct bytes sha384 = OCTETS("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03");
	const struct row rows[] = {
		{PART(version), OCTETS(""), "4.1.2.1: version: expected 3, found 1"},
		{PART(version), OCTETS("\xa0\x03\x02\x01\x01"), "expected 3, found 2"},
		{PART(serial), OCTETS("\0"),
		 "4.1.2.2: serialNumber: expected a positive one, found 0"},
		{PART(serial), OCTETS("\xff"), "4.1.2.2: serialNumber: expected a positive one"},
		{PART(serial),
		 OCTETS("\0\xff"
			"3456789012345678901"),
		 "at most 20 octets, found 21"},
		{PART(algorithm), sha384, "4.1.1.2: signatureAlgorithm: not the one inside"},
		{PART(outer_algorithm), sha384, "4.1.1.2: signatureAlgorithm: not the one inside"},
		{PART(outer_algorithm), sha1, "4.1.1.2"},
		{PART(issuer), item(DER_SEQUENCE, OCTETS("")), "4.1.2.4: issuer: expected a name"},
		{PART(issuer), common_name("Root\n"),
		 "4.1.2.4: issuer: commonName: certpool allows no character U+000A"},
		{PART(subject), item(DER_SEQUENCE, OCTETS("")),
		 "4.1.2.6: subject: expected a name or"},
		{PART(subject), name_with(3, DER_UTF8_STRING, OCTETS("a\0b")),
		 "4.1.2.6: subject: commonName: certpool allows no character U+0000"},
		{PART(subject),
		 common_name("a\xe2\x80\xae"
			     "b"),
		 "U+202E"},
		{PART(subject), name_with(3, 0x14, OCTETS("a")),
		 "4.1.2.6: subject: commonName: certpool expects PrintableString"},
		{PART(validity), validity_of("20250101000000Z", "450101000000Z"),
		 "4.1.2.5: notBefore: expected UTCTime before 2050"},
		{PART(validity), validity_of("250101000000Z", "20450101000000Z"),
		 "4.1.2.5: notAfter: expected UTCTime before 2050"},
		{PART(validity), validity_of("2501010000Z", "450101000000Z"),
		 "4.1.2.5: notBefore: expected YYMMDD"},
		{PART(validity), validity_of("250101000000Z", "450101000000+0000"),
		 "4.1.2.5: notAfter: expected YYMMDD"},
		{PART(validity), validity_of("450101000000Z", "250101000000Z"),
		 "certpool expects notBefore before notAfter (docs/profile.md)"},
		{PART(validity), validity_of("250101000000Z", "250101000000Z"),
		 "certpool expects notBefore before notAfter (docs/profile.md)"},
		{PART(identifiers), OCTETS("\x82\x02\x00\x01"), "4.1.2.8: unique identifiers"},
		{PART(extensions), OCTETS(""), "certpool expects keyUsage"},
		{PART(extensions), extensions_of(OCTETS("")), "4.1: extensions: found none"},
	};

	expect_members_invalid(rows, COUNT_OF(rows));
}

/* A member's extensions, with others after or instead of them. */
static struct bytes with(struct bytes added)
{
	return extensions_of(JOIN(member_key_usage(), authority_key_id("root"), added));
}

static struct bytes with_key_usage(struct bytes key_usage)
{
	return extensions_of(JOIN(key_usage, authority_key_id("root")));
}

static struct bytes with_authority(struct bytes authority)
{
	return extensions_of(JOIN(member_key_usage(), authority));
}

/* catalogue 43: extensions of a malicious or mistaken issuer */
Test(profile, refuses_members_with_a_wrong_extension)
{
	struct bytes true_constraints = OCTETS("\x30\x03\x01\x01\xff");
	struct bytes unknown = OCTETS("\x30\x0b\x06\x02\x2a\x03\x01\x01\xff\x04\x02\x05\x00");
	const struct row rows[] = {
		{PART(extensions), with(extension(19, true, true_constraints)),
		 "certpool expects no CA:TRUE in a member's certificate (docs/profile.md)"},
		{PART(extensions), with(extension(19, false, true_constraints)),
		 "certpool expects no CA:TRUE"},
		{PART(extensions), with(extension(19, true, OCTETS("\x30\x03\x02\x01\x00"))),
		 "4.2.1.9: basicConstraints: pathLenConstraint without CA:TRUE"},
		{PART(extensions), with(extension(19, true, OCTETS("\x30\x03\x01\x01\x00"))),
		 "4.2.1.9: basicConstraints: not in DER"},
		{PART(extensions), with(extension(19, true, OCTETS("\x30\x00\x00"))),
		 "4.2.1.9: basicConstraints: not in DER"},
		{PART(extensions), with(extension(19, true, OCTETS(""))),
		 "4.2.1.9: basicConstraints: not in DER"},
		{PART(extensions), with(extension(19, true, OCTETS("\x30\x80\x00\x00"))),
		 "4.2.1.9: basicConstraints: not in DER"},
		{PART(extensions), extensions_of(authority_key_id("root")),
		 "certpool expects keyUsage, found none (docs/profile.md)"},
		{PART(extensions), with_key_usage(extension(15, false, OCTETS("\x03\x02\x07\x80"))),
		 "certpool expects keyUsage to be critical (RFC 5280 section 4.2.1.3: should)"},
		{PART(extensions), with_key_usage(extension(15, true, OCTETS("\x03\x02\x05\x20"))),
		 "4.2.1.3: keyUsage: expected digitalSignature"},
		{PART(extensions), with_key_usage(extension(15, true, OCTETS("\x03\x02\x02\x84"))),
		 "4.2.1.3: keyUsage: expected no keyCertSign without CA:TRUE"},
		{PART(extensions), with_key_usage(extension(15, true, OCTETS("\x03\x02\x01\x82"))),
		 "certpool expects no cRLSign in a member's certificate (docs/profile.md)"},
		{PART(extensions), with_key_usage(extension(15, true, OCTETS("\x03\x02\x00\x80"))),
		 "4.2.1.3: keyUsage: expected at least one bit, in DER"},
		{PART(extensions), with_key_usage(extension(15, true, OCTETS("\x03\x01\x00"))),
		 "4.2.1.3: keyUsage: expected at least one bit"},
		{PART(extensions), with_key_usage(extension(15, true, OCTETS("\x04\x01\x80"))),
		 "4.2.1.3: keyUsage: expected at least one bit"},
		{PART(extensions), with(extension(14, true, OCTETS("\x04\x01x"))),
		 "4.2.1.2: subjectKeyIdentifier: expected not critical"},
		{PART(extensions), with(extension(14, false, OCTETS("\x04\x00"))),
		 "certpool expects subjectKeyIdentifier not to be empty (docs/profile.md)"},
		{PART(extensions), with(extension(14, false, OCTETS("\x04\x01x\x00"))),
		 "4.2.1.2: subjectKeyIdentifier: expected octets"},
		{PART(extensions), with_authority(OCTETS("")),
		 "4.2.1.1: authorityKeyIdentifier: expected one, found none"},
		{PART(extensions),
		 with_authority(extension(35, true, OCTETS("\x30\x06\x80\x04root"))),
		 "4.2.1.1: authorityKeyIdentifier: expected not critical"},
		{PART(extensions), with_authority(extension(35, false, OCTETS("\x30\x00"))),
		 "4.2.1.1: authorityKeyIdentifier: expected a keyIdentifier"},
		{PART(extensions), with_authority(extension(35, false, OCTETS("\x30\x02\x80\x00"))),
		 "4.2.1.1: authorityKeyIdentifier: expected a keyIdentifier"},
		{PART(extensions),
		 with_authority(extension(35, false, OCTETS("\x30\x09\x80\x04root\x82\x01\x01"))),
		 "4.2.1.1: authorityKeyIdentifier: expected authorityCertIssuer"},
		{PART(extensions),
		 with_authority(
			 extension(35, false, OCTETS("\x30\x0a\x80\x04root\xa1\x00\x82\x00"))),
		 "4.2.1.1: authorityKeyIdentifier: expected authorityCertIssuer"},
		{PART(extensions), with(extension(17, false, OCTETS("\x30\x00"))),
		 "4.2.1.6: subjectAltName: expected a sequence of at least one name"},
		{PART(extensions),
		 with(extension(17, false,
				OCTETS("\x30\x05\x82\x03"
				       "a\0b"))),
		 "4.2.1.6: alternative name: it has a NUL"},
		{PART(extensions), with(extension(37, false, OCTETS("\x30\x00"))),
		 "4.2.1.12: extKeyUsage: expected at least one purpose"},
		{PART(extensions), with(extension(37, true, OCTETS("\x30\x02\x05\x00"))),
		 "4.2.1.12: extKeyUsage"},
		{PART(extensions), with(extension(30, true, OCTETS("\x30\x00"))),
		 "certpool expects no nameConstraints (RFC 5280 section 4.2.1.10), which it does "
		 "not enforce"},
		{PART(extensions), with(extension(30, false, OCTETS("\x30\x00"))),
		 "certpool expects no nameConstraints (RFC 5280 section 4.2.1.10), which it does "
		 "not enforce"},
		{PART(extensions), with(extension(36, true, OCTETS("\x30\x00"))),
		 "certpool expects no policyConstraints (RFC 5280 section 4.2.1.11), which it does "
		 "not enforce"},
		{PART(extensions), with(extension(54, true, OCTETS("\x02\x01\x00"))),
		 "certpool expects no inhibitAnyPolicy (RFC 5280 section 4.2.1.14), which it does "
		 "not enforce"},
		{PART(extensions), with(unknown),
		 "4.2: a critical extension that is not known here"},
		{PART(extensions), with(extension(99, true, OCTETS("\x05\x00"))),
		 "4.2: a critical extension that is not known here"},
		{PART(extensions), with(extension(31, true, OCTETS("\x30\x00"))),
		 "4.2: a critical extension that is not known here"},
		{PART(extensions), with(extension(31, false, OCTETS("\x30\x00"))),
		 "4.2.1.13: cRLDistributionPoints: expected at least one point"},
		{PART(extensions), with(member_key_usage()), "4.2: an extension is there twice"},
		{PART(extensions),
		 with(JOIN(extension(99, false, OCTETS("x")), extension(99, false, OCTETS("y")))),
		 "4.2: an extension is there twice"},
		{PART(extensions), with(OCTETS("\x30\x00")),
		 "4.2: an extension that is not in DER"},
		{PART(extensions), with(OCTETS("\x30\x0a\x06\x03\x55\x1d\x63\x01\x01\x00\x04\x00")),
		 "4.2: an extension that is not in DER"},
	};

	expect_members_invalid(rows, COUNT_OF(rows));
}

#define DOCUMENT_SIGNING "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x24"
#define OCSP_SIGNING "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09"
#define CODE_SIGNING "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03"

/* catalogue 125: another critical purpose, the responder's certificate as a member's */
Test(profile, tells_purposes_apart)
{
	static const char other[] = "RFC 5280 section 4.2.1.12: extKeyUsage: it is for other "
				    "purposes than a member's: expected anyExtendedKeyUsage";
	const struct {
		struct bytes oids;
		const char *as_member; /* reason; "" is valid */
		bool responder;
	} rows[] = {
		{OCTETS("\x06\x04\x55\x1d\x25\x00"), "", false},
		{OCTETS("\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"), "", false},
		{OCTETS("\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"), "", false},
		{OCTETS("\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04"), "", false},
		{OCTETS(DOCUMENT_SIGNING), "", false},
		{OCTETS(CODE_SIGNING DOCUMENT_SIGNING), "", false},
		{OCTETS(CODE_SIGNING), other, false},
		{OCTETS(OCSP_SIGNING), "certpool expects no id-kp-OCSPSigning", true},
		{OCTETS(OCSP_SIGNING DOCUMENT_SIGNING), "certpool expects no id-kp-OCSPSigning",
		 true},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (int critical = 0; critical <= 1; critical++) {
			struct forged_certificate forged = forged_member();
			struct bytes value = item(DER_SEQUENCE, rows[i].oids);
			struct bytes der;

			forged.extensions = with(extension(37, critical != 0, value));
			der = forge_certificate(&forged, root_key());
			if (rows[i].as_member[0] == '\0')
				cr_expect_str_eq(judge(der, PROFILE_MEMBER).reason, "");
			else
				expect_invalid(&forged, PROFILE_MEMBER, rows[i].as_member);
			cr_expect_eq(judge(der, PROFILE_RESPONDER).invalid, !rows[i].responder);
		}
}

Test(profile, refuses_more_than_32_extensions)
{
	struct bytes many[33];
	struct forged_certificate forged = forged_member();

	many[0] = member_key_usage();
	many[1] = authority_key_id("root");
	for (size_t i = 2; i < COUNT_OF(many); i++)
		many[i] = extension((uint8_t)(60 + i), false, OCTETS("x"));
	forged.extensions = extensions_of(joined(many, 32));
	cr_expect_str_eq(judge(forge_certificate(&forged, root_key()), PROFILE_MEMBER).reason, "");
	forged.extensions = extensions_of(joined(many, 33));
	expect_invalid(&forged, PROFILE_MEMBER,
		       "certpool expects at most 32 extensions (docs/profile.md)");
}

/* catalogue 51 */
Test(profile, refuses_a_malleable_signature)
{
	struct forged_certificate forged = forged_member();
	struct bytes der = forge_certificate(&forged, root_key());
	struct certificate_fields fields;
	struct verdict verdict = {0};

	OK(split_certificate(der, &fields, &fault));
	fields.signed_object.signature = JOIN(fields.signed_object.signature, OCTETS("\0"));
	OK(check_certificate_fields(&fields, PROFILE_MEMBER, &verdict, &fault));
	cr_expect_str_eq(verdict.reason, "RFC 5280 section 4.1.1.2: signatureAlgorithm: the "
					 "signature is not in its one DER form (X.690)");
}

Test(profile, refuses_roots_with_a_wrong_field)
{
	struct bytes key_id = subject_key_id("root");
	const struct {
		struct bytes extensions;
		const char *reason;
	} rows[] = {
		{JOIN(root_key_usage(), key_id), "4.2.1.9: basicConstraints: expected CA:TRUE"},
		{JOIN(extension(19, true, OCTETS("\x30\x00")), root_key_usage(), key_id),
		 "4.2.1.9: basicConstraints: expected CA:TRUE"},
		{JOIN(extension(19, false, OCTETS("\x30\x03\x01\x01\xff")), root_key_usage(),
		      key_id),
		 "4.2.1.9: basicConstraints: expected critical"},
		{JOIN(extension(19, true, OCTETS("\x30\x06\x01\x01\xff\x02\x01\xff")),
		      root_key_usage(), key_id),
		 "4.2.1.9: basicConstraints: not in DER"},
		{JOIN(root_basic_constraints(), key_id), "4.2.1.3: keyUsage: expected one"},
		/* catalogue 50: a CA without keyCertSign */
		{JOIN(root_basic_constraints(), extension(15, true, OCTETS("\x03\x02\x01\x02")),
		      key_id),
		 "4.2.1.3: keyUsage: expected keyCertSign"},
		{JOIN(root_basic_constraints(), extension(15, false, OCTETS("\x03\x02\x01\x06")),
		      key_id),
		 "certpool expects keyUsage to be critical (RFC 5280 section 4.2.1.3: should)"},
		{JOIN(root_basic_constraints(), root_key_usage()),
		 "4.2.1.2: subjectKeyIdentifier: expected one"},
		{JOIN(root_basic_constraints(), root_key_usage(), key_id,
		      authority_key_id("other")),
		 "4.2.1.1: authorityKeyIdentifier: expected the subjectKeyIdentifier"},
		{JOIN(root_basic_constraints(), root_key_usage(), key_id,
		      extension(35, true, OCTETS("\x30\x06\x80\x04root"))),
		 "4.2.1.1: authorityKeyIdentifier: expected not critical"},
		{JOIN(root_basic_constraints(), root_key_usage(), key_id,
		      extension(30, true, OCTETS("\x30\x00"))),
		 "certpool expects no nameConstraints"},
	};
	struct forged_certificate forged = forged_root();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		forged.extensions = extensions_of(rows[i].extensions);
		expect_invalid(&forged, PROFILE_ROOT, rows[i].reason);
	}
	forged = forged_root();
	forged.subject = common_name("Other");
	expect_invalid(&forged, PROFILE_ROOT, "4.1.2.6: subject: expected the issuer's name");
	forged = forged_intermediate("Between");
	forged.subject = item(DER_SEQUENCE, OCTETS(""));
	expect_invalid(&forged, PROFILE_INTERMEDIATE, "4.1.2.6: subject: expected a name");
}

Test(profile, refuses_certificates_of_openssl_without_the_profile)
{
	cr_expect(strstr(judge(vector_der("version-1.crt"), PROFILE_MEMBER).reason,
			 "4.1.2.1: version: expected 3, found 1") != NULL);
	cr_expect(
		strstr(judge(vector_der("signed-sha1.crt"), PROFILE_MEMBER).reason,
		       "4.1.1.2: signatureAlgorithm: certpool expects ECDSA or RSA with SHA-256") !=
		NULL);
}

Test(profile, accepts_allowed_fields_that_we_do_not_write)
{
	struct bytes rows[] = {
		with(OCTETS("")),
		with(extension(19, false, OCTETS("\x30\x00"))),
		with(extension(17, false, OCTETS("\x30\x03\x82\x01x"))),
		with(extension(37, false, OCTETS("\x30\x0d\x06\x01\x2a" DOCUMENT_SIGNING))),
		with(extension(31, false, OCTETS("\x30\x07\x30\x05\xa2\x03\x82\x01x"))),
		with(extension(99, false, OCTETS("whatever"))),
		with_key_usage(extension(15, true, OCTETS("\x03\x02\x06\xc0"))),
		with_key_usage(extension(15, true, OCTETS("\x03\x03\x07\x88\x80"))),
		with_authority(extension(35, false,
					 OCTETS("\x30\x10\x80\x04root\xa1\x05\x82\x03"
						"abc\x82\x01\x01"))),
	};
	struct forged_certificate forged = forged_member();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct verdict verdict;

		forged.extensions = rows[i];
		verdict = judge(forge_certificate(&forged, root_key()), PROFILE_MEMBER);
		cr_expect(!verdict.invalid, "row %zu: %s", i, verdict.reason);
	}
	forged.subject = item(DER_SEQUENCE, OCTETS(""));
	forged.extensions = with(extension(17, true, OCTETS("\x30\x03\x82\x01x")));
	cr_expect_str_eq(judge(forge_certificate(&forged, root_key()), PROFILE_MEMBER).reason, "");
}

/* catalogue 49, 95 */
Test(profile, accepts_each_encoding_of_time_on_its_side_of_2050)
{
	struct forged_certificate forged = forged_member();

	forged.validity = validity_of("491231235959Z", "20500101000000Z");
	cr_expect_str_eq(judge(forge_certificate(&forged, root_key()), PROFILE_MEMBER).reason, "");
	forged.validity = validity_of("20500101000000Z", "99991231235959Z");
	cr_expect_str_eq(judge(forge_certificate(&forged, root_key()), PROFILE_MEMBER).reason, "");
	forged.validity = validity_of("380119031407Z", "380119031408Z");
	cr_expect_str_eq(judge(forge_certificate(&forged, root_key()), PROFILE_MEMBER).reason, "");
}
