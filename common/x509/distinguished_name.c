#include "common/x509/distinguished_name.h"

#include "common/base/hex.h"
#include "common/base/utf8.h"
#include "common/x509/der.h"

#include <gnutls/x509.h>
#include <inttypes.h>
#include <string.h>

bool empty_name(struct bytes name)
{
	struct der_item sequence;

	return read_der_tagged(&name, DER_SEQUENCE, &sequence) && sequence.content.len == 0;
}

/* The encodings that an attribute allows for its value. */
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

/* For attributes that are not in the table: ub-name. */
static const struct attribute any_attribute = {
	.name = "an attribute", .least = 1, .most = 32768, .kind = DIRECTORY_STRING};

static const struct attribute *find_attribute(struct bytes oid)
{
	for (size_t i = 0; i < COUNT_OF(attributes); i++)
		if (equal_bytes(attributes[i].oid, oid))
			return &attributes[i];
	return &any_attribute;
}

static bool allows_tag(enum string_kind kind, uint8_t tag)
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

	if (!allows_tag(attribute->kind, value->tag)) {
		reject_because(verdict, "%s: %s: certpool expects %s, found ASN.1 tag 0x%02x",
			       where, attribute->name,
			       attribute->kind == DIRECTORY_STRING ? "PrintableString or UTF8String"
			       : attribute->kind == PRINTABLE      ? "PrintableString"
								   : "IA5String",
			       value->tag);
		return;
	}
	for (; read_utf8(&text, &character); count++)
		if (deceptive_character(character))
			reject_because(verdict,
				       "%s: %s: certpool allows no character U+%04X in a name "
				       "(docs/profile.md)",
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

size_t find_common_names(struct bytes name, struct bytes *ret_values, size_t most)
{
	static const struct bytes id_at_common_name = DER_LITERAL("\x55\x04\x03");
	struct der_item sequence = {0};
	struct der_item set;
	struct der_item pair;
	struct der_item oid;
	struct der_item value;
	size_t count = 0;

	(void)read_der_tagged(&name, DER_SEQUENCE, &sequence);
	while (read_der_tagged(&sequence.content, DER_SET, &set))
		while (read_der_tagged(&set.content, DER_SEQUENCE, &pair)) {
			if (!read_der_tagged(&pair.content, DER_OID, &oid) ||
			    !read_der(&pair.content, &value) ||
			    !equal_bytes(oid.content, id_at_common_name))
				continue;
			if (count < most)
				ret_values[count] = value.content;
			count++;
		}
	return count;
}

static void deinit_dn(gnutls_x509_dn_t *dn)
{
	if (*dn != NULL)
		gnutls_x509_dn_deinit(*dn);
	*dn = NULL;
}

/* Turns the result of a GnuTLS function that read the text into a return value and a fault. */
static int check_result(const char *text, int result, struct fault *fault)
{
	if (result == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (result < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "subject \"%s\": expected RFC 4514 like CN=client1,O=Example: %s",
				 text, gnutls_strerror(result));
	return 0;
}

static int parse_text(const char *text, gnutls_x509_dn_t *dn, struct fault *fault)
{
	int result = gnutls_x509_dn_init(dn);

	if (result >= 0)
		result = gnutls_x509_dn_set_str(*dn, text, NULL);
	return check_result(text, result, fault);
}

int append_name(struct buffer *buffer, const char *text, struct fault *fault)
{
	CLEANUP(deinit_dn) gnutls_x509_dn_t dn = NULL;
	gnutls_datum_t der = {0};

	if (parse_text(text, &dn, fault) < 0 ||
	    check_result(text, gnutls_x509_dn_export2(dn, GNUTLS_X509_FMT_DER, &der), fault) < 0)
		return -1;
	append_bytes(buffer, (struct bytes){der.data, der.size});
	gnutls_free(der.data);
	return check_buffer(buffer, fault);
}

/* Appends the arcs of an object identifier, from its contents octets (X.690 section 8.19). */
static void append_arcs(struct buffer *text, struct bytes oid)
{
	uint64_t arc = 0;
	bool first = true;

	for (size_t i = 0; i < oid.len; i++) {
		arc = arc << 7 | (oid.data[i] & 0x7f);
		if (oid.data[i] >= 0x80)
			continue;
		if (first)
			append_format(text, "%d.%" PRIu64, arc < 80 ? (int)(arc / 40) : 2,
				      arc < 80 ? arc % 40 : arc - 80);
		else
			append_format(text, ".%" PRIu64, arc);
		first = false;
		arc = 0;
	}
}

/* Appends the short name of an attribute type, or its arcs and returns false if GnuTLS knows no
   name. */
static bool append_type(struct buffer *text, struct bytes oid)
{
	static const struct bytes common_name = DER_LITERAL("\x55\x04\x03"); /* 2.5.4.3 */
	CLEANUP(clear_buffer) struct buffer arcs = {0};
	const char *name;

	if (equal_bytes(oid, common_name)) {
		append_string(text, "CN");
		return true;
	}
	append_arcs(&arcs, oid);
	text->failed |= arcs.failed || arcs.data == NULL;
	if (text->failed)
		return true;
	name = gnutls_x509_dn_oid_name((const char *)arcs.data, 0);
	append_string(text, name != NULL ? name : (const char *)arcs.data);
	return name != NULL;
}

static bool must_escape(uint32_t character, bool first, bool last)
{
	return (character < 0x80 && character != 0 &&
		strchr(",+\"\\<>;", (int)character) != NULL) ||
	       (character == ' ' && (first || last)) || (character == '#' && first);
}

/* Escapes as RFC 4514 section 2.4 asks, and writes '?' for deceptive characters. */
static void append_value(struct buffer *text, struct bytes value)
{
	const size_t begin = value.len;
	uint32_t character;

	while (value.len > 0) {
		struct bytes one = value;

		if (!read_utf8(&value, &character)) {
			character = 0;
			value.data++;
			value.len--;
		}
		if (must_escape(character, one.len == begin, value.len == 0))
			append_string(text, "\\");
		one.len -= value.len;
		append_bytes(text, deceptive_character(character) ? bytes_of_string("?") : one);
	}
}

static bool is_text(uint8_t tag)
{
	return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_IA5_STRING;
}

/* Appends the attributes of one relative name; false if the set is not one. */
static bool append_relative_name(struct buffer *text, struct bytes set)
{
	struct der_item pair;
	struct der_item oid;
	struct der_item value;

	for (bool first = true; set.len > 0; first = false) {
		bool named;

		if (!read_der_tagged(&set, DER_SEQUENCE, &pair) ||
		    !read_der_tagged(&pair.content, DER_OID, &oid) ||
		    !read_der(&pair.content, &value) || pair.content.len > 0)
			return false;
		if (!first)
			append_string(text, "+");
		named = append_type(text, oid.content);
		append_string(text, "=");
		if (named && is_text(value.tag)) {
			append_value(text, value.content);
		} else {
			append_string(text, "#");
			append_hex(text, value.whole);
		}
	}
	return true;
}

/* No real subject has as many relative names. */
enum { RELATIVE_NAMES_MAX = 128 };

/* The last relative name of the sequence comes first (RFC 4514 section 2.1). */
static bool append_name_text(struct buffer *text, struct bytes name)
{
	struct bytes sets[RELATIVE_NAMES_MAX];
	struct der_item sequence;
	struct der_item set;
	size_t count = 0;

	if (!read_der_tagged(&name, DER_SEQUENCE, &sequence) || name.len > 0)
		return false;
	while (count < COUNT_OF(sets) && read_der_tagged(&sequence.content, DER_SET, &set))
		sets[count++] = set.content;
	for (size_t i = count; i > 0; i--) {
		if (i < count)
			append_string(text, ",");
		if (!append_relative_name(text, sets[i - 1]))
			return false;
	}
	return sequence.content.len == 0;
}

int format_name(struct bytes name, char **ret_text, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	append_string(&text, "");
	if (!append_name_text(&text, name))
		return set_fault(fault, FAULT_MALFORMED,
				 "name: expected a sequence of at most %d relative names, with "
				 "attributes of a type and a value",
				 RELATIVE_NAMES_MAX);
	if (check_buffer(&text, fault) < 0)
		return -1;
	*ret_text = (char *)take_buffer(&text).data;
	return 0;
}

int rewrite_subject(const char *text, char **ret_text, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer name = {0};

	if (append_name(&name, text, fault) < 0)
		return -1;
	if (empty_name(bytes_of_buffer(&name)))
		return set_fault(
			fault, FAULT_MALFORMED,
			"subject: expected RFC 4514 like CN=client1,O=Example, found none");
	return format_name(bytes_of_buffer(&name), ret_text, fault);
}
