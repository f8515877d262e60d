#include "common/ca/signer/check_body.h"

#include "common/base/clock.h"
#include "common/ca/revocation/responder_key.h"
#include "common/ca/signer/policy.h"
#include "common/layout/ca_profile.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/profile.h"

#include <string.h>

static void check_times(const struct body_rules *rules, const struct certificate *certificate,
			int64_t backdate_s, int64_t validity_s, struct verdict *verdict)
{
	const struct certificate *issuer = issuer_certificate(rules->issuer);
	int64_t begin_s = certificate_not_before(certificate);
	int64_t end_s = certificate_not_after(certificate);
	char limit[TIME_TEXT_SIZE];

	format_time(rules->now_s - backdate_s - ORDER_SKEW_S, limit);
	if (begin_s < rules->now_s - backdate_s - ORDER_SKEW_S)
		reject_because(verdict, "expected it to begin at %s or later", limit);
	format_time(rules->now_s + validity_s + ORDER_SKEW_S, limit);
	if (end_s > rules->now_s + validity_s + ORDER_SKEW_S)
		reject_because(verdict, "expected it to end at %s or before", limit);
	if (begin_s < certificate_not_before(issuer) || end_s > certificate_not_after(issuer))
		reject_because(verdict, "expected a validity within the CA's own");
}

/* The issuer's name, a serial of ours, a key that is not a CA's, and exactly the extensions. */
static void check_form(const struct body_rules *rules, const struct certificate *certificate,
		       struct bytes extensions, struct verdict *verdict)
{
	const struct certificate_fields *fields = certificate_fields(certificate);
	const struct certificate *const authorities[] = {issuer_certificate(rules->issuer),
							 issuer_root(rules->issuer)};

	if (!equal_bytes(fields->issuer, certificate_fields(authorities[0])->subject))
		reject_because(verdict, "expected this CA as its issuer");
	if (fields->serial.len != SERIAL_MAX)
		reject_because(verdict, "expected a serial of %d octets, found %zu", SERIAL_MAX,
			       fields->serial.len);
	for (size_t i = 0; i < COUNT_OF(authorities); i++)
		if (equal_bytes(fields->spki, certificate_fields(authorities[i])->spki))
			reject_because(verdict, "expected another key than the CA's");
	if (!equal_bytes(fields->extensions, extensions))
		reject_because(verdict, "expected the extensions of a certificate that this CA "
					"gives out, with CA:FALSE, and found others");
}

static int append_expected(const struct body_rules *rules, const struct certificate *certificate,
			   struct buffer *extensions, struct fault *fault)
{
	const struct certificate_fields *fields = certificate_fields(certificate);
	struct extension alt_names = {0};
	struct fault problem = {0};
	bool found;

	if (rules->kind == SIGN_RESPONDER)
		return append_responder_extensions(extensions, rules->issuer, fields->spki, fault);
	/* The profile has the text for extensions that cannot be read. */
	(void)!find_extension(fields->extensions, EXTENSION_SUBJECT_ALT_NAME, &alt_names, &found,
			      &problem);
	return append_member_extensions(
		extensions, rules->issuer, &(struct member_names){fields->subject, alt_names.value},
		rules->kind == SIGN_SERVER ? USE_SERVER : find_usages(fields), fields->spki, fault);
}

static int check_names(const struct body_rules *rules, const struct certificate *certificate,
		       struct verdict *verdict, struct fault *fault)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	const struct asked_usages usages = {.usages = find_usages(certificate_fields(certificate))};
	struct named_key asked = {
		.type = public_key_type(certificate_public_key(certificate)),
		.subject = certificate_subject(certificate),
		.alt_names = &names,
		.usages = &usages,
	};
	struct refusal refusal = {0};
	struct fault problem = {0};

	if (get_certificate_alt_names(certificate, &names, &problem) < 0) {
		reject_because(verdict, "%s", problem.text);
		return pass_failure(&problem, fault);
	}
	check_policy(rules->client, &asked, &refusal);
	if (is_refused(&refusal))
		reject_because(verdict, "%s", refusal.detail);
	else if (choose_usages(rules->client, usages.usages) != usages.usages)
		reject_because(verdict, "usages: expected extKeyUsage with id-kp-documentSigning, "
					"as the policy has more than sign, found none");
	return 0;
}

/* Who orders may not have heard of the newest issuer yet. */
static void check_newest(const struct body_rules *rules, struct verdict *verdict)
{
	const struct certificate *newest = issuer_certificate(rules->newest);
	int64_t begin_s = certificate_not_before(newest) + rules->ca->certificate_backdate_s;

	if (rules->issuer != rules->newest && rules->now_s > begin_s + ORDER_SKEW_S)
		reject_because(verdict, "expected the issuer %s, which is the newest, found %s",
			       certificate_subject(newest),
			       certificate_subject(issuer_certificate(rules->issuer)));
}

/* A window may have begun before the CA's own certificate. */
static void check_window(const struct body_rules *rules, const struct window *window,
			 struct verdict *verdict)
{
	struct refusal refusal = {0};

