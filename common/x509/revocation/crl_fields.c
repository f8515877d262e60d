#include "common/x509/revocation/crl_fields.h"

#include "common/x509/certificate.h"
#include "common/x509/revocation/crl_reason.h"

/* The last arc of id-ce (RFC 5280 sections 5.2 and 5.3). */
enum {
	ID_CRL_NUMBER = 20,
	ID_REASON_CODE = 21,
	ID_DELTA_CRL_INDICATOR = 27,
	ID_ISSUING_DISTRIBUTION_POINT = 28,
	ID_CERTIFICATE_ISSUER = 29,
};

enum { EXTENSIONS_MAX = 16, NUMBER_LEN_MAX = 20 };

/* 2050-01-01T00:00:00Z, from which on GeneralizedTime is written. */
static const int64_t generalized_from_s = INT64_C(2524608000);

/* Takes what is known of an extension; NULL, or what is wrong. */
typedef const char *take_function(const struct extension *extension, void *context);

static const char *take_extensions(struct bytes list, take_function *take, void *context)
{
	struct bytes seen[EXTENSIONS_MAX];
	struct extension extension = {0};
	const char *flaw = list.len == 0 ? "extensions: expected at least one" : NULL;

	for (size_t count = 0; flaw == NULL && read_extension(&list, &extension); count++) {
		if (count == EXTENSIONS_MAX)
			return "extensions: expected at most 16";
		for (size_t i = 0; i < count; i++)
			if (equal_bytes(seen[i], extension.oid))
				return "RFC 5280 section 4.2: an extension is there twice";
		seen[count] = extension.oid;
		flaw = take(&extension, context);
	}
	if (flaw == NULL && list.len > 0)
		return "extensions: expected the structure of RFC 5280 section 4.1";
	return flaw;
}

static const char *take_number(struct bytes value, struct bytes *ret_number)
{
	struct der_item item;

	if (!read_der_tagged(&value, DER_INTEGER, &item) || value.len > 0 ||
	    item.content.len == 0 || item.content.data[0] >= 0x80)
		return "RFC 5280 section 5.2.3: CRL number: expected a number that is not negative";
	if (item.content.len > 1 && item.content.data[0] == 0) {
		item.content.data++;
		item.content.len--;
	}
	if (item.content.len > NUMBER_LEN_MAX)
		return "RFC 5280 section 5.2.3: CRL number: expected at most 20 octets";
	*ret_number = item.content;
	return NULL;
}

/* The keyIdentifier [0] comes first. */
static const char *take_key_id(struct bytes value, struct bytes *ret_key_id)
{
	struct der_item sequence;
	struct der_item item;

	if (!read_der_tagged(&value, DER_SEQUENCE, &sequence) || value.len > 0 ||
	    !read_der_tagged(&sequence.content, DER_CONTEXT, &item) || item.content.len == 0)
		return "RFC 5280 section 5.2.1: authorityKeyIdentifier: expected a keyIdentifier";
	*ret_key_id = item.content;
	return NULL;
}

static const char *take_crl_extension(const struct extension *extension, void *context)
{
	struct crl_fields *parts = context;

	switch (extension->id) {
	case EXTENSION_AUTHORITY_KEY_ID:
		return take_key_id(extension->value, &parts->authority_key_id);
	case ID_CRL_NUMBER:
		return take_number(extension->value, &parts->number);
	case ID_DELTA_CRL_INDICATOR:
		return "RFC 5280 section 5.2.4: a delta CRL is not taken: expected a complete one";
	case ID_ISSUING_DISTRIBUTION_POINT:
		return "RFC 5280 section 5.2.5: a CRL with an issuingDistributionPoint is not "
		       "taken: expected one of everything that its issuer revoked";
	default:
		return extension->critical ? "RFC 5280 section 5.2: a critical extension that is "
					     "not known here"
					   : NULL;
	}
}

static bool read_crl_time(struct bytes *rest, int64_t *ret_time_s)
{
	struct der_item item;

	return read_der(rest, &item) && read_der_time(&item, ret_time_s) &&
	       (item.tag == DER_UTC_TIME || *ret_time_s >= generalized_from_s);
}

/* After nextUpdate: the list, which is not written when it is empty, and the extensions. */
static const char *read_list(struct bytes *rest, struct crl_fields *parts)
{
	struct der_item list;
	struct der_item wrapping;
	struct der_item extensions;
	const char *flaw;

	if (read_der_tagged(rest, DER_SEQUENCE, &list)) {
		if (list.content.len == 0)
			return "RFC 5280 section 5.1.2.6: revokedCertificates: expected entries, "
			       "or no list";
		parts->revoked = list.content;
	}
	if (!read_der_tagged(rest, DER_CONTEXT_CONSTRUCTED, &wrapping) ||
	    !read_der_tagged(&wrapping.content, DER_SEQUENCE, &extensions) ||
	    wrapping.content.len > 0 || rest->len > 0)
		return "RFC 5280 section 5.1.2.7: expected crlExtensions, and the end";
	flaw = take_extensions(extensions.content, take_crl_extension, parts);
	if (flaw != NULL)
		return flaw;
	if (parts->authority_key_id.len == 0)
		return "RFC 5280 section 5.2.1: authorityKeyIdentifier: expected one, found none";
	if (parts->number.len == 0)
		return "RFC 5280 section 5.2.3: CRL number: expected one, found none";
	return NULL;
}

