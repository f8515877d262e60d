#include "common/x509/der.h"

#include "common/base/clock.h"
#include "common/base/utf8.h"

#include <stdio.h>
#include <string.h>

/*
 * GnuTLS needs the arcs of object identifiers to fit into 63 bits. No identifier in use is longer
 * than OID_LEN_MAX octets.
 */
enum { DEPTH_MAX = 16, OID_LEN_MAX = 64, ARC_LEN_MAX = 9 };

/* The length octets (X.690 section 10.1): definite, and as few as possible. */
static bool read_length(struct bytes *rest, size_t *ret_len)
{
	size_t count;
	size_t len = 0;

	if (rest->len == 0)
		return false;
	count = rest->data[0] < 0x80 ? 0 : rest->data[0] & 0x7fU;
	if (count == 0 && rest->data[0] == 0x80)
		return false;
	if (count > 4 || count >= rest->len)
		return false;
	for (size_t i = 1; i <= count; i++)
		len = len << 8 | rest->data[i];
	if (count > 0 && (len < 0x80 || rest->data[1] == 0))
		return false;
	*ret_len = count == 0 ? rest->data[0] : len;
	rest->data += count + 1;
	rest->len -= count + 1;
	return true;
}

bool read_der(struct bytes *rest, struct der_item *ret_item)
{
	struct bytes after = *rest;
	uint8_t tag;
	size_t len;

	if (after.len < 2 || (after.data[0] & 0x1f) == 0x1f)
		return false;
	tag = after.data[0];
	after.data++;
	after.len--;
	if (!read_length(&after, &len) || len > after.len)
		return false;
	*ret_item = (struct der_item){
		.tag = tag,
		.content = {after.data, len},
		.whole = {rest->data, (size_t)(after.data - rest->data) + len},
	};
	rest->data += ret_item->whole.len;
	rest->len -= ret_item->whole.len;
	return true;
}

bool read_der_tagged(struct bytes *rest, uint8_t tag, struct der_item *ret_item)
{
	return rest->len > 0 && rest->data[0] == tag && read_der(rest, ret_item);
}

static bool valid_boolean(struct bytes content)
{
	return content.len == 1 && (content.data[0] == 0x00 || content.data[0] == 0xff);
}

static bool valid_integer(struct bytes content)
{
	if (content.len == 0)
		return false;
	if (content.len == 1)
		return true;
	return !(content.data[0] == 0x00 && content.data[1] < 0x80) &&
	       !(content.data[0] == 0xff && content.data[1] >= 0x80);
}

static bool valid_bit_string(struct bytes content)
{
	uint8_t unused;

	if (content.len == 0 || content.data[0] > 7)
		return false;
	unused = content.data[0];
	if (content.len == 1)
		return unused == 0;
	return (content.data[content.len - 1] & ((1U << unused) - 1)) == 0;
}

static bool any_content(struct bytes content)
{
	(void)content;
	return true;
}

static bool valid_null(struct bytes content)
{
	return content.len == 0;
}

static bool valid_oid(struct bytes content)
{
	size_t arc_len = 0;

	if (content.len == 0 || content.len > OID_LEN_MAX || content.data[content.len - 1] >= 0x80)
		return false;
	for (size_t i = 0; i < content.len; i++) {
		if (arc_len == 0 && content.data[i] == 0x80)
			return false;
		arc_len = content.data[i] >= 0x80 ? arc_len + 1 : 0;
		if (arc_len >= ARC_LEN_MAX)
			return false;
	}
	return true;
}

static bool valid_utf8_string(struct bytes content)
{
	uint32_t character;

	while (read_utf8(&content, &character))
		;
	return content.len == 0;
}

static bool only_characters(struct bytes content, const char *allowed)
{
	for (size_t i = 0; i < content.len; i++)
		if (content.data[i] == 0 || strchr(allowed, content.data[i]) == NULL)
			return false;
	return true;
}

static bool valid_numeric_string(struct bytes content)
{
	return only_characters(content, "0123456789 ");
}

