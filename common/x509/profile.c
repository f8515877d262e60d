#include "common/x509/profile.h"

#include "common/x509/certificate_fields.h"
#include "common/x509/distinguished_name.h"
#include "common/x509/known_extension.h"
#include "common/x509/purpose.h"

#include <string.h>

enum { EXTENSION_COUNT_MAX = 32 };

/* A certificate whose extensions are being checked, and the values that they have. */
struct examination {
	const struct certificate_fields *fields;
	enum profile profile;
	struct verdict *verdict;
	struct fault *fault;
	bool failed;                            /* *fault says why */
	struct bytes oids[EXTENSION_COUNT_MAX]; /* of the extensions so far */
	size_t oid_count;
	bool has_key_usage;
	bool is_ca;
	bool critical_alt_name;
	uint8_t key_usage;
	unsigned int purposes; /* of extKeyUsage */
	struct bytes subject_key_id;
	struct bytes authority_key_id;
};

static bool is_for_ca(enum profile profile)
{
	return profile == PROFILE_ROOT || profile == PROFILE_INTERMEDIATE;
}

/* The one item that the value is; false if it is not strict DER, or has another tag. */
static bool read_value(struct bytes value, uint8_t tag, struct der_item *ret_item)
{
	return check_der(value, "", NULL) == 0 && read_der_tagged(&value, tag, ret_item);
}

static bool read_basic_constraints(struct bytes value, bool *ret_ca, bool *ret_path_length)
{
	struct der_item sequence;
	struct der_item item;

	if (!read_value(value, DER_SEQUENCE, &sequence))
		return false;
	*ret_ca = read_der_tagged(&sequence.content, DER_BOOLEAN, &item);
	if (*ret_ca && item.content.data[0] == 0)
		return false;
	*ret_path_length = read_der_tagged(&sequence.content, DER_INTEGER, &item);
	if (*ret_path_length && item.content.data[0] >= 0x80)
		return false;
	return sequence.content.len == 0;
}

static void check_basic_constraints(struct examination *examination,
				    const struct extension *extension)
{
	static const char where[] = "RFC 5280 section 4.2.1.9: basicConstraints";
	struct verdict *verdict = examination->verdict;
	bool path_length;

	if (!read_basic_constraints(extension->value, &examination->is_ca, &path_length)) {
		reject_because(verdict, "%s: not in DER", where);
		return;
	}
	if (!examination->is_ca && path_length)
		reject_because(verdict, "%s: pathLenConstraint without CA:TRUE", where);
	if (!is_for_ca(examination->profile))
		return;
	if (!extension->critical)
		reject_because(verdict, "%s: expected critical in a CA's certificate", where);
}

/* The last bit of a BIT STRING with named bits is 1 (X.690 section 11.2.2). The value is in DER. */
static bool ends_with_named_bit(struct bytes value)
{
	struct der_item item;

	return read_der_tagged(&value, DER_BIT_STRING, &item) &&
	       (item.content.data[item.content.len - 1] >> item.content.data[0] & 1) != 0;
}

static void check_key_usage(struct examination *examination, const struct extension *extension)
{
	bool second;

	examination->has_key_usage = true;
	if (!read_key_usage(extension->value, &examination->key_usage, &second) ||
	    !ends_with_named_bit(extension->value))
		reject_because(examination->verdict,
			       "RFC 5280 section 4.2.1.3: keyUsage: expected at least one bit, in "
			       "DER");
	if (!extension->critical)
		reject_because(examination->verdict,
			       "certpool expects keyUsage to be critical (RFC 5280 section "
			       "4.2.1.3: should)");
}

static void check_subject_key_id(struct examination *examination, const struct extension *extension)
{
	static const char where[] = "RFC 5280 section 4.2.1.2: subjectKeyIdentifier";
	struct der_item item;

	if (!read_value(extension->value, DER_OCTET_STRING, &item))
		reject_because(examination->verdict, "%s: expected octets, in DER", where);
	else if (item.content.len == 0)
		reject_because(examination->verdict,
			       "certpool expects subjectKeyIdentifier not to be empty "
			       "(docs/profile.md)");
	else
		examination->subject_key_id = item.content;
	if (extension->critical)
		reject_because(examination->verdict, "%s: expected not critical", where);
}

