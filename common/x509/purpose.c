#include "common/x509/purpose.h"

#include "common/x509/certificate.h"
#include "common/x509/certificate_builder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* `usage` is 0 for a purpose that no member's certificate has; rows are in the order in which
   append_usages writes them. */
static const struct {
	struct bytes oid;
	const char *name;
	unsigned int purposes;
	unsigned int usage;
} known_purposes[] = {
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x01"), "serverAuth", PURPOSE_SERVER_AUTH,
	 USE_SERVER},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x02"), "clientAuth", PURPOSE_CLIENT_AUTH,
	 USE_CLIENT},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x04"), "emailProtection",
	 PURPOSE_EMAIL_PROTECTION, USE_EMAIL},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x24"), "documentSigning",
	 PURPOSE_DOCUMENT_SIGNING, USE_SIGN},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x09"), "OCSPSigning", PURPOSE_OCSP_SIGNING, 0},
	{DER_LITERAL("\x55\x1d\x25\x00"), "anyExtendedKeyUsage", PURPOSES_OF_MEMBERS, 0},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x03"), "codeSigning", 0, 0},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x08"), "timeStamping", 0, 0},
};

bool read_purposes(struct bytes value, unsigned int *ret_purposes)
{
	unsigned int purposes = 0;
	struct der_item sequence;
	struct der_item oid;

	if (check_der(value, "", NULL) < 0 || !read_der_tagged(&value, DER_SEQUENCE, &sequence) ||
	    sequence.content.len == 0)
		return false;
	while (read_der_tagged(&sequence.content, DER_OID, &oid))
		for (size_t i = 0; i < COUNT_OF(known_purposes); i++)
			if (equal_bytes(known_purposes[i].oid, oid.content))
				purposes |= known_purposes[i].purposes;
	if (sequence.content.len > 0)
		return false;
	*ret_purposes = purposes;
	return true;
}

unsigned int find_purposes(const struct certificate_fields *fields)
{
	struct extension extension = {0};
	unsigned int purposes = 0;
	bool found = false;

	if (find_extension(fields->extensions, EXTENSION_EXTENDED_KEY_USAGE, &extension, &found,
			   NULL) < 0)
		return 0;
	if (!found)
		return PURPOSES_OF_MEMBERS;
	return read_purposes(extension.value, &purposes) ? purposes : 0;
}

bool read_key_usage(struct bytes value, uint8_t *ret_bits, bool *ret_second)
{
	struct der_item item;

	if (check_der(value, "", NULL) < 0 || !read_der_tagged(&value, DER_BIT_STRING, &item) ||
	    value.len > 0 || item.content.len < 2 || item.content.len > 3)
		return false;
	*ret_bits = item.content.data[1];
	*ret_second = item.content.len == 3 && item.content.data[2] != 0;
	return true;
}

unsigned int purposes_of_usages(unsigned int usages)
{
	unsigned int purposes = 0;

	for (size_t i = 0; i < COUNT_OF(known_purposes); i++)
		if ((known_purposes[i].usage & usages) != 0)
			purposes |= known_purposes[i].purposes;
	return purposes;
}

/* False where the extension is not there, or the extensions cannot be read. */
static bool find_value(struct bytes extensions, enum extension_id id, struct bytes *ret_value)
{
	struct extension extension = {0};
	bool found = false;

	if (find_extension(extensions, id, &extension, &found, NULL) < 0 || !found)
		return false;
	*ret_value = extension.value;
	return true;
}

unsigned int find_usages(const struct certificate_fields *fields)
{
	unsigned int usages = 0;
	unsigned int purposes = 0;
	struct bytes value;
	uint8_t bits = 0;
	bool second;

	if (!find_value(fields->extensions, EXTENSION_EXTENDED_KEY_USAGE, &value))
		usages = USE_SIGN;
	else if (read_purposes(value, &purposes))
		for (size_t i = 0; i < COUNT_OF(known_purposes); i++)
			if ((purposes & known_purposes[i].purposes) != 0)
				usages |= known_purposes[i].usage;
	if (usages == USE_SIGN && purposes != 0)
		usages |= USE_NAMED_SIGN;
	if (find_value(fields->extensions, EXTENSION_KEY_USAGE, &value) &&
	    read_key_usage(value, &bits, &second) && (bits & USAGE_KEY_ENCIPHERMENT) != 0)
		usages |= USE_KEY_ENCIPHERMENT;
	return usages;
}

void check_usage(const struct certificate *certificate, enum usage usage, struct verdict *verdict)
{
	const struct certificate_fields *fields = certificate_fields(certificate);
	char expected[USAGES_TEXT_SIZE];
	char found[USAGES_TEXT_SIZE];

	if ((find_purposes(fields) & purposes_of_usages(usage)) != 0)
		return;
	format_usages(usage, expected);
	format_usages(find_usages(fields) & PLAIN_USAGES, found);
	reject_because(verdict,
		       "certificate %s: RFC 5280 section 4.2.1.12: extKeyUsage: expected one for "
		       "%s, found one for %s",
		       certificate_subject(certificate), expected,
		       found[0] != '\0' ? found : "other purposes");
}

