#include "common/net/request_head.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS_MAX = 18, PORT_DIGITS_MAX = 5 };

/* The fields that decide a request's length, host and type: each at most once. */
enum field { FIELD_HOST, FIELD_LENGTH, FIELD_ENCODING, FIELD_TYPE, FIELD_COUNT };

static const char *const field_names[FIELD_COUNT] = {
	[FIELD_HOST] = MHD_HTTP_HEADER_HOST,
	[FIELD_LENGTH] = MHD_HTTP_HEADER_CONTENT_LENGTH,
	[FIELD_ENCODING] = MHD_HTTP_HEADER_TRANSFER_ENCODING,
	[FIELD_TYPE] = MHD_HTTP_HEADER_CONTENT_TYPE,
};

struct head_fields {
	const char *values[FIELD_COUNT];
	unsigned int counts[FIELD_COUNT];
	size_t size; /* octets of all lines in their plain form, "NAME: VALUE" CR LF */
};

static enum MHD_Result count_field(void *context, enum MHD_ValueKind kind, const char *key,
				   size_t key_size, const char *value, size_t value_size)
{
	struct head_fields *fields = context;

	(void)kind;
	fields->size += key_size + strlen(": ") + value_size + strlen("\r\n");
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (strcasecmp(key, field_names[i]) != 0)
			continue;
		fields->counts[i]++;
		fields->values[i] = value != NULL ? value : "";
	}
	return MHD_YES;
}

static bool known_method(const char *method)
{
	static const char *const methods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
					      "CONNECT", "OPTIONS", "TRACE", "PATCH"};

	for (size_t i = 0; i < COUNT_OF(methods); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

/* Only printable ASCII: libmicrohttpd accepts spaces and control characters. */
static bool valid_target(const char *target)
{
	size_t i = 0;

	while (target[i] > 0x20 && target[i] < 0x7f)
		i++;
	return i > 0 && target[i] == '\0';
}

static bool valid_port(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= PORT_DIGITS_MAX && strspn(text, "0123456789") == len;
}

/* RFC 9112 section 3.2: uri-host [":" port]. */
static bool valid_host(const char *host)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789.-_";
	char address[INET6_ADDRSTRLEN] = "";
	struct in6_addr binary;
	size_t len;

	if (host[0] != '[') {
		len = strspn(host, alphabet);
		return len > 0 &&
		       (host[len] == '\0' || (host[len] == ':' && valid_port(host + len + 1)));
	}
	len = strcspn(++host, "]");
	if (len >= sizeof(address) || host[len] != ']')
		return false;
	memcpy(address, host, len);
	host += len + 1;
	return inet_pton(AF_INET6, address, &binary) == 1 &&
	       (host[0] == '\0' || (host[0] == ':' && valid_port(host + 1)));
}

/*
 * libmicrohttpd silently unfolds lines and accepts a bare LF, which only the size of the head
 * shows. A client that compensates one deviation by another passes this check, and its head is read
 * as RFC 9112 sections 2.2 and 5.2 allow.
 */
static bool has_plain_size(struct MHD_Connection *connection, const struct request_line *line,
			   const struct head_fields *fields)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t first = strlen(line->method) + strlen(" ") + strlen(line->target) + strlen(" ") +
		       strlen(line->version) + strlen("\r\n");

	return info != NULL && info->header_size == first + fields->size + strlen("\r\n");
}

static int check_fields(const struct head_fields *fields, struct fault *fault)
{
	const char *length = fields->values[FIELD_LENGTH];
	const char *encoding = fields->values[FIELD_ENCODING];

	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (fields->counts[i] > 1)
			return set_fault(fault, FAULT_MALFORMED,
					 "the field %s is repeated: %u times", field_names[i],
					 fields->counts[i]);
	if (fields->counts[FIELD_HOST] == 0 || !valid_host(fields->values[FIELD_HOST]))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a field Host with HOST or HOST:PORT, found %s",
				 fields->counts[FIELD_HOST] == 0 ? "none" : "something else");
	if (length != NULL && encoding != NULL)
		return set_fault(fault, FAULT_MALFORMED,
				 "Content-Length and Transfer-Encoding contradict each other");
	if (encoding != NULL && strcasecmp(encoding, "chunked") != 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "the only Transfer-Encoding taken is chunked");
	if (length != NULL && (length[0] == '\0' || strlen(length) > LENGTH_DIGITS_MAX ||
			       strspn(length, "0123456789") != strlen(length)))
		return set_fault(fault, FAULT_MALFORMED, "Content-Length is no number");
	return 0;
}

int check_request_head(struct MHD_Connection *connection, const struct request_line *line,
		       struct request_head *ret_head, struct fault *fault)
{
	struct head_fields fields = {0};

	if (!known_method(line->method))
		return set_fault(fault, FAULT_MALFORMED, "the method is unknown");
	if (!valid_target(line->target))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a request target of printable characters");
	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, count_field, &fields);
	if (check_fields(&fields, fault) < 0)
		return -1;
	if (!has_plain_size(connection, line, &fields))
		return set_fault(fault, FAULT_MALFORMED,
				 "a line of the head is folded, ends in LF without CR, or has "
				 "white space other than one space after the colon");
	ret_head->chunked = fields.values[FIELD_ENCODING] != NULL;
	ret_head->content_length = 0;
	if (fields.values[FIELD_LENGTH] != NULL)
		ret_head->content_length = strtoull(fields.values[FIELD_LENGTH], NULL, 10);
	parse_media_type(fields.values[FIELD_TYPE], ret_head->content_type);
	return 0;
}