static void check_authority_key_id(struct examination *examination,
				   const struct extension *extension)
{
	static const char where[] = "RFC 5280 section 4.2.1.1: authorityKeyIdentifier";
	struct authority_key_id id = {0};
	const char *problem = read_authority_key_id(extension->value, &id);

	if (extension->critical)
		reject_because(examination->verdict, "%s: expected not critical", where);
	if (problem != NULL)
		reject_because(examination->verdict, "%s: %s", where, problem);
	examination->authority_key_id = id.key_id;
}

static void check_alt_name(struct examination *examination, const struct extension *extension)
{
	static const char where[] = "RFC 5280 section 4.2.1.6";
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct fault problem = {0};

	examination->critical_alt_name = extension->critical;
	if (parse_alt_names(extension->value, &names, &problem) == 0)
		return;
	if (pass_failure(&problem, examination->fault) < 0)
		examination->failed = true;
	else
		reject_because(examination->verdict, "%s: %s", where, problem.text);
}

static void check_extended_key_usage(struct examination *examination,
				     const struct extension *extension)
{
	if (!read_purposes(extension->value, &examination->purposes))
		reject_because(examination->verdict,
			       "RFC 5280 section 4.2.1.12: extKeyUsage: expected at least one "
			       "purpose, in DER");
}

/* verify_chain does not enforce these constraints, so no certificate may have them. */
static void refuse_constraints(struct examination *examination, const struct extension *extension)
{
	const char *what = "inhibitAnyPolicy (RFC 5280 section 4.2.1.14)";

	if (extension->id == EXTENSION_NAME_CONSTRAINTS)
		what = "nameConstraints (RFC 5280 section 4.2.1.10)";
	else if (extension->id == EXTENSION_POLICY_CONSTRAINTS)
		what = "policyConstraints (RFC 5280 section 4.2.1.11)";
	reject_because(examination->verdict,
		       "certpool expects no %s, which it does not enforce (docs/profile.md)", what);
}

static const struct {
	int id;
	void (*check)(struct examination *examination, const struct extension *extension);
} known_extensions[] = {
	{EXTENSION_BASIC_CONSTRAINTS, check_basic_constraints},
	{EXTENSION_KEY_USAGE, check_key_usage},
	{EXTENSION_SUBJECT_KEY_ID, check_subject_key_id},
	{EXTENSION_AUTHORITY_KEY_ID, check_authority_key_id},
	{EXTENSION_SUBJECT_ALT_NAME, check_alt_name},
	{EXTENSION_EXTENDED_KEY_USAGE, check_extended_key_usage},
	{EXTENSION_NAME_CONSTRAINTS, refuse_constraints},
	{EXTENSION_POLICY_CONSTRAINTS, refuse_constraints},
	{EXTENSION_INHIBIT_ANY_POLICY, refuse_constraints},
};

static const char extension_section[] = "RFC 5280 section 4.2";

static void check_extension(struct examination *examination, const struct extension *extension)
{
	const char *problem = find_form_problem(extension);

	for (size_t i = 0; i < examination->oid_count; i++)
		if (equal_bytes(examination->oids[i], extension->oid))
			reject_because(examination->verdict, "%s: an extension is there twice",
				       extension_section);
	examination->oids[examination->oid_count++] = extension->oid;
	for (size_t i = 0; i < COUNT_OF(known_extensions); i++) {
		if (known_extensions[i].id != extension->id)
			continue;
		known_extensions[i].check(examination, extension);
		return;
	}
	if (extension->critical)
		reject_because(examination->verdict,
			       "%s: a critical extension that is not known here",
			       extension_section);
	if (problem != NULL)
		reject_because(examination->verdict, "%s", problem);
}

static void check_extensions(struct examination *examination)
{
	struct bytes rest = examination->fields->extensions;
	struct extension extension;

	if (examination->fields->extensible && rest.len == 0)
		reject_because(examination->verdict,
			       "RFC 5280 section 4.1: extensions: found none in the "
			       "sequence, expected at least one");
	while (read_extension(&rest, &extension)) {
		if (examination->oid_count == EXTENSION_COUNT_MAX) {
			reject_because(examination->verdict,
				       "certpool expects at most %d extensions (docs/profile.md)",
				       EXTENSION_COUNT_MAX);
			return;
		}
		check_extension(examination, &extension);
	}
	if (rest.len > 0)
		reject_because(examination->verdict, "%s: an extension that is not in DER",
			       extension_section);
}

