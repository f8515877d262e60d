#include "common/x509/distinguished_name.h"

#include "common/base/utf8.h"
#include "common/x509/der.h"

bool empty_name(struct bytes name)
{
	struct der_item sequence;

	return read_der_tagged(&name, DER_SEQUENCE, &sequence) && sequence.content.len == 0;
}

/* How a string may be encoded. */
enum string_kind { DIRECTORY_STRING, PRINTABLE, IA5 };

static const struct attribute {
	struct bytes oid;
	const char *name;
	size_t least; /* characters */
	size_t most;
	enum string_kind kind;
} attributes[] = {
	{{(const uint8_t *)"\x55\x04\x03", 3}, "commonName", 1, 64, DIRECTORY_STRING},
	{{(const uint8_t *)"\x55\x04\x05", 3}, "serialNumber", 1, 64, PRINTABLE},
	{{(const uint8_t *)"\x55\x04\x06", 3}, "countryName", 2, 2, PRINTABLE},
	{{(const uint8_t *)"\x55\x04\x07", 3}, "localityName", 1, 128, DIRECTORY_STRING},
	{{(const uint8_t *)"\x55\x04\x08", 3}, "stateOrProvinceName", 1, 128, DIRECTORY_STRING},
	{{(const uint8_t *)"\x55\x04\x0a", 3}, "organizationName", 1, 64, DIRECTORY_STRING},
	{{(const uint8_t *)"\x55\x04\x0b", 3}, "organizationalUnitName", 1, 64, DIRECTORY_STRING},
	{{(const uint8_t *)"\x55\x04\x0c", 3}, "title", 1, 64, DIRECTORY_STRING},
	{{(const uint8_t *)"\x55\x04\x2e", 3}, "dnQualifier", 1, 64, PRINTABLE},
	{{(const uint8_t *)"\x55\x04\x41", 3}, "pseudonym", 1, 128, DIRECTORY_STRING},
	{{(const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9}, "emailAddress", 1, 255, IA5},
	{{(const uint8_t *)"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10},
	 "domainComponent",
	 1,
	 63,
	 IA5},
};

/* ub-name, of the attributes that the table does not have. */
static const struct attribute any_attribute = {
	.name = "an attribute", .least = 1, .most = 32768, .kind = DIRECTORY_STRING};

static const struct attribute *find_attribute(struct bytes oid)
{
	for (size_t i = 0; i < COUNT_OF(attributes); i++)
		if (equal_bytes(attributes[i].oid, oid))
			return &attributes[i];
	return &any_attribute;
}

static bool fitting_string(enum string_kind kind, uint8_t tag)
{
	switch (kind) {
	case DIRECTORY_STRING:
		return tag == DER_PRINTABLE_STRING || tag == DER_UTF8_STRING;
	case PRINTABLE:
		return tag == DER_PRINTABLE_STRING;
	case IA5:
		return tag == DER_IA5_STRING;
	}
	return false;
}

static void check_value(const struct attribute *attribute, const struct der_item *value,
			const char *where, struct verdict *verdict)
{
	struct bytes text = value->content;
	uint32_t character;
	size_t count = 0;

	if (!fitting_string(attribute->kind, value->tag)) {
		reject_because(verdict, "%s: %s: expected %s, found ASN.1 tag 0x%02x", where,
			       attribute->name,
			       attribute->kind == DIRECTORY_STRING ? "PrintableString or UTF8String"
			       : attribute->kind == PRINTABLE      ? "PrintableString"
								   : "IA5String",
			       value->tag);
		return;
	}
	for (; read_utf8(&text, &character); count++)
		if (deceptive_character(character))
			reject_because(verdict, "%s: %s: character U+%04X is not allowed in a name",
				       where, attribute->name, (unsigned int)character);
	if (text.len > 0)
		reject_because(verdict, "%s: %s: not UTF-8", where, attribute->name);
	if (count < attribute->least || count > attribute->most)
		reject_because(
			verdict,
			"%s: %s: expected %zu to %zu characters (RFC 5280 appendix A.1), found %zu",
			where, attribute->name, attribute->least, attribute->most, count);
}

static void check_relative_name(struct bytes set, const char *where, struct verdict *verdict)
{
	struct der_item pair;
	struct der_item oid;
	struct der_item value;

	if (set.len == 0)
		reject_because(verdict, "%s: a relative name without attributes", where);
	while (set.len > 0) {
		if (!read_der_tagged(&set, DER_SEQUENCE, &pair) ||
		    !read_der_tagged(&pair.content, DER_OID, &oid) ||
		    !read_der(&pair.content, &value) || pair.content.len > 0) {
			reject_because(verdict, "%s: expected attributes of a type and a value",
				       where);
			return;
		}
		check_value(find_attribute(oid.content), &value, where, verdict);
	}
}

void check_name(struct bytes name, const char *where, struct verdict *verdict)
{
	struct der_item sequence;
	struct der_item set;

	if (!read_der_tagged(&name, DER_SEQUENCE, &sequence)) {
		reject_because(verdict, "%s: expected a sequence of relative names", where);
		return;
	}
	while (sequence.content.len > 0) {
		if (!read_der_tagged(&sequence.content, DER_SET, &set)) {
			reject_because(verdict, "%s: expected a sequence of relative names", where);
			return;
		}
		check_relative_name(set.content, where, verdict);
	}
}