void append_usages(struct buffer *extensions, unsigned int usages)
{
	CLEANUP(clear_buffer) struct buffer value = {0};

	append_key_usage(extensions,
			 USAGE_DIGITAL_SIGNATURE | ((usages & USE_KEY_ENCIPHERMENT) != 0
							    ? (unsigned int)USAGE_KEY_ENCIPHERMENT
							    : 0));
	if ((usages & (PLAIN_USAGES | USE_NAMED_SIGN)) == USE_SIGN)
		return;
	for (size_t i = 0; i < COUNT_OF(known_purposes); i++)
		if ((known_purposes[i].usage & usages) != 0)
			append_der(&value, DER_OID, known_purposes[i].oid);
	enclose_der(&value, 0, DER_SEQUENCE);
	append_ce_extension(extensions, EXTENSION_EXTENDED_KEY_USAGE, false,
			    bytes_of_buffer(&value));
	extensions->failed |= value.failed;
}

/* --- requests --- */

static void add_other(struct asked_usages *asked, const char *name)
{
	const size_t len = strlen(asked->other);

	(void)snprintf(asked->other + len, sizeof(asked->other) - len, "%s%s", len > 0 ? ", " : "",
		       name);
}

/* The object identifier as dotted numbers. An arc beyond 63 bits ends the text. */
static void add_other_oid(struct asked_usages *asked, struct bytes oid)
{
	char text[64] = "";
	size_t len = 0;
	uint64_t arc = 0;

	for (size_t i = 0; i < oid.len && len < sizeof(text) && arc <= UINT64_MAX >> 8; i++) {
		arc = arc << 7 | (oid.data[i] & 0x7f);
		if (oid.data[i] >= 0x80)
			continue;
		if (len == 0) {
			uint64_t first = arc < 80 ? arc / 40 : 2;

			len = (size_t)snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64, first,
					       arc - 40 * first);
		} else {
			len += (size_t)snprintf(text + len, sizeof(text) - len, ".%" PRIu64, arc);
		}
		arc = 0;
	}
	add_other(asked, text);
}

static bool ask_purposes(struct bytes value, struct asked_usages *asked)
{
	unsigned int purposes;
	struct der_item sequence;
	struct der_item oid;

	if (!read_purposes(value, &purposes) || !read_der_tagged(&value, DER_SEQUENCE, &sequence))
		return false;
	while (read_der_tagged(&sequence.content, DER_OID, &oid)) {
		size_t i = 0;

		while (i < COUNT_OF(known_purposes) &&
		       !equal_bytes(known_purposes[i].oid, oid.content))
			i++;
		if (i == COUNT_OF(known_purposes))
			add_other_oid(asked, oid.content);
		else if (known_purposes[i].usage == 0)
			add_other(asked, known_purposes[i].name);
		else
			asked->usages |= known_purposes[i].usage;
	}
	return true;
}

static bool ask_key_usage(struct bytes value, struct asked_usages *asked)
{
	/* From the highest bit on; NULL: a bit that certificates have. */
	static const char *const names[] = {
		NULL,           "nonRepudiation", NULL,      "dataEncipherment",
		"keyAgreement", "keyCertSign",    "cRLSign", "encipherOnly"};
	uint8_t bits;
	bool second;

	if (!read_key_usage(value, &bits, &second))
		return false;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (names[i] != NULL && (bits >> (7 - i) & 1) != 0)
			add_other(asked, names[i]);
	if (second)
		add_other(asked, "decipherOnly");
	if ((bits & USAGE_KEY_ENCIPHERMENT) != 0)
		asked->usages |= USE_KEY_ENCIPHERMENT;
	return true;
}

static bool ask_constraints(struct bytes value, struct asked_usages *asked)
{
	struct der_item sequence;
	struct der_item ca;

	if (check_der(value, "", NULL) < 0 || !read_der_tagged(&value, DER_SEQUENCE, &sequence))
		return false;
	if (read_der_tagged(&sequence.content, DER_BOOLEAN, &ca) && ca.content.data[0] != 0)
		add_other(asked, "CA:TRUE");
	return true;
}

int read_asked_usages(struct bytes extensions, struct asked_usages *ret_asked, struct fault *fault)
{
	static const struct {
		enum extension_id id;
		const char *name;
		bool (*ask)(struct bytes value, struct asked_usages *asked);
	} rows[] = {
		{EXTENSION_KEY_USAGE, "4.2.1.3: keyUsage", ask_key_usage},
		{EXTENSION_EXTENDED_KEY_USAGE, "4.2.1.12: extKeyUsage", ask_purposes},
		{EXTENSION_BASIC_CONSTRAINTS, "4.2.1.9: basicConstraints", ask_constraints},
	};
	struct asked_usages asked = {0};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct extension extension = {0};
		bool found;

		if (find_extension(extensions, rows[i].id, &extension, &found, fault) < 0)
			return -1;
		if (found && !rows[i].ask(extension.value, &asked))
			return set_fault(fault, FAULT_MALFORMED,
					 "RFC 5280 section %s: expected one in DER", rows[i].name);
	}
	*ret_asked = asked;
	return 0;
}