static void check_algorithm(const struct certificate_fields *fields, struct verdict *verdict)
{
	const char *problem = find_signature_problem(&fields->signed_object, NULL);

	if (!equal_bytes(fields->algorithm, fields->signed_object.algorithm))
		reject_because(verdict,
			       "RFC 5280 section 4.1.1.2: signatureAlgorithm: not the one inside "
			       "what is signed");
	if (problem != NULL)
		reject_because(verdict, "RFC 5280 section 4.1.1.2: signatureAlgorithm: %s",
			       problem);
}

static void check_serial(struct bytes serial, struct verdict *verdict)
{
	static const char where[] = "RFC 5280 section 4.1.2.2: serialNumber";

	if (serial.data[0] >= 0x80)
		reject_because(verdict, "%s: expected a positive one, found a negative one", where);
	if (serial.len == 1 && serial.data[0] == 0)
		reject_because(verdict, "%s: expected a positive one, found 0", where);
	if (serial.len > SERIAL_MAX)
		reject_because(verdict, "%s: expected at most %d octets, found %zu", where,
			       SERIAL_MAX, serial.len);
}

static void check_time(const struct der_item *item, const char *name, int64_t *ret_time_s,
		       struct verdict *verdict)
{
	static const char where[] = "RFC 5280 section 4.1.2.5";

	*ret_time_s = 0;
	if (!read_der_time(item, ret_time_s))
		reject_because(verdict, "%s: %s: expected YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ", where,
			       name);
	else if (item->tag == DER_GENERALIZED_TIME && *ret_time_s < DER_GENERALIZED_TIME_FROM_S)
		reject_because(verdict, "%s: %s: expected UTCTime before 2050", where, name);
}

static void check_validity(const struct certificate_fields *fields, struct verdict *verdict)
{
	int64_t not_before_s;
	int64_t not_after_s;

	check_time(&fields->not_before, "notBefore", &not_before_s, verdict);
	check_time(&fields->not_after, "notAfter", &not_after_s, verdict);
	if (not_before_s >= not_after_s)
		reject_because(verdict,
			       "certpool expects notBefore before notAfter (docs/profile.md)");
}

static void check_names(const struct examination *examination)
{
	const struct certificate_fields *fields = examination->fields;
	struct verdict *verdict = examination->verdict;
	static const char issuer[] = "RFC 5280 section 4.1.2.4: issuer";
	static const char subject[] = "RFC 5280 section 4.1.2.6: subject";

	if (empty_name(fields->issuer))
		reject_because(verdict, "%s: expected a name, found an empty one", issuer);
	check_name(fields->issuer, issuer, verdict);
	if (empty_name(fields->subject) && is_for_ca(examination->profile))
		reject_because(verdict, "%s: expected a name, found an empty one", subject);
	else if (empty_name(fields->subject) && !examination->critical_alt_name)
		reject_because(verdict,
			       "%s: expected a name or a critical subjectAltName, found neither",
			       subject);
	check_name(fields->subject, subject, verdict);
	if (examination->profile == PROFILE_ROOT && !equal_bytes(fields->subject, fields->issuer))
		reject_because(verdict,
			       "%s: expected the issuer's name in a self-signed certificate",
			       subject);
}