static bool valid_printable_string(struct bytes content)
{
	return only_characters(content, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789 '()+,-./:=?");
}

static bool valid_ia5_string(struct bytes content)
{
	for (size_t i = 0; i < content.len; i++)
		if (content.data[i] >= 0x80)
			return false;
	return true;
}

/* The universal primitive types that X.509 uses. check_name refuses those of the last four rows. */
static const struct {
	uint8_t tag;
	const char *name;
	bool (*valid)(struct bytes content);
} primitives[] = {
	{DER_BOOLEAN, "BOOLEAN", valid_boolean},
	{DER_INTEGER, "INTEGER", valid_integer},
	{DER_BIT_STRING, "BIT STRING", valid_bit_string},
	{DER_OCTET_STRING, "OCTET STRING", any_content},
	{DER_NULL, "NULL", valid_null},
	{DER_OID, "OBJECT IDENTIFIER", valid_oid},
	{DER_ENUMERATED, "ENUMERATED", valid_integer},
	{DER_UTF8_STRING, "UTF8String", valid_utf8_string},
	{DER_NUMERIC_STRING, "NumericString", valid_numeric_string},
	{DER_PRINTABLE_STRING, "PrintableString", valid_printable_string},
	{DER_IA5_STRING, "IA5String", valid_ia5_string},
	{DER_UTC_TIME, "UTCTime", valid_ia5_string},
	{DER_GENERALIZED_TIME, "GeneralizedTime", valid_ia5_string},
	{0x1a, "VisibleString", valid_ia5_string},
	{0x14, "TeletexString", any_content},
	{0x1c, "UniversalString", any_content},
	{0x1e, "BMPString", any_content},
};

struct der_check {
	const uint8_t *begin;
	const char *what;
	struct fault *fault;
};

static int refuse_der(const struct der_check *check, const uint8_t *at, const char *expected)
{
	return set_fault(check->fault, FAULT_MALFORMED, "%s: not DER at octet %zu: expected %s",
			 check->what, (size_t)(at - check->begin), expected);
}

static int check_primitive(const struct der_check *check, const struct der_item *item)
{
	char expected[64];

	if ((item->tag & 0xe0) == DER_CONTEXT)
		return 0;
	for (size_t i = 0; i < COUNT_OF(primitives); i++) {
		if (primitives[i].tag != item->tag)
			continue;
		if (primitives[i].valid(item->content))
			return 0;
		(void)snprintf(expected, sizeof(expected), "a %s in its one form (X.690)",
			       primitives[i].name);
		return refuse_der(check, item->whole.data, expected);
	}
	return refuse_der(check, item->whole.data, "a type that X.509 uses");
}

/* The shorter of the two is compared as if it were padded with zeros (X.690 section 11.6). */
static bool in_order(struct bytes before, struct bytes after)
{
	size_t len = before.len < after.len ? before.len : after.len;
	int order = memcmp(before.data, after.data, len);

	return order < 0 || (order == 0 && before.len <= after.len);
}

bool ordered_set(struct bytes content)
{
	struct der_item before;
	struct der_item item;

	if (!read_der(&content, &before))
		return true;
	for (; read_der(&content, &item); before = item)
		if (!in_order(before.whole, item.whole))
			return false;
	return true;
}

static int check_items(const struct der_check *check, struct bytes rest, int depth);

static int check_constructed(const struct der_check *check, const struct der_item *item, int depth)
{
	if (item->tag != DER_SEQUENCE && item->tag != DER_SET &&
	    (item->tag & 0xe0) != DER_CONTEXT_CONSTRUCTED)
		return refuse_der(check, item->whole.data, "SEQUENCE, SET or a context tag");
	if (depth >= DEPTH_MAX)
		return refuse_der(check, item->whole.data, "a depth of at most 16");
	if (check_items(check, item->content, depth + 1) < 0)
		return -1;
	if (item->tag == DER_SET && !ordered_set(item->content))
		return refuse_der(check, item->whole.data, "a SET in ascending order");
	return 0;
}

static int check_items(const struct der_check *check, struct bytes rest, int depth)
{
	struct der_item item;

	while (rest.len > 0) {
		if (!read_der(&rest, &item))
			return refuse_der(check, rest.data,
					  "a tag and the shortest definite length");
		if (((item.tag & 0x20) != 0 ? check_constructed(check, &item, depth)
					    : check_primitive(check, &item)) < 0)
			return -1;
	}
	return 0;
}

int check_der(struct bytes der, const char *what, struct fault *fault)
{
	struct der_check check = {der.data, what, fault};
	struct bytes rest = der;
	struct der_item outer;

	if (!read_der(&rest, &outer))
		return refuse_der(&check, der.data, "a tag and the shortest definite length");
	if (rest.len > 0)
		return refuse_der(&check, rest.data, "the end");
	return check_items(&check, der, 0);
}

static int read_two_digits(const char *digits)
{
	return (digits[0] - '0') * 10 + digits[1] - '0';
}

bool read_der_time(const struct der_item *item, int64_t *ret_time_s)
{
	bool utc_time = item->tag == DER_UTC_TIME;
	size_t year_len = utc_time ? 2 : 4;
	const char *digits = (const char *)item->content.data;
	struct calendar_time parts;

	if ((!utc_time && item->tag != DER_GENERALIZED_TIME) ||
	    item->content.len != year_len + 11 || digits[year_len + 10] != 'Z')
		return false;
	for (size_t i = 0; i < year_len + 10; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return false;
	parts.year = read_two_digits(digits);
	if (utc_time)
		parts.year += digits[0] < '5' ? 2000 : 1900;
	else
		parts.year = parts.year * 100 + read_two_digits(digits + 2);
	digits += year_len;
	parts.month = read_two_digits(digits);
	parts.day = read_two_digits(digits + 2);
	parts.hour = read_two_digits(digits + 4);
	parts.minute = read_two_digits(digits + 6);
	parts.second = read_two_digits(digits + 8);
	/* Libraries disagree about leap seconds in certificates. */
	return parts.year > 0 && parts.second < 60 && join_time(&parts, ret_time_s);
}

enum { HEADER_MAX = 2 + sizeof(size_t) };

/* Returns the number of octets of the tag and the length. */
static size_t format_header(uint8_t tag, size_t content_len, uint8_t ret_header[static HEADER_MAX])
{
	size_t header_len = 2;
	size_t count = 0;

	for (size_t len = content_len; content_len >= 0x80 && len > 0; len >>= 8)
		count++;
	ret_header[0] = tag;
	ret_header[1] = count == 0 ? (uint8_t)content_len : (uint8_t)(0x80 | count);
	for (size_t i = count; i > 0; i--)
		ret_header[header_len++] = (uint8_t)(content_len >> 8 * (i - 1));
	return header_len;
}

void append_der_header(struct buffer *buffer, uint8_t tag, size_t content_len)
{
	uint8_t header[HEADER_MAX];

	append_bytes(buffer, (struct bytes){header, format_header(tag, content_len, header)});
}

void enclose_der(struct buffer *buffer, size_t begin, uint8_t tag)
{
	uint8_t header[HEADER_MAX];
	size_t content_len = buffer->len - begin;
	size_t header_len = format_header(tag, content_len, header);

	if (extend_buffer(buffer, header_len) == NULL)
		return;
	memmove(buffer->data + begin + header_len, buffer->data + begin, content_len);
	memcpy(buffer->data + begin, header, header_len);
}

void append_der(struct buffer *buffer, uint8_t tag, struct bytes content)
{
	append_der_header(buffer, tag, content.len);
	append_bytes(buffer, content);
}

/* "20261123044544Z" */
enum { GENERALIZED_TIME_LEN = 15 };

static void format_generalized_time(int64_t time_s, char ret_text[static GENERALIZED_TIME_LEN + 1])
{
	char text[TIME_TEXT_SIZE];
	size_t len = 0;

	format_time(time_s, text);
	for (const char *from = text; *from != '\0' && len < GENERALIZED_TIME_LEN - 1; from++)
		if (*from >= '0' && *from <= '9')
			ret_text[len++] = *from;
	ret_text[len++] = 'Z';
	ret_text[len] = '\0';
}

void append_der_generalized_time(struct buffer *buffer, int64_t time_s)
{
	char text[GENERALIZED_TIME_LEN + 1];

	format_generalized_time(time_s, text);
	append_der(buffer, DER_GENERALIZED_TIME, bytes_of_string(text));
}

void append_der_time(struct buffer *buffer, int64_t time_s)
{
	char text[GENERALIZED_TIME_LEN + 1];

	format_generalized_time(time_s, text);
	if (strncmp(text, "1950", 4) >= 0 && strncmp(text, "2050", 4) < 0)
		append_der(buffer, DER_UTC_TIME, bytes_of_string(text + 2));
	else
		append_der(buffer, DER_GENERALIZED_TIME, bytes_of_string(text));
}

void append_der_number(struct buffer *buffer, uint64_t number)
{
	uint8_t octets[sizeof(number) + 1] = {0};
	size_t first = sizeof(number);

	for (size_t i = sizeof(number); i > 0; i--, number >>= 8)
		octets[i] = (uint8_t)number;
	for (size_t i = sizeof(number); i > 0; i--)
		if (octets[i] != 0)
			first = i;
	/* A leading bit of 1 would make the number negative. */
	if (octets[first] >= 0x80)
		first--;
	append_der(buffer, DER_INTEGER, (struct bytes){octets + first, sizeof(octets) - first});
}
