#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"
#include "tests/unit/x509/profile_rules.h"

#include <criterion/criterion.h>
#include <string.h>

/* docs/profile.md, rule by rule: what breaks one rule and no other is refused, with its reason. */

enum { CERTIFICATES_MAX = 64 };

/* All that a test has parsed. */
static struct certificate *parsed[CERTIFICATES_MAX];
static size_t parsed_count;

static void tear_down(void)
{
	while (parsed_count > 0)
		free_certificate(&parsed[--parsed_count]);
}

TestSuite(profile_rules, .fini = tear_down);

static const struct certificate *parse_forged(const struct forged_certificate *forged,
					      const struct private_key *signer)
{
	cr_assert(parsed_count < CERTIFICATES_MAX);
	parsed[parsed_count] = forge_parsed(forged, signer);
	return parsed[parsed_count++];
}

static const struct certificate *parse_root(void)
{
	const struct forged_certificate root = forged_root();

	return parse_forged(&root, root_key());
}

/* What a receiver that trusts the root says of a member's certificate. */
static struct verdict receive(struct bytes der, const struct trust *trust)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct verdict verdict = {0};
	struct fault problem = {0};

	if (parse_certificate_der(der, &certificate, &problem) < 0) {
		cr_expect(problem.class != FAULT_FAILED, "%s", problem.text);
		reject_because(&verdict, "%s", problem.text);
		return verdict;
	}
	OK(verify_chain(trust, certificate, FORGED_NOW_S, NULL, &verdict, &fault));
	return verdict;
}

static void expect_reason(int rule, const char *words, struct bytes der, const struct trust *trust,
			  const char *reason)
{
	struct verdict verdict = receive(der, trust);

	show_rule(rule, words);
	cr_expect_not_null(strstr(verdict.reason, reason), "rule %d: expected %s, found %s", rule,
			   reason, verdict.reason);
}

/* A way to break a rule. */
struct breach {
	int rule;
	const char *words; /* with which the rule begins */
	struct bytes der;  /* of a member's certificate */
	const char *reason;
};

static void expect_refused(const struct breach *breaches, size_t count)
{
	const struct trust trust = {.root = parse_root()};

	for (size_t i = 0; i < count; i++)
		expect_reason(breaches[i].rule, breaches[i].words, breaches[i].der, &trust,
			      breaches[i].reason);
}

#define PART(name) offsetof(struct forged_certificate, name)

/* A member's certificate of which one field is another. */
static struct bytes member_with(size_t part, struct bytes value)
{
	struct forged_certificate forged = forged_member();

	memcpy((char *)&forged + part, &value, sizeof(value));
	return forge_certificate(&forged, root_key());
}

static struct bytes member_of(struct bytes key_usage, struct bytes authority, struct bytes more)
{
	return member_with(PART(extensions), extensions_of(JOIN(key_usage, authority, more)));
}

static struct bytes member_and(struct bytes more)
{
	return member_of(member_key_usage(), authority_key_id("root"), more);
}

static struct bytes member_named(uint8_t tag, struct bytes name)
{
	return member_with(PART(subject), name_with(3, tag, name));
}

static struct bytes member_also_named(struct bytes general_name)
{
	return member_and(extension(17, false, item(DER_SEQUENCE, general_name)));
}

/* An extension of any OID whose value has no content. */
static struct bytes member_and_empty(struct bytes oid)
{
	return member_and(item(DER_SEQUENCE, JOIN(item(DER_OID, oid),
						  item(DER_OCTET_STRING, OCTETS("\x30\x00")))));
}

static struct bytes member_under_algorithm(struct bytes algorithm)
{
	struct forged_certificate forged = forged_member();

	forged.algorithm = forged.outer_algorithm = algorithm;
	return forge_certificate(&forged, root_key());
}

static struct bytes member_with_long_signature(void)
{
	struct forged_certificate forged = forged_member();
	struct bytes der = forge_certificate(&forged, root_key());
	struct certificate_fields fields;

	OK(split_certificate(der, &fields, &fault));
	return item(DER_SEQUENCE,
		    JOIN(fields.signed_object.body, fields.signed_object.algorithm,
			 item(DER_BIT_STRING,
			      JOIN(OCTETS("\0"), fields.signed_object.signature, OCTETS("\0")))));
}

static struct bytes member_with_extensions(size_t count)
{
	struct bytes more = OCTETS("");

	for (size_t i = 2; i < count; i++)
		more = JOIN(more, extension((uint8_t)(60 + i), false, OCTETS("x")));
	return member_and(more);
}