static const char *read_body(struct bytes rest, struct crl_fields *parts)
{
	struct der_item version;
	struct der_item algorithm;
	struct der_item issuer;

	if (!read_der_tagged(&rest, DER_INTEGER, &version) || version.content.len != 1 ||
	    version.content.data[0] != 1)
		return "RFC 5280 section 5.1.2.1: version: expected 2";
	if (!read_der_tagged(&rest, DER_SEQUENCE, &algorithm) ||
	    !equal_bytes(algorithm.whole, parts->signed_object.algorithm))
		return "RFC 5280 section 5.1.2.2: signature: expected the algorithm that follows "
		       "the body";
	if (!read_der_tagged(&rest, DER_SEQUENCE, &issuer) || issuer.content.len == 0)
		return "RFC 5280 section 5.1.2.3: issuer: expected a name";
	if (!read_crl_time(&rest, &parts->this_update_s))
		return "RFC 5280 section 5.1.2.4: thisUpdate: expected YYMMDDHHMMSSZ, from 2050 on "
		       "YYYYMMDDHHMMSSZ";
	if (!read_crl_time(&rest, &parts->next_update_s))
		return "RFC 5280 section 5.1.2.5: nextUpdate: expected YYMMDDHHMMSSZ, from 2050 on "
		       "YYYYMMDDHHMMSSZ";
	if (parts->next_update_s < parts->this_update_s)
		return "RFC 5280 section 5.1.2.5: nextUpdate: expected it after thisUpdate";
	parts->issuer = issuer.whole;
	return read_list(&rest, parts);
}

int split_crl(struct bytes der, struct crl_fields *ret_parts, struct fault *fault)
{
	struct crl_fields parts = {0};
	struct der_item body;
	const char *flaw = "RFC 5280 section 5.1: expected a body, an algorithm and a signature";

	if (check_der(der, "CRL", fault) < 0)
		return -1;
	if (split_signed_object(der, &parts.signed_object) &&
	    read_der(&(struct bytes){parts.signed_object.body.data, parts.signed_object.body.len},
		     &body))
		flaw = read_body(body.content, &parts);
	if (flaw != NULL)
		return set_fault(fault, FAULT_MALFORMED, "CRL: %s", flaw);
	*ret_parts = parts;
	return 0;
}

static const char *take_reason(struct bytes value, int *ret_reason)
{
	struct der_item item;

	if (!read_der_tagged(&value, DER_ENUMERATED, &item) || value.len > 0 ||
	    item.content.len != 1 || !valid_crl_reason(item.content.data[0]) ||
	    item.content.data[0] == REASON_REMOVE_FROM_CRL)
		return "RFC 5280 section 5.3.1: reasonCode: expected a reason of a complete CRL";
	*ret_reason = item.content.data[0];
	return NULL;
}

static const char *take_entry_extension(const struct extension *extension, void *context)
{
	struct revoked_entry *entry = context;

	switch (extension->id) {
	case ID_REASON_CODE:
		return take_reason(extension->value, &entry->reason);
	case ID_CERTIFICATE_ISSUER:
		return "RFC 5280 section 5.3.3: a CRL with certificateIssuer is not taken: "
		       "expected one of its issuer's certificates alone";
	default:
		return extension->critical ? "RFC 5280 section 5.3: a critical extension that is "
					     "not known here"
					   : NULL;
	}
}

const char *read_revoked_entry(struct bytes *rest, struct revoked_entry *ret_entry)
{
	struct revoked_entry entry = {0};
	struct bytes after = *rest;
	struct der_item sequence;
	struct der_item serial;
	struct der_item extensions;
	const char *flaw = NULL;

	if (!read_der_tagged(&after, DER_SEQUENCE, &sequence) ||
	    !read_der_tagged(&sequence.content, DER_INTEGER, &serial) || serial.content.len == 0 ||
	    serial.content.len > SERIAL_MAX)
		return "RFC 5280 section 5.1.2.6: expected a serial of at most 20 octets";
	if (!read_crl_time(&sequence.content, &entry.revoked_at_s))
		return "RFC 5280 section 5.1.2.6: revocationDate: expected YYMMDDHHMMSSZ, from "
		       "2050 on YYYYMMDDHHMMSSZ";
	if (read_der_tagged(&sequence.content, DER_SEQUENCE, &extensions))
		flaw = take_extensions(extensions.content, take_entry_extension, &entry);
	if (flaw == NULL && sequence.content.len > 0)
		flaw = "RFC 5280 section 5.1.2.6: expected the entry's end";
	if (flaw != NULL)
		return flaw;
	entry.serial = serial.content;
	*ret_entry = entry;
	*rest = after;
	return NULL;
}
