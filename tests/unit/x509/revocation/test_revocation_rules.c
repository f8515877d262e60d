#include "common/x509/revocation/ocsp_request.h"
#include "common/x509/revocation/ocsp_verify.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/profile_rules.h"
#include "tests/unit/x509/revocation/forge_crl.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* docs/profile.md, rule by rule: the CRLs and OCSP answers that break one. */

#define NONCE "0123456789abcdef0123456789abcdef"

static struct certificate *issuer;

static void set_up(void)
{
	const struct forged_certificate root = forged_root();

	issuer = forge_parsed(&root, root_key());
}

static void tear_down(void)
{
	free_certificate(&issuer);
}

TestSuite(revocation_rules, .init = set_up, .fini = tear_down);

/* What a verifier says of a CRL; takes it over. */
static struct verdict consult(struct buffer *content)
{
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct verdict verdict = {0};
	struct fault problem = {0};

	if (parse_crl(content, &crl, &problem) < 0)
		reject_because(&verdict, "%s", problem.text);
	else
		OK(verify_crl(crl, issuer, FORGED_NOW_S, &verdict, &fault));
	return verdict;
}

static struct verdict consult_copy(const struct forged_crl *forged)
{
	struct buffer content = {0};

	append_bytes(&content, forge_crl(forged, root_key()));
	return consult(&content);
}

static void expect_reason(int rule, const char *words, struct verdict verdict, const char *reason)
{
	show_rule(rule, words);
	cr_expect_not_null(strstr(verdict.reason, reason), "rule %d: expected %s, found %s", rule,
			   reason, verdict.reason);
}

static struct bytes crl_extensions_and(struct bytes more)
{
	return crl_extensions_of(
		JOIN(authority_key_id("root"), crl_number_extension(OCTETS("\x07")), more));
}

/* A CRL of 128 MiB and an octet, none of which is read. */
static struct buffer make_large_crl(void)
{
	struct buffer content = {.data = calloc(1, (size_t)CRL_DER_MAX + 2),
				 .len = (size_t)CRL_DER_MAX + 1,
				 .size = (size_t)CRL_DER_MAX + 2};

	cr_assert_not_null(content.data);
	content.data[0] = DER_SEQUENCE;
	return content;
}

static void break_the_form_of_a_crl(void)
{
	static const char whole[] = "a complete CRL of one issuer: no delta";
	static const char bounds[] = "nextUpdate not before thisUpdate; at most 16 extensions";
	const struct {
		int rule;
		const char *words;
		size_t part;
		struct bytes value;
		const char *reason;
	} rows[] = {
#define PART(name) offsetof(struct forged_crl, name)
		{24, whole, PART(extensions),
		 crl_extensions_and(extension(27, true, OCTETS("\x02\x01\x01"))),
		 "certpool takes no delta CRL"},
		{24, whole, PART(extensions),
		 crl_extensions_and(extension(28, false, OCTETS("\x30\x00"))),
		 "certpool takes no CRL with an issuingDistributionPoint"},
		{24, whole, PART(revoked),
		 revoked_list(revoked_entry(OCTETS("\x01"), "260101000000Z",
					    extension(29, false, OCTETS("\x30\x00")))),
		 "certpool takes no CRL with certificateIssuer"},
		{25, bounds, PART(next_update), item(DER_UTC_TIME, OCTETS("260921141319Z")),
		 "certpool expects nextUpdate not before thisUpdate"},
#undef PART
	};
	struct bytes many = OCTETS("");
	struct forged_crl forged = forged_crl();
	struct buffer large = make_large_crl();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct forged_crl changed = forged_crl();

		memcpy((char *)&changed + rows[i].part, &rows[i].value, sizeof(rows[i].value));
		expect_reason(rows[i].rule, rows[i].words, consult_copy(&changed), rows[i].reason);
	}
	for (uint8_t arc = 100; arc < 115; arc++)
		many = JOIN(many, extension(arc, false, OCTETS("\x05\x00")));
	forged.extensions = crl_extensions_and(many);
	expect_reason(25, bounds, consult_copy(&forged), "certpool expects at most 16 extensions");
	expect_reason(25, bounds, consult(&large), "CRL: expected at most 134217728 octets");
}

/* catalogue 58 */
Test(revocation_rules, of_crls_are_kept)
{
	struct forged_crl forged = forged_crl();
	struct forged_certificate root = forged_root();

	cr_expect_str_eq(consult_copy(&forged).reason, "");
	begin_rules("## CRLs\n");
	break_the_form_of_a_crl();
	/* 301 seconds. */
	forged.this_update = item(DER_UTC_TIME, OCTETS("260921141821Z"));
	expect_reason(26, "thisUpdate at most 300 s in the future", consult_copy(&forged),
		      "not in the future");
	forged.this_update = item(DER_UTC_TIME, OCTETS("260921141820Z"));
	cr_expect_str_eq(consult_copy(&forged).reason, "");
	tear_down();
	root.extensions = extensions_of(JOIN(root_basic_constraints(),
					     extension(15, true, OCTETS("\x03\x02\x02\x04")),
					     subject_key_id("root")));
	issuer = forge_parsed(&root, root_key());
	expect_reason(27, "cRLSign in the issuer's keyUsage", consult_copy(&forged),
		      "does not allow cRLSign");
	expect_all_rules_shown();
}