static struct bytes member_of_16_kib(void)
{
	static const uint8_t zeros[CERTIFICATE_DER_MAX];

	return member_and(extension(99, false, (struct bytes){zeros, sizeof(zeros)}));
}

#define PURPOSE(last) "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03" last

/* A certificate that breaks no rule is taken. */
Test(profile_rules, let_a_certificate_pass_that_breaks_none)
{
	const struct trust trust = {.root = parse_root()};
	const struct bytes rows[] = {
		member_and(OCTETS("")),
		member_with_extensions(32),
		member_also_named(OCTETS("\x82\x01x")),
		member_and(extension(37, true, OCTETS(PURPOSE("\x24")))),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_str_eq(receive(rows[i], &trust).reason, "", "row %zu", i);
}

/* catalogue 43, 46, 49, 51 */
Test(profile_rules, of_every_certificate_are_kept)
{
	static const char der[] = "strict DER";
	static const char size[] = "at most 16 KiB and 32 extensions";
	static const char algorithms[] = "ECDSA (P-256, P-384), Ed25519, or RSA";
	static const char key_usage[] = "keyUsage, critical";
	static const char authority[] = "authorityKeyIdentifier with a keyIdentifier";
	static const char constraints[] = "no nameConstraints, policyConstraints";
	static const char known[] = "known extensions well formed";
	static const char names[] = "names in PrintableString and UTF8String";
	static const char alt_names[] = "alternative names that are DNS names";
	const struct bytes spki = spki_of(member_key());
	const struct breach breaches[] = {
		{1, der, member_with(PART(version), OCTETS("\xa0\x04\x02\x02\x00\x02")), "DER"},
		{1, der, JOIN(member_and(OCTETS("")), OCTETS("\0")), "DER"},
		{2, size, member_of_16_kib(), "expected at most 16384 octets"},
		{2, size, member_with_extensions(33), "certpool expects at most 32 extensions"},
		/* The last octet of the curve's OID: prime192v1. */
		{3, algorithms, member_with(PART(spki), patched(spki, 22, 1)), "public key"},
		{3, algorithms,
		 member_under_algorithm(OCTETS("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x01")),
		 "certpool expects ECDSA or RSA with SHA-256"},
		{4, "a signature in its one DER form", member_with_long_signature(),
		 "the signature is not in its one DER form"},
		{5, "an algorithm identifier with exactly the parameters",
		 member_under_algorithm(
			 OCTETS("\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00")),
		 "found another algorithm or other parameters"},
		{6, "notBefore before notAfter",
		 member_with(PART(validity), validity_of("260921141320Z", "260921141320Z")),
		 "certpool expects notBefore before notAfter"},
		{7, key_usage, member_of(OCTETS(""), authority_key_id("root"), OCTETS("")),
		 "certpool expects keyUsage, found none"},
		{7, key_usage,
		 member_of(extension(15, false, OCTETS("\x03\x02\x07\x80")),
			   authority_key_id("root"), OCTETS("")),
		 "certpool expects keyUsage to be critical"},
		{8, authority, member_of(member_key_usage(), OCTETS(""), OCTETS("")),
		 "authorityKeyIdentifier: expected one, found none"},
		{8, authority,
		 member_of(member_key_usage(), extension(35, false, OCTETS("\x30\x00")),
			   OCTETS("")),
		 "authorityKeyIdentifier: expected a keyIdentifier"},
		{8, authority, member_of(member_key_usage(), authority_key_id(""), OCTETS("")),
		 "authorityKeyIdentifier: expected a keyIdentifier"},
		{8, authority, member_and(extension(14, false, OCTETS("\x04\x00"))),
		 "certpool expects subjectKeyIdentifier not to be empty"},
		{9, constraints, member_and(extension(30, false, OCTETS("\x30\x00"))),
		 "certpool expects no nameConstraints"},
		{9, constraints, member_and(extension(36, false, OCTETS("\x30\x00"))),
		 "certpool expects no policyConstraints"},
		{9, constraints, member_and(extension(54, false, OCTETS("\x02\x01\x00"))),
		 "certpool expects no inhibitAnyPolicy"},
		{10, known, member_and_empty(OCTETS("\x55\x1d\x12")), "issuerAltName"},
		{10, known, member_and_empty(OCTETS("\x55\x1d\x09")), "subjectDirectoryAttributes"},
		{10, known, member_and_empty(OCTETS("\x55\x1d\x20")), "certificatePolicies"},
		{10, known, member_and_empty(OCTETS("\x55\x1d\x21")), "policyMappings"},
		{10, known, member_and_empty(OCTETS("\x55\x1d\x1f")), "cRLDistributionPoints"},
		{10, known, member_and_empty(OCTETS("\x55\x1d\x2e")), "freshestCRL"},
		{10, known, member_and_empty(OCTETS("\x2b\x06\x01\x05\x05\x07\x01\x01")),
		 "authorityInfoAccess"},
		{10, known, member_and_empty(OCTETS("\x2b\x06\x01\x05\x05\x07\x01\x0b")),
		 "subjectInfoAccess"},
		{10, known, member_and_empty(OCTETS("\x2b\x06\x01\x05\x05\x07\x30\x01\x05")),
		 "id-pkix-ocsp-nocheck"},
		{11, names, member_named(0x14, OCTETS("a")),
		 "certpool expects PrintableString or UTF8String"},
		{11, names, member_named(DER_UTF8_STRING, OCTETS("")),
		 "expected 1 to 64 characters"},
		{11, names, member_named(DER_UTF8_STRING, OCTETS("a\n")),
		 "certpool allows no character U+000A"},
		{11, names, member_named(DER_UTF8_STRING, OCTETS("a\0")),
		 "certpool allows no character U+0000"},
		{11, names, member_named(DER_UTF8_STRING, OCTETS("a\xe2\x80\xae")),
		 "certpool allows no character U+202E"},
		{12, alt_names, member_also_named(OCTETS("\xa3\x00")),
		 "certpool expects a DNS name, URI, e-mail or IP address"},
		{12, alt_names, member_also_named(OCTETS("\xa5\x00")),
		 "certpool expects a DNS name, URI, e-mail or IP address"},
		{12, alt_names,
		 member_also_named(OCTETS("\x82\x03"
					  "a_-")),
		 "not well formed"},
		{13, "no DNS name whose last label is a number",
		 member_also_named(OCTETS("\x82\x08"
					  "10.0.0.1")),
		 "expected a host's name (RFC 1123 section 2.1), found an address"},
		{13, "no DNS name whose last label is a number",
		 member_also_named(OCTETS("\x82\x04"
					  "ab.1")),
		 "not well formed"},
	};

	begin_rules("## Every certificate\n");
	expect_refused(breaches, COUNT_OF(breaches));
	expect_all_rules_shown();
}

/* catalogue 43, 125 */
Test(profile_rules, of_members_are_kept)
{
	static const char key_usage[] = "keyUsage with digitalSignature, without cRLSign";
	const struct trust trust = {.root = parse_root()};
	const struct breach breaches[] = {
		{14, "no CA:TRUE", member_and(root_basic_constraints()),
		 "certpool expects no CA:TRUE in a member's certificate"},
		{15, key_usage,
		 member_of(extension(15, true, OCTETS("\x03\x02\x05\x20")),
			   authority_key_id("root"), OCTETS("")),
		 "keyUsage: expected digitalSignature"},
		{15, key_usage,
		 member_of(extension(15, true, OCTETS("\x03\x02\x01\x82")),
			   authority_key_id("root"), OCTETS("")),
		 "certpool expects no cRLSign in a member's certificate"},
		{16, "no extKeyUsage, or one with",
		 member_and(extension(37, false, OCTETS(PURPOSE("\x03")))),
		 "it is for other purposes than a member's"},
		{17, "no OCSPSigning among them",
		 member_and(extension(37, false,
				      OCTETS("\x30\x14\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x24"
					     "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09"))),
		 "certpool expects no id-kp-OCSPSigning"},
	};

	begin_rules("## A member's\n");
	expect_refused(breaches, COUNT_OF(breaches));
	expect_reason(18, "itself not to be the root", certificate_der(trust.root), &trust,
		      "it is the root, not a member's");
	expect_all_rules_shown();
}

/* An intermediate of that name by another one, or the root; signed by the key, right or wrong. */
static const struct certificate *between(const char *name, const char *issuer,
					 const struct private_key *signer, struct bytes more)
{
	struct forged_certificate forged = forged_intermediate(name);

	forged.issuer = common_name(issuer);
	forged.extensions = extensions_of(
		JOIN(root_basic_constraints(), root_key_usage(),
		     subject_key_id(strcmp(name, "Root") == 0 ? "root" : name),
		     authority_key_id(strcmp(issuer, "Root") == 0 ? "root" : issuer), more));
	return parse_forged(&forged, signer);
}

static struct bytes member_by(const char *issuer)
{
	struct forged_certificate forged = forged_member();

	forged.issuer = common_name(issuer);
	forged.extensions = extensions_of(
		JOIN(member_key_usage(),
		     authority_key_id(strcmp(issuer, "Root") == 0 ? "root" : issuer)));
	return forge_certificate(&forged, other_key());
}

/* catalogue 124 */
static void break_the_bounds_of_a_path(void)
{
	static const char words[] = "at most 4 intermediates, found among at most 16 certificates";
	static const char *const names[] = {"Root", "A", "B", "C", "D", "E"};
	const struct certificate *chain[INTERMEDIATES_MAX + 1];
	struct trust trust = {.root = parse_root(), .intermediates = chain};
	const struct forged_certificate member = forged_member();
	struct verdict verdict = {0};

	for (size_t i = 0; i < 5; i++)
		chain[i] = between(names[i + 1], names[i], i == 0 ? root_key() : other_key(),
				   OCTETS(""));
	trust.intermediate_count = 5;
	cr_expect_str_eq(receive(member_by("D"), &trust).reason, "");
	expect_reason(19, words, member_by("E"), &trust, "expected at most 4 intermediates on it");
	/* Five that may each have issued each other one and claim to be by the root. */
	for (size_t i = 0; i < 5; i++)
		chain[i] = between("Root", "Root", member_key(), OCTETS(""));
	expect_reason(19, words, member_by("Root"), &trust, "not every path was tried");
	for (size_t i = 0; i < COUNT_OF(chain); i++)
		chain[i] = chain[0];
	trust.intermediate_count = COUNT_OF(chain);
	REFUSED(verify_chain(&trust, parse_forged(&member, root_key()), FORGED_NOW_S, NULL,
			     &verdict, &fault),
		FAULT_TOO_LARGE, "expected at most 16 intermediate certificates, found 17");
}

static void break_the_root(void)
{
	static const char words[] = "the root within its validity and its profile";
	struct forged_certificate forged = forged_root();
	struct trust trust;

	forged.validity = validity_of("200101000000Z", "260101000000Z");
	trust = (struct trust){.root = parse_forged(&forged, root_key())};
	expect_reason(20, words, member_and(OCTETS("")), &trust,
		      "root CN=Root: RFC 5280 section 4.1.2.5: expired");
	forged = forged_root();
	forged.extensions = extensions_of(JOIN(root_basic_constraints(),
					       extension(15, false, OCTETS("\x03\x02\x01\x06")),
					       subject_key_id("root")));
	trust = (struct trust){.root = parse_forged(&forged, root_key())};
	expect_reason(20, words, member_and(OCTETS("")), &trust,
		      "root CN=Root: certpool expects keyUsage to be critical");
}

/* An authorityKeyIdentifier of the root's key with an issuer's name and a serial. */
static struct bytes member_below(const char *issuer, struct bytes serial)
{
	struct bytes names = item(DER_CONTEXT_CONSTRUCTED + 1,
				  item(DER_CONTEXT_CONSTRUCTED + 4, common_name(issuer)));

	return member_of(member_key_usage(),
			 extension(35, false,
				   item(DER_SEQUENCE, JOIN(OCTETS("\x80\x04root"), names,
							   item(DER_CONTEXT + 2, serial)))),
			 OCTETS(""));
}

/* catalogue 124, 125 */
Test(profile_rules, of_paths_are_kept)
{
	static const char authority[] = "authorityCertIssuer and authorityCertSerialNumber";
	const struct certificate *issuing[1];
	struct trust trust = {.root = parse_root(), .intermediates = issuing};

	begin_rules("## A path\n");
	break_the_bounds_of_a_path();
	break_the_root();
	expect_reason(21, "names equal octet by octet",
		      member_with(PART(issuer), name_with(3, DER_PRINTABLE_STRING, OCTETS("Root"))),
		      &trust, "the issuer CN=Root of CN=client1-1 is not known");
	cr_expect_str_eq(receive(member_below("Root", OCTETS("\x11")), &trust).reason, "");
	expect_reason(22, authority, member_below("Root", OCTETS("\x12")), &trust, "is not known");
	expect_reason(22, authority, member_below("root", OCTETS("\x11")), &trust, "is not known");
	issuing[0] = between("Issuing", "Root", root_key(),
			     extension(37, false, OCTETS(PURPOSE("\x03"))));
	trust.intermediate_count = 1;
	expect_reason(23, "extKeyUsage of a CA's certificate", member_by("Issuing"), &trust,
		      "certpool expects an issuer to be for a purpose of the certificate "
		      "below it");
	expect_all_rules_shown();
}
