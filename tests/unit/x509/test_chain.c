#include "common/x509/chain.h"

#include "common/crypto/signed_message.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

static struct certificate *make_root(void)
{
	struct forged_certificate forged = forged_root();

	return forge_parsed(&forged, root_key());
}

static struct certificate *root;

static void set_up(void)
{
	root = make_root();
}

static void tear_down(void)
{
	free_certificate(&root);
}

TestSuite(chain, .init = set_up, .fini = tear_down);

static struct verdict judge(const struct certificate *trusted,
			    const struct certificate *const *intermediates, size_t count,
			    const struct certificate *certificate, int64_t at_s)
{
	const struct trust trust = {
		.root = trusted, .intermediates = intermediates, .intermediate_count = count};
	struct verdict verdict = {0};

	OK(verify_chain(&trust, certificate, at_s, NULL, &verdict, &fault));
	cr_expect_eq(verdict.invalid, verdict.reason[0] != '\0');
	return verdict;
}

static void expect_reason(struct verdict verdict, const char *reason)
{
	cr_expect(verdict.invalid, "expected: %s", reason);
	cr_expect(strstr(verdict.reason, reason) != NULL, "expected %s, found %s", reason,
		  verdict.reason);
}

static struct certificate *make_member(void)
{
	struct forged_certificate forged = forged_member();

	return forge_parsed(&forged, root_key());
}

/* A member of an intermediate of this name, signed by the key. */
static struct certificate *make_member_of(const char *issuer, const struct private_key *signer)
{
	struct forged_certificate forged = forged_member();

	forged.issuer = common_name(issuer);
	forged.extensions = extensions_of(JOIN(member_key_usage(), authority_key_id(issuer)));
	return forge_parsed(&forged, signer);
}

static struct certificate *make_intermediate(const char *name)
{
	struct forged_certificate forged = forged_intermediate(name);

	return forge_parsed(&forged, root_key());
}

/* catalogue 9: self-signed, or under another root of the same name */
Test(chain, refuses_certificates_that_the_root_did_not_sign)
{
	struct forged_certificate own = forged_member();
	struct forged_certificate impostor = forged_root();
	struct certificate *rows[4];

	rows[0] = forge_parsed(&own, other_key());
	expect_reason(judge(root, NULL, 0, rows[0], FORGED_NOW_S),
		      "section 4.1.1.3: signatureValue: the signature is not by the key");
	own.issuer = own.subject;
	own.extensions = extensions_of(
		JOIN(member_key_usage(), subject_key_id("member"), authority_key_id("member")));
	rows[1] = forge_parsed(&own, member_key());
	expect_reason(judge(root, NULL, 0, rows[1], FORGED_NOW_S),
		      "RFC 5280 section 6.1: no path to the root CN=Root: the issuer CN=client1-1");
	rows[2] = make_member_of("Nobody", other_key());
	expect_reason(judge(root, NULL, 0, rows[2], FORGED_NOW_S), "the issuer CN=Nobody");
	/* the impostor root offered as an intermediate */
	impostor.spki = spki_of(other_key());
	rows[3] = forge_parsed(&impostor, other_key());
	expect_reason(
		judge(root, (const struct certificate *const *)&rows[3], 1, rows[0], FORGED_NOW_S),
		"section 4.1.1.3: signatureValue: the signature is not by the key");
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		free_certificate(&rows[i]);
}

/* Whether a chain of the root, an intermediate and a member is valid; both are DER. */
static bool takes(struct bytes intermediate, struct bytes member)
{
	CLEANUP(free_certificate) struct certificate *between = NULL;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;

	return parse_certificate_der(intermediate, &between, NULL) == 0 &&
	       parse_certificate_der(member, &certificate, NULL) == 0 &&
	       !judge(root, (const struct certificate *const *)&between, 1, certificate,
		      FORGED_NOW_S)
			.invalid;
}