/* The marks of a CA's certificate, which a member's must not have, and the reverse. */
static void check_role(const struct examination *examination)
{
	struct verdict *verdict = examination->verdict;
	bool wants_ca = is_for_ca(examination->profile);
	uint8_t usage = examination->key_usage;

	if (wants_ca && !examination->is_ca)
		reject_because(verdict,
			       "RFC 5280 section 4.2.1.9: basicConstraints: expected CA:TRUE");
	if (!wants_ca && examination->is_ca)
		reject_because(verdict, "certpool expects no CA:TRUE in a member's certificate "
					"(docs/profile.md)");
	if (wants_ca && !examination->has_key_usage)
		reject_because(verdict,
			       "RFC 5280 section 4.2.1.3: keyUsage: expected one, found none");
	if (!examination->has_key_usage)
		reject_because(verdict, "certpool expects keyUsage, found none (docs/profile.md)");
	if (wants_ca && (usage & USAGE_KEY_CERT_SIGN) == 0)
		reject_because(verdict, "RFC 5280 section 4.2.1.3: keyUsage: expected keyCertSign");
	if (!wants_ca && (usage & USAGE_DIGITAL_SIGNATURE) == 0)
		reject_because(verdict,
			       "RFC 5280 section 4.2.1.3: keyUsage: expected digitalSignature");
	if (!wants_ca && (usage & USAGE_KEY_CERT_SIGN) != 0)
		reject_because(verdict,
			       "RFC 5280 section 4.2.1.3: keyUsage: expected no keyCertSign "
			       "without CA:TRUE");
	if (!wants_ca && (usage & USAGE_CRL_SIGN) != 0)
		reject_because(verdict, "certpool expects no cRLSign in a member's certificate "
					"(docs/profile.md)");
}

/* RFC 5280 section 4.2.1.12: a certificate is for the purposes in it alone. */
static void check_purpose(const struct examination *examination)
{
	struct verdict *verdict = examination->verdict;
	unsigned int purposes = examination->purposes;

	if (examination->profile == PROFILE_RESPONDER && (purposes & PURPOSE_OCSP_SIGNING) == 0)
		reject_because(verdict, "RFC 6960 section 4.2.2.2: extKeyUsage: expected "
					"id-kp-OCSPSigning");
	if (examination->profile != PROFILE_MEMBER)
		return;
	if ((purposes & PURPOSE_OCSP_SIGNING) != 0)
		reject_because(verdict,
			       "certpool expects no id-kp-OCSPSigning in a member's certificate: "
			       "it is an OCSP responder's (docs/profile.md)");
	if ((purposes & PURPOSES_OF_MEMBERS) == 0)
		reject_because(verdict,
			       "RFC 5280 section 4.2.1.12: extKeyUsage: it is for other purposes "
			       "than a member's: expected anyExtendedKeyUsage, clientAuth, "
			       "serverAuth, emailProtection or id-kp-documentSigning, or no "
			       "extKeyUsage");
}

static void check_key_ids(const struct examination *examination)
{
	struct verdict *verdict = examination->verdict;

	if (is_for_ca(examination->profile) && examination->subject_key_id.len == 0)
		reject_because(verdict,
			       "RFC 5280 section 4.2.1.2: subjectKeyIdentifier: expected one in a "
			       "CA's certificate, found none");
	if (examination->profile != PROFILE_ROOT && examination->authority_key_id.len == 0)
		reject_because(verdict,
			       "RFC 5280 section 4.2.1.1: authorityKeyIdentifier: expected one, "
			       "found none");
	if (examination->profile == PROFILE_ROOT && examination->authority_key_id.len > 0 &&
	    !equal_bytes(examination->authority_key_id, examination->subject_key_id))
		reject_because(verdict,
			       "RFC 5280 section 4.2.1.1: authorityKeyIdentifier: expected the "
			       "subjectKeyIdentifier in a self-signed certificate");
}

int check_certificate_fields(const struct certificate_fields *fields, enum profile profile,
			     struct verdict *verdict, struct fault *fault)
{
	struct examination examination = {.fields = fields,
					  .profile = profile,
					  .purposes = PURPOSES_OF_MEMBERS,
					  .verdict = verdict,
					  .fault = fault};

	if (fields->version != 3)
		reject_because(verdict, "RFC 5280 section 4.1.2.1: version: expected 3, found %d",
			       fields->version);
	check_algorithm(fields, verdict);
	check_serial(fields->serial, verdict);
	check_validity(fields, verdict);
	if (fields->unique_identifiers)
		reject_because(verdict,
			       "RFC 5280 section 4.1.2.8: unique identifiers: expected none");
	check_extensions(&examination);
	check_role(&examination);
	check_purpose(&examination);
	check_key_ids(&examination);
	check_names(&examination);
	return examination.failed ? -1 : 0;
}

int check_profile(const struct certificate *certificate, enum profile profile,
		  struct verdict *verdict, struct fault *fault)
{
	return check_certificate_fields(certificate_fields(certificate), profile, verdict, fault);
}