/* An answer about the serial 0x33, by the issuer. */
static struct ocsp_single single;
static struct ocsp_answer answer;
static struct ocsp_signer signer;
static struct issuer_hashes hashes;
static struct buffer id;

static void begin_answer(void)
{
	struct bytes rest;

	clear_buffer(&id);
	OK(digest_issuer(issuer, &hashes, &fault));
	append_cert_id(&id, OCSP_SHA256, &hashes, OCTETS("\x33"));
	rest = bytes_of_buffer(&id);
	single = (struct ocsp_single){.this_update_s = FORGED_NOW_S,
				      .next_update_s = FORGED_NOW_S + 3600};
	cr_assert(read_cert_id(&rest, &single.id));
	answer = (struct ocsp_answer){.singles = &single,
				      .count = 1,
				      .nonce = OCTETS(NONCE),
				      .produced_at_s = FORGED_NOW_S};
	signer = (struct ocsp_signer){.key = root_key(), .certificate = issuer};
}

static void expect_answer_refused(int rule, const char *words, const char *reason)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	const struct ocsp_question question = {.issuer = issuer,
					       .serial = OCTETS("\x33"),
					       .nonce = OCTETS(NONCE),
					       .now_s = FORGED_NOW_S};
	struct ocsp_single found;
	struct verdict verdict = {0};

	OK(format_ocsp_response(&answer, &signer, &der, &fault));
	OK(verify_ocsp_response(bytes_of_buffer(&der), &question, &found, &verdict, &fault));
	if (rule != 0)
		expect_reason(rule, words, verdict, reason);
	else
		cr_expect_str_eq(verdict.reason, "");
	begin_answer();
}

static void break_the_nonce(void)
{
	static const char words[] = "nonces of 1 to 128 octets, in requests to its responder";
	struct bytes long_nonce = OCTETS(NONCE NONCE NONCE NONCE "x");
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct ocsp_request parsed;

	answer.nonce = OCTETS("");
	expect_answer_refused(28, "the nonce that it sent, of 32 octets, in the answer",
			      "certpool expects the nonce that was sent");
	answer.nonce = long_nonce;
	expect_answer_refused(29, words, "nonce: expected 1 to 128 octets");
	OK(format_ocsp_request(&hashes, OCSP_SHA256, OCTETS("\x33"), long_nonce, &request, &fault));
	REFUSED(parse_ocsp_request(bytes_of_buffer(&request), &parsed, &fault), FAULT_MALFORMED,
		"nonce: expected 1 to 128 octets");
}

/* A responder whose certificate another CA of the same name issued. */
static void break_the_responder(void)
{
	struct forged_certificate forged = forged_member();
	CLEANUP(free_certificate) struct certificate *responder = NULL;

	forged.spki = spki_of(other_key());
	forged.extensions = extensions_of(JOIN(
		member_key_usage(),
		extension(37, false, OCTETS("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09")),
		authority_key_id("root")));
	responder = forge_parsed(&forged, root_key());
	signer = (struct ocsp_signer){.key = other_key(), .certificate = responder};
	expect_answer_refused(0, "", "");
	free_certificate(&responder);
	responder = forge_parsed(&forged, member_key());
	signer = (struct ocsp_signer){.key = other_key(), .certificate = responder};
	expect_answer_refused(30, "the responder's certificate to be the issuer's",
			      "the signature is not by the key");
}

/* catalogue 53, 54, 55 */
Test(revocation_rules, of_ocsp_answers_are_kept)
{
	static const char times[] = "thisUpdate and producedAt at most 300 s in the future";
	static const char endless[] = "without nextUpdate, thisUpdate within the last hour";

	begin_rules("## OCSP\n");
	begin_answer();
	expect_answer_refused(0, "", "");
	break_the_nonce();
	break_the_responder();
	single.this_update_s += OCSP_SKEW_S + 1;
	expect_answer_refused(31, times, "not in the future");
	answer.produced_at_s += OCSP_SKEW_S + 1;
	expect_answer_refused(31, times, "not in the future");
	single.this_update_s -= 7200;
	single.next_update_s = FORGED_NOW_S - 1;
	expect_answer_refused(31, times, "certpool expects nextUpdate not to be past");
	single.this_update_s -= OCSP_AGE_MAX_S + 1;
	single.next_update_s = 0;
	expect_answer_refused(32, endless, "certpool expects a response without nextUpdate");
	single.this_update_s += 10;
	single.next_update_s = FORGED_NOW_S + 5;
	expect_answer_refused(32, endless, "not before thisUpdate");
	expect_all_rules_shown();
	clear_buffer(&id);
}