	check_asked_window(rules->ca, rules->client, window, rules->now_s - ORDER_SKEW_S,
			   rules->now_s + 2 * ORDER_SKEW_S, &refusal);
	if (is_refused(&refusal))
		reject_because(verdict, "%s", refusal.detail);
	if (window->end_s > certificate_not_after(issuer_certificate(rules->issuer)))
		reject_because(verdict, "expected a validity within the CA's own");
}

/* Whole windows, of which the first is that of now, or the one before. */
static void check_rounded(const struct body_rules *rules, const struct window *validity,
			  struct verdict *verdict)
{
	const struct pool_windows windows = rounding_windows(rules->ca);
	const int64_t whole_s = validity->end_s - validity->begin_s - windows.overlap_s;
	const int64_t first_s =
		window_at(&windows, rules->now_s - ORDER_SKEW_S - rules->ca->certificate_backdate_s)
			.begin_s;

	if (validity->begin_s % windows.every_s != 0 || whole_s <= 0 ||
	    whole_s % windows.every_s != 0)
		reject_because(verdict, "expected whole windows as its validity, with ca.profile: "
					"pseudonymous");
	if (validity->begin_s < first_s || validity->begin_s > rules->now_s + ORDER_SKEW_S)
		reject_because(verdict, "expected it to begin with the window of now");
	if (validity->end_s - validity->begin_s > longest_validity(rules->ca, rules->client) ||
	    validity->end_s > certificate_not_after(issuer_certificate(rules->issuer)))
		reject_because(verdict, "expected a validity within the policy and the CA's own");
}

static int check_member(const struct body_rules *rules, const struct certificate *certificate,
			struct verdict *verdict, struct fault *fault)
{
	const struct window window = {certificate_not_before(certificate),
				      certificate_not_after(certificate)};

	check_newest(rules, verdict);
	if (is_window(&rules->ca->windows, &window))
		check_window(rules, &window, verdict);
	else if (rules->ca->pseudonymous)
		check_rounded(rules, &window, verdict);
	else
		check_times(rules, certificate, rules->ca->certificate_backdate_s,
			    longest_validity(rules->ca, rules->client), verdict);
	return check_names(rules, certificate, verdict, fault);
}

/* The CA's own server may have the names of the manifest alone, also as its subject, in which some
   clients look for a name where there are no alternative ones. */
static int check_server(const struct body_rules *rules, const struct certificate *certificate,
			struct verdict *verdict, struct fault *fault)
{
	CLEANUP(clear_alt_names) struct alt_names found = {0};
	CLEANUP(clear_alt_names) struct alt_names allowed = {0};
	char subject[SERVER_SUBJECT_SIZE];
	struct fault problem = {0};

	check_times(rules, certificate, 0, SERVER_VALIDITY_S, verdict);
	if (get_certificate_alt_names(certificate, &found, &problem) < 0) {
		reject_because(verdict, "%s", problem.text);
		return pass_failure(&problem, fault);
	}
	if (list_server_names(rules->ca, &allowed, fault) < 0)
		return -1;
	name_server(&allowed, subject);
	if (strcmp(certificate_subject(certificate), subject) != 0)
		reject_because(verdict, "expected the subject %s, found %s", subject,
			       certificate_subject(certificate));
	for (size_t i = 0; i < found.count; i++)
		if (!has_alt_name(&allowed, found.names[i]))
			reject_because(verdict,
				       "expected the names of the manifest's endpoint and names, "
				       "found %s",
				       found.names[i]);
	return 0;
}

int check_body(const struct body_rules *rules, struct bytes der, struct signed_line *ret_line,
	       struct verdict *verdict, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer extensions = {0};
	struct verdict profile = {0};
	struct fault problem = {0};

	if (parse_certificate_der(der, &certificate, &problem) < 0) {
		reject_because(verdict, "certificate: %s", problem.text);
		return pass_failure(&problem, fault);
	}
	if (check_profile(certificate,
			  rules->kind == SIGN_RESPONDER ? PROFILE_RESPONDER : PROFILE_MEMBER,
			  &profile, fault) < 0 ||
	    append_expected(rules, certificate, &extensions, fault) < 0)
		return -1;
	if (profile.invalid)
		reject_because(verdict, "certificate: %s", profile.reason);
	check_form(rules, certificate, bytes_of_buffer(&extensions), verdict);
	if (rules->kind == SIGN_RESPONDER)
		check_times(rules, certificate, 0, RESPONDER_VALIDITY_S, verdict);
	else if (rules->kind == SIGN_SERVER ? check_server(rules, certificate, verdict, fault) < 0
					    : check_member(rules, certificate, verdict, fault) < 0)
		return -1;
	if (verdict->invalid)
		return 0;
	ret_line->kind = rules->kind == SIGN_RESPONDER ? SIGNED_RESPONDER : SIGNED_CERTIFICATE;
	memcpy(ret_line->number, certificate_serial(certificate).data, SERIAL_MAX);
	ret_line->end_s = certificate_not_after(certificate);
	return 0;
}
