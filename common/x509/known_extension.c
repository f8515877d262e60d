#include "common/x509/known_extension.h"

/* Reads the next item of a list. */
typedef bool item_function(struct bytes *rest);

/* A sequence of at least one item, which is all that the octets have. */
static bool is_list(struct bytes value, uint8_t tag, item_function *read_item)
{
	struct der_item list;

	if (!read_der_tagged(&value, tag, &list) || value.len > 0 || list.content.len == 0)
		return false;
	while (list.content.len > 0)
		if (!read_item(&list.content))
			return false;
	return true;
}

/* GeneralName (RFC 5280 section 4.2.1.6): the tags of its kinds, from otherName [0] on. */
static bool read_general_name(struct bytes *rest)
{
	static const uint8_t tags[] = {
		DER_CONTEXT_CONSTRUCTED,
		DER_CONTEXT + 1,
		DER_CONTEXT + 2,
		DER_CONTEXT_CONSTRUCTED + 3,
		DER_CONTEXT_CONSTRUCTED + 4,
		DER_CONTEXT_CONSTRUCTED + 5,
		DER_CONTEXT + 6,
		DER_CONTEXT + 7,
		DER_CONTEXT + 8,
	};
	struct der_item name;

	if (!read_der(rest, &name))
		return false;
	for (size_t i = 0; i < COUNT_OF(tags); i++)
		if (tags[i] == name.tag)
			return name.content.len > 0;
	return false;
}

static bool is_general_names(struct bytes value)
{
	return is_list(value, DER_SEQUENCE, read_general_name);
}

/* distributionPoint [0]: fullName [0], or nameRelativeToCRLIssuer [1]. */
static bool is_point_name(struct bytes value)
{
	struct der_item name;

	if (is_list(value, DER_CONTEXT_CONSTRUCTED, read_general_name))
		return true;
	return read_der_tagged(&value, DER_CONTEXT_CONSTRUCTED + 1, &name) && value.len == 0 &&
	       name.content.len > 0;
}

/* DistributionPoint: a name, reasons [1], cRLIssuer [2]; not reasons alone. */
static bool read_distribution_point(struct bytes *rest)
{
	struct der_item point;
	struct der_item name;
	struct der_item item;
	bool named;

	if (!read_der_tagged(rest, DER_SEQUENCE, &point))
		return false;
	named = read_der_tagged(&point.content, DER_CONTEXT_CONSTRUCTED, &name);
	if (named && !is_point_name(name.content))
		return false;
	if (read_der_tagged(&point.content, DER_CONTEXT + 1, &item) && item.content.len < 2)
		return false;
	if (point.content.len == 0)
		return named;
	return is_list(point.content, DER_CONTEXT_CONSTRUCTED + 2, read_general_name);
}

static bool is_distribution_points(struct bytes value)
{
	return is_list(value, DER_SEQUENCE, read_distribution_point);
}

static bool read_access(struct bytes *rest)
{
	struct der_item access;
	struct der_item method;

	return read_der_tagged(rest, DER_SEQUENCE, &access) &&
	       read_der_tagged(&access.content, DER_OID, &method) &&
	       read_general_name(&access.content) && access.content.len == 0;
}

static bool is_access(struct bytes value)
{
	return is_list(value, DER_SEQUENCE, read_access);
}

/* PolicyQualifierInfo: an identifier, and anything. */
static bool read_qualifier(struct bytes *rest)
{
	struct der_item qualifier;
	struct der_item item;

	return read_der_tagged(rest, DER_SEQUENCE, &qualifier) &&
	       read_der_tagged(&qualifier.content, DER_OID, &item) &&
	       read_der(&qualifier.content, &item) && qualifier.content.len == 0;
}

static bool read_policy(struct bytes *rest)
{
	struct der_item policy;
	struct der_item oid;

	return read_der_tagged(rest, DER_SEQUENCE, &policy) &&
	       read_der_tagged(&policy.content, DER_OID, &oid) &&
	       (policy.content.len == 0 || is_list(policy.content, DER_SEQUENCE, read_qualifier));
}

static bool is_policies(struct bytes value)
{
	return is_list(value, DER_SEQUENCE, read_policy);
}

static bool read_mapping(struct bytes *rest)
{
	struct der_item mapping;
	struct der_item oid;

	return read_der_tagged(rest, DER_SEQUENCE, &mapping) &&
	       read_der_tagged(&mapping.content, DER_OID, &oid) &&
	       read_der_tagged(&mapping.content, DER_OID, &oid) && mapping.content.len == 0;
}

static bool is_mappings(struct bytes value)
{
	return is_list(value, DER_SEQUENCE, read_mapping);
}

static bool read_attribute(struct bytes *rest)
{
	struct der_item attribute;
	struct der_item item;

	return read_der_tagged(rest, DER_SEQUENCE, &attribute) &&
	       read_der_tagged(&attribute.content, DER_OID, &item) &&
	       read_der_tagged(&attribute.content, DER_SET, &item) && item.content.len > 0 &&
	       attribute.content.len == 0;
}

static bool is_attributes(struct bytes value)
{
	return is_list(value, DER_SEQUENCE, read_attribute);
}

static bool is_null(struct bytes value)
{
	struct der_item item;

	return read_der_tagged(&value, DER_NULL, &item) && value.len == 0;
}

static const struct {
	struct bytes oid;
	bool (*has_form)(struct bytes value);
	const char *problem;
} forms[] = {
	{DER_LITERAL("\x55\x1d\x09"), is_attributes,
	 "RFC 5280 section 4.2.1.8: subjectDirectoryAttributes: expected at least one attribute"},
	{DER_LITERAL("\x55\x1d\x12"), is_general_names,
	 "RFC 5280 section 4.2.1.7: issuerAltName: expected at least one name"},
	{DER_LITERAL("\x55\x1d\x1f"), is_distribution_points,
	 "RFC 5280 section 4.2.1.13: cRLDistributionPoints: expected at least one point, with a "
	 "name or a CRL issuer"},
	{DER_LITERAL("\x55\x1d\x20"), is_policies,
	 "RFC 5280 section 4.2.1.4: certificatePolicies: expected at least one policy"},
	{DER_LITERAL("\x55\x1d\x21"), is_mappings,
	 "RFC 5280 section 4.2.1.5: policyMappings: expected at least one pair of policies"},
	{DER_LITERAL("\x55\x1d\x2e"), is_distribution_points,
	 "RFC 5280 section 4.2.1.15: freshestCRL: expected at least one point, with a name or a "
	 "CRL issuer"},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x01\x01"), is_access,
	 "RFC 5280 section 4.2.2.1: authorityInfoAccess: expected at least one method and "
	 "location"},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x01\x0b"), is_access,
	 "RFC 5280 section 4.2.2.2: subjectInfoAccess: expected at least one method and location"},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x30\x01\x05"), is_null,
	 "RFC 6960 section 4.2.2.2.1: id-pkix-ocsp-nocheck: expected NULL"},
};

const char *find_form_problem(const struct extension *extension)
{
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		if (!equal_bytes(forms[i].oid, extension->oid))
			continue;
		if (check_der(extension->value, "", NULL) == 0 &&
		    forms[i].has_form(extension->value))
			return NULL;
		return forms[i].problem;
	}
	return NULL;
}
