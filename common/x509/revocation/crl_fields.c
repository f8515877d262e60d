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

/* Reads one extension into the context, if its kind is known. Returns NULL, or the problem. */
typedef const char *extension_function(const struct extension *extension, void *context);

static const char *read_extensions(struct bytes list, extension_function *read, void *context)
{
	struct bytes oids[EXTENSIONS_MAX];
	struct extension extension = {0};
	const char *problem = list.len == 0 ? "extensions: expected at least one" : NULL;

	for (size_t count = 0; problem == NULL && read_extension(&list, &extension); count++) {
		if (count == EXTENSIONS_MAX)
			return "certpool expects at most 16 extensions (docs/profile.md)";
		for (size_t i = 0; i < count; i++)
			if (equal_bytes(oids[i], extension.oid))
				return "RFC 5280 section 4.2: an extension is there twice";
		oids[count] = extension.oid;
		problem = read(&extension, context);
	}
	if (problem == NULL && list.len > 0)
		return "extensions: expected the structure of RFC 5280 section 4.1";
	return problem;
}

static const char *read_number(struct bytes value, struct bytes *ret_number)
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

static const char *read_crl_extension(const struct extension *extension, void *context)
{
	struct crl_fields *fields = context;

	switch (extension->id) {
	case EXTENSION_AUTHORITY_KEY_ID:
		return read_authority_key_id(extension->value, &fields->authority_key_id) != NULL
			       ? "RFC 5280 section 5.2.1: authorityKeyIdentifier: expected a "
				 "keyIdentifier, and issuer and serial or neither, in DER"
			       : NULL;
	case ID_CRL_NUMBER:
		return read_number(extension->value, &fields->number);
	case ID_DELTA_CRL_INDICATOR:
		return "certpool takes no delta CRL (RFC 5280 section 5.2.4), only a complete one "
		       "(docs/profile.md)";
	case ID_ISSUING_DISTRIBUTION_POINT:
		return "certpool takes no CRL with an issuingDistributionPoint (RFC 5280 section "
		       "5.2.5), only one of everything that its issuer revoked (docs/profile.md)";
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
	       (item.tag == DER_UTC_TIME || *ret_time_s >= DER_GENERALIZED_TIME_FROM_S);
}

/* The fields after nextUpdate: the list, which is absent if it would be empty, and the extensions.
 */
static const char *read_list(struct bytes *rest, struct crl_fields *fields)
{
	struct der_item list;
	struct der_item wrapping;
	struct der_item extensions;
	const char *problem;

	if (read_der_tagged(rest, DER_SEQUENCE, &list)) {
		if (list.content.len == 0)
			return "RFC 5280 section 5.1.2.6: revokedCertificates: expected entries, "
			       "or no list";
		fields->revoked = list.content;
	}
	if (!read_der_tagged(rest, DER_CONTEXT_CONSTRUCTED, &wrapping) ||
	    !read_der_tagged(&wrapping.content, DER_SEQUENCE, &extensions) ||
	    wrapping.content.len > 0 || rest->len > 0)
		return "RFC 5280 section 5.1.2.7: expected crlExtensions, and the end";
	problem = read_extensions(extensions.content, read_crl_extension, fields);
	if (problem != NULL)
		return problem;
	if (fields->authority_key_id.key_id.len == 0)
		return "RFC 5280 section 5.2.1: authorityKeyIdentifier: expected one, found none";
	if (fields->number.len == 0)
		return "RFC 5280 section 5.2.3: CRL number: expected one, found none";
	return NULL;
}

static const char *read_body(struct bytes rest, struct crl_fields *fields)
{
	struct der_item version;
	struct der_item algorithm;
	struct der_item issuer;

	if (!read_der_tagged(&rest, DER_INTEGER, &version) || version.content.len != 1 ||
	    version.content.data[0] != 1)
		return "RFC 5280 section 5.1.2.1: version: expected 2";
	if (!read_der_tagged(&rest, DER_SEQUENCE, &algorithm) ||
	    !equal_bytes(algorithm.whole, fields->signed_object.algorithm))
		return "RFC 5280 section 5.1.2.2: signature: expected the algorithm that follows "
		       "the body";
	if (!read_der_tagged(&rest, DER_SEQUENCE, &issuer) || issuer.content.len == 0)
		return "RFC 5280 section 5.1.2.3: issuer: expected a name";
	if (!read_crl_time(&rest, &fields->this_update_s))
		return "RFC 5280 section 5.1.2.4: thisUpdate: expected YYMMDDHHMMSSZ, from 2050 on "
		       "YYYYMMDDHHMMSSZ";
	if (!read_crl_time(&rest, &fields->next_update_s))
		return "RFC 5280 section 5.1.2.5: nextUpdate: expected YYMMDDHHMMSSZ, from 2050 on "
		       "YYYYMMDDHHMMSSZ";
	if (fields->next_update_s < fields->this_update_s)
		return "certpool expects nextUpdate not before thisUpdate (docs/profile.md)";
	fields->issuer = issuer.whole;
	return read_list(&rest, fields);
}

int split_crl(struct bytes der, struct crl_fields *ret_fields, struct fault *fault)
{
	struct crl_fields fields = {0};
	struct der_item body;
	const char *problem = "RFC 5280 section 5.1: expected a body, an algorithm and a signature";

	if (check_der(der, "CRL", fault) < 0)
		return -1;
	if (split_signed_object(der, &fields.signed_object) &&
	    read_der(&(struct bytes){fields.signed_object.body.data, fields.signed_object.body.len},
		     &body))
		problem = read_body(body.content, &fields);
	if (problem != NULL)
		return set_fault(fault, FAULT_MALFORMED, "CRL: %s", problem);
	*ret_fields = fields;
	return 0;
}

static const char *read_reason(struct bytes value, int *ret_reason)
{
	struct der_item item;

	if (!read_der_tagged(&value, DER_ENUMERATED, &item) || value.len > 0 ||
	    item.content.len != 1 || !valid_crl_reason(item.content.data[0]) ||
	    item.content.data[0] == REASON_REMOVE_FROM_CRL)
		return "RFC 5280 section 5.3.1: reasonCode: expected a reason of a complete CRL";
	*ret_reason = item.content.data[0];
	return NULL;
}

static const char *read_entry_extension(const struct extension *extension, void *context)
{
	struct revoked_entry *entry = context;

	switch (extension->id) {
	case ID_REASON_CODE:
		return read_reason(extension->value, &entry->reason);
	case ID_CERTIFICATE_ISSUER:
		return "certpool takes no CRL with certificateIssuer (RFC 5280 section 5.3.3), "
		       "only one of its issuer's certificates (docs/profile.md)";
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
	const char *problem = NULL;

	if (!read_der_tagged(&after, DER_SEQUENCE, &sequence) ||
	    !read_der_tagged(&sequence.content, DER_INTEGER, &serial) || serial.content.len == 0 ||
	    serial.content.len > SERIAL_MAX)
		return "RFC 5280 section 5.1.2.6: expected a serial of at most 20 octets";
	if (!read_crl_time(&sequence.content, &entry.revoked_at_s))
		return "RFC 5280 section 5.1.2.6: revocationDate: expected YYMMDDHHMMSSZ, from "
		       "2050 on YYYYMMDDHHMMSSZ";
	if (read_der_tagged(&sequence.content, DER_SEQUENCE, &extensions))
		problem = read_extensions(extensions.content, read_entry_extension, &entry);
	if (problem == NULL && sequence.content.len > 0)
		problem = "RFC 5280 section 5.1.2.6: expected the entry's end";
	if (problem != NULL)
		return problem;
	entry.serial = serial.content;
	*ret_entry = entry;
	*rest = after;
	return NULL;
}