/* Flips the lowest and the highest bit of every octet of both. */
Test(chain, refuses_every_changed_certificate)
{
	struct forged_certificate issuing = forged_intermediate("Issuing");
	struct forged_certificate forged = forged_member();
	struct bytes intermediate = forge_certificate(&issuing, root_key());
	struct bytes member;

	forged.issuer = common_name("Issuing");
	forged.extensions = extensions_of(JOIN(member_key_usage(), authority_key_id("Issuing")));
	member = forge_certificate(&forged, other_key());
	cr_assert(takes(intermediate, member));
	for (unsigned int bit = 0x01; bit <= 0x80; bit <<= 7) {
		for (size_t i = 0; i < member.len; i++)
			cr_expect(!takes(intermediate,
					 patched(member, i, (uint8_t)(member.data[i] ^ bit))),
				  "member, octet %zu", i);
		for (size_t i = 0; i < intermediate.len; i++)
			cr_expect(!takes(patched(intermediate, i,
						 (uint8_t)(intermediate.data[i] ^ bit)),
					 member),
				  "intermediate, octet %zu", i);
	}
}

Test(chain, refuses_the_root_as_a_member)
{
	struct certificate *same = make_root();

	expect_reason(judge(root, NULL, 0, root, FORGED_NOW_S), "it is the root, not a member's");
	cr_expect(judge(root, NULL, 0, same, FORGED_NOW_S).invalid);
	free_certificate(&same);
}

/* catalogue 50, 94 */
Test(chain, refuses_certificates_outside_their_time)
{
	static const struct {
		int64_t at_s;
		const char *reason; /* NULL: valid */
	} rows[] = {
		{INT64_C(1577836799), "root CN=Root: RFC 5280 section 4.1.2.5: not yet valid at "
				      "2019-12-31T23:59:59Z, only from 2020-01-01T00:00:00Z"},
		{INT64_C(1735689599), "certificate CN=client1-1: RFC 5280 section 4.1.2.5: not yet "
				      "valid at 2024-12-31T23:59:59Z"},
		{INT64_C(1735689600), NULL},
		{INT64_C(2366841600), NULL},
		{INT64_C(2366841601), "certificate CN=client1-1: RFC 5280 section 4.1.2.5: expired "
				      "at 2045-01-01T00:00:01Z, valid until 2045-01-01T00:00:00Z"},
		{INT64_C(2840140801), "root CN=Root: RFC 5280 section 4.1.2.5: expired"},
		{0, "not yet valid"},
		{INT64_C(253402300799), "expired"},
	};
	struct certificate *member = make_member();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct verdict verdict = judge(root, NULL, 0, member, rows[i].at_s);

		if (rows[i].reason != NULL)
			expect_reason(verdict, rows[i].reason);
		else
			cr_expect(!verdict.invalid, "%s", verdict.reason);
	}
	free_certificate(&member);
}

Test(chain, refuses_an_expired_intermediate)
{
	struct forged_certificate forged = forged_intermediate("Between");
	struct certificate *member = make_member_of("Between", other_key());
	const struct certificate *between[1];
	struct certificate *expired = NULL;

	forged.validity = validity_of("200101000000Z", "260101000000Z");
	expired = forge_parsed(&forged, root_key());
	between[0] = expired;
	expect_reason(judge(root, between, 1, member, FORGED_NOW_S),
		      "intermediate CN=Between: RFC 5280 section 4.1.2.5: expired");
	free_certificate(&expired);
	free_certificate(&member);
}

/* A trusted root must have its profile too. */
Test(chain, refuses_a_root_that_is_not_in_its_profile)
{
	struct forged_certificate forged = forged_root();
	struct certificate *altered = NULL;
	struct certificate *member = make_member();

	forged.extensions = extensions_of(JOIN(root_basic_constraints(),
					       extension(15, true, OCTETS("\x03\x02\x01\x02")),
					       subject_key_id("root")));
	altered = forge_parsed(&forged, root_key());
	expect_reason(judge(altered, NULL, 0, member, FORGED_NOW_S),
		      "root CN=Root: RFC 5280 section 4.2.1.3: keyUsage: expected keyCertSign");
	free_certificate(&altered);
	free_certificate(&member);
}

/* The root signed it and the name is right, but it is not a CA. */
Test(chain, refuses_a_member_as_issuer)
{
	struct forged_certificate forged = forged_intermediate("Between");
	struct certificate *member = make_member_of("Between", other_key());
	const struct certificate *between[1];
	struct certificate *leaf = NULL;

	forged.extensions = extensions_of(
		JOIN(member_key_usage(), subject_key_id("Between"), authority_key_id("root")));
	leaf = forge_parsed(&forged, root_key());
	between[0] = leaf;
	expect_reason(judge(root, between, 1, member, FORGED_NOW_S),
		      "intermediate CN=Between: RFC 5280 section 4.2.1.9: basicConstraints: "
		      "expected CA:TRUE");
	free_certificate(&leaf);
	free_certificate(&member);
}

Test(chain, refuses_a_path_longer_than_an_issuer_allows)
{
	struct forged_certificate first = forged_intermediate("First");
	struct forged_certificate second = forged_intermediate("Second");
	struct certificate *member = make_member_of("Second", member_key());
	struct certificate *made[2];
	const struct certificate *between[2];

	second.issuer = common_name("First");
	second.spki = spki_of(member_key());
	second.extensions =
		extensions_of(JOIN(root_basic_constraints(), root_key_usage(),
				   subject_key_id("Second"), authority_key_id("First")));
	made[1] = forge_parsed(&second, other_key());
	between[1] = made[1];
	made[0] = forge_parsed(&first, root_key());
	between[0] = made[0];
	cr_expect_str_eq(judge(root, between, 2, member, FORGED_NOW_S).reason, "");
	free_certificate(&made[0]);
	first.extensions = extensions_of(
		JOIN(extension(19, true, OCTETS("\x30\x06\x01\x01\xff\x02\x01\x00")),
		     root_key_usage(), subject_key_id("First"), authority_key_id("root")));
	made[0] = forge_parsed(&first, root_key());
	between[0] = made[0];
	expect_reason(judge(root, between, 2, member, FORGED_NOW_S),
		      "pathLenConstraint: CN=First allows 0 intermediates below it, found 1");
	free_certificate(&made[0]);
	free_certificate(&made[1]);
	free_certificate(&member);
}

/* catalogue 51: r of the signature with a superfluous zero, which GnuTLS may let pass */
Test(chain, refuses_a_malleable_signature)
{
	struct forged_certificate forged = forged_member();
	struct bytes der = forge_certificate(&forged, root_key());
	struct bytes rest = der;
	struct der_item outer;
	struct der_item body;
	struct der_item algorithm;
	struct der_item bits;
	struct certificate *certificate = NULL;

	cr_assert(read_der(&rest, &outer) && read_der(&outer.content, &body) &&
		  read_der(&outer.content, &algorithm) && read_der(&outer.content, &bits));
	der = item(DER_SEQUENCE, JOIN(body.whole, algorithm.whole,
				      item(DER_BIT_STRING, JOIN(bits.content, OCTETS("\0")))));
	cr_assert_eq(parse_certificate_der(der, &certificate, NULL), 0);
	expect_reason(judge(root, NULL, 0, certificate, FORGED_NOW_S),
		      "the signature is not in its one DER form");
	free_certificate(&certificate);
}

Test(chain, refuses_loops_and_too_many_intermediates)
{
	struct forged_certificate forged = forged_intermediate("A");
	struct certificate *member = make_member_of("A", other_key());
	struct certificate *loop[2];
	const struct certificate *between[INTERMEDIATES_MAX + 1];
	const struct trust too_many = {
		.root = root, .intermediates = between, .intermediate_count = COUNT_OF(between)};
	struct verdict verdict = {0};

	forged.issuer = common_name("B");
	forged.extensions = extensions_of(JOIN(root_basic_constraints(), root_key_usage(),
					       subject_key_id("A"), authority_key_id("B")));
	loop[0] = forge_parsed(&forged, other_key());
	forged.subject = common_name("B");
	forged.issuer = common_name("A");
	forged.extensions = extensions_of(JOIN(root_basic_constraints(), root_key_usage(),
					       subject_key_id("B"), authority_key_id("A")));
	loop[1] = forge_parsed(&forged, other_key());
	for (size_t i = 0; i < COUNT_OF(between); i++)
		between[i] = loop[i % 2];
	expect_reason(judge(root, between, CHAIN_MAX, member, FORGED_NOW_S),
		      "no path to the root CN=Root: the issuer CN=A of CN=B is not known");
	REFUSED(verify_chain(&too_many, member, FORGED_NOW_S, NULL, &verdict, &fault),
		FAULT_TOO_LARGE, "at most 16 intermediate certificates");
	free_certificate(&loop[0]);
	free_certificate(&loop[1]);
	free_certificate(&member);
}

Test(chain, accepts_a_member_of_the_root_and_of_an_intermediate)
{
	struct certificate *direct = make_member();
	struct certificate *member = make_member_of("Between", other_key());
	struct certificate *made[] = {make_intermediate("Aside"), make_intermediate("Between")};
	const struct certificate *between[] = {made[0], made[1]};

	cr_expect_str_eq(judge(root, NULL, 0, direct, FORGED_NOW_S).reason, "");
	cr_expect_str_eq(judge(root, between, 2, direct, FORGED_NOW_S).reason, "");
	cr_expect_str_eq(judge(root, between, 2, member, FORGED_NOW_S).reason, "");
	expect_reason(judge(root, between, 1, member, FORGED_NOW_S), "no path");
	free_certificate(&made[0]);
	free_certificate(&made[1]);
	free_certificate(&member);
	free_certificate(&direct);
}

static struct certificate *read_vector(const char *name)
{
	struct certificate *certificate = NULL;

	OK(parse_certificate_pem(vector_text(name), &certificate, &fault), "%s", name);
	return certificate;
}

static void judge_vector(const char *root_name, const char *between_name, const char *name,
			 const char *reason)
{
	struct certificate *trusted = read_vector(root_name);
	struct certificate *made = between_name == NULL ? NULL : read_vector(between_name);
	struct certificate *certificate = read_vector(name);
	const struct certificate *between[] = {made};
	int64_t at_s = certificate_not_before(certificate) + 60;
	struct verdict verdict = judge(trusted, between, between_name != NULL, certificate, at_s);

	if (reason == NULL)
		cr_expect(!verdict.invalid, "%s: %s", name, verdict.reason);
	else
		expect_reason(verdict, reason);
	free_certificate(&trusted);
	free_certificate(&made);
	free_certificate(&certificate);
}

Test(chain, verifies_chains_of_openssl_and_certtool)
{
	judge_vector("openssl-root.crt", "openssl-intermediate.crt", "openssl-member.crt", NULL);
	judge_vector("openssl-root.crt", NULL, "openssl-direct-member.crt", NULL);
	judge_vector("openssl-root.crt", NULL, "openssl-member.crt", "no path");
	judge_vector("openssl-root.crt", "openssl-intermediate.crt", "signed-sha1.crt",
		     "4.1.1.2: signatureAlgorithm");
	judge_vector("openssl-root.crt", NULL, "version-1.crt", "4.1.2.1: version");
	judge_vector("certtool-root.crt", NULL, "certtool-member.crt", NULL);
	judge_vector("certtool-root.crt", NULL, "openssl-direct-member.crt", "no path");
}

/* The root comes before an intermediate of its name. */
Test(chain, finds_the_issuer)
{
	const struct forged_certificate middle_parts = forged_intermediate("Middle");
	const struct forged_certificate member_parts = forged_member();
	struct forged_certificate below_parts = forged_member();
	CLEANUP(free_certificate)
	struct certificate *middle = forge_parsed(&middle_parts, root_key());
	CLEANUP(free_certificate)
	struct certificate *member = forge_parsed(&member_parts, root_key());
	CLEANUP(free_certificate) struct certificate *below = NULL;
	const struct certificate *const intermediates[] = {root, middle};
	struct trust trust = {.root = root, .intermediates = intermediates};

	below_parts.issuer = common_name("Middle");
	below_parts.extensions =
		extensions_of(JOIN(member_key_usage(), authority_key_id("Middle")));
	below = forge_parsed(&below_parts, other_key());
	cr_expect_null(find_issuer(&trust, below, FORGED_NOW_S));
	trust.intermediate_count = 2;
	cr_expect_eq(find_issuer(&trust, member, FORGED_NOW_S), root);
	cr_expect_eq(find_issuer(&trust, below, FORGED_NOW_S), middle);
}
