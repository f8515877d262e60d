#include "common/net/request_head.h"

#include "common/net/server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS_MAX = 18, PORT_DIGITS_MAX = 5 };

/* The fields that decide a request's length, host and type: each at most once. */
enum field {
	FIELD_HOST,
	FIELD_LENGTH,
	FIELD_ENCODING,
	FIELD_TYPE,
	FIELD_AUTHORIZATION,
	FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
	[FIELD_HOST] = MHD_HTTP_HEADER_HOST,
	[FIELD_LENGTH] = MHD_HTTP_HEADER_CONTENT_LENGTH,
	[FIELD_ENCODING] = MHD_HTTP_HEADER_TRANSFER_ENCODING,
	[FIELD_TYPE] = MHD_HTTP_HEADER_CONTENT_TYPE,
	[FIELD_AUTHORIZATION] = MHD_HTTP_HEADER_AUTHORIZATION,
};

struct head_fields {
	const char *values[FIELD_COUNT];
	unsigned int counts[FIELD_COUNT];
	const char *next; /* the place of the next line in libmicrohttpd's copy of the head */
	bool gaps;        /* a line is not where the one before it ends */
	bool bad_name;
	bool bad_value;
};

/* In ASCII, whatever the locale. */
static bool is_letter_or_digit(char octet)
{
	return (octet >= '0' && octet <= '9') || (octet >= 'a' && octet <= 'z') ||
	       (octet >= 'A' && octet <= 'Z');
}

/* The number of octets at the beginning of the text that are letters, digits or one of `others`.
   strspn() with so long an alphabet makes a table of it each time. */
static size_t span_letters(const char *text, const char *others)
{
	size_t len = 0;

	while (is_letter_or_digit(text[len]) ||
	       (text[len] != '\0' && strchr(others, text[len]) != NULL))
		len++;
	return len;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *text, size_t len)
{
	return len > 0 && span_letters(text, "-!#$%&'*+.^_`|~") == len;
}

/* RFC 9110 section 5.5, without the tabulator. */
static bool is_field_value(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && (unsigned char)text[i] >= 0x20 && text[i] != 0x7f)
		i++;
	return i == len;
}

/*
 * libmicrohttpd (0.9.75) splits its copy of the head in place: it puts a zero for each colon, and a
 * zero for each octet of a line's end. "NAME: VALUE" CR LF therefore leaves exactly two octets
 * before the value and two after it. A bare LF, white space elsewhere, a NUL and a folded line,
 * which is copied, leave another distance.
 */
static enum MHD_Result check_field(void *context, enum MHD_ValueKind kind, const char *key,
				   size_t key_size, const char *value, size_t value_size)
{
	struct head_fields *fields = context;

	(void)kind;
	fields->bad_name |= !is_token(key, key_size);
	fields->gaps |= value == NULL || key != fields->next ||
			value != key + key_size + strlen(": ") || value[-1] != ' ';
	if (value == NULL)
		return MHD_YES;
	fields->bad_value |= !is_field_value(value, value_size);
	fields->next = value + value_size + strlen("\r\n");
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (strcasecmp(key, field_names[i]) != 0)
			continue;
		fields->counts[i]++;
		fields->values[i] = value;
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
	char address[INET6_ADDRSTRLEN] = "";
	struct in6_addr binary;
	size_t len;

	if (host[0] != '[') {
		len = span_letters(host, ".-_");
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

/* One space between the words of the first line, and CR LF at its end; libmicrohttpd puts a zero
   for each of these octets but the last space. */
static bool has_plain_first_line(const struct request_line *line, const char **ret_next)
{
	*ret_next = line->version + strlen(line->version) + strlen("\r\n");
	return line->url == line->method + strlen(line->method) + strlen(" ") &&
	       line->version == line->url + strlen(line->target) + strlen(" ");
}

/* The empty line ends the head: nothing lies between it and the last field's line. */
static bool has_plain_end(struct MHD_Connection *connection, const struct request_line *line,
			  const struct head_fields *fields)
{
	static const char zeros[] = {0, 0, 0, 0};
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info != NULL && line->method + info->header_size == fields->next + strlen("\r\n") &&
	       memcmp(fields->next - strlen("\r\n"), zeros, sizeof(zeros)) == 0;
}

static bool is_number(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= LENGTH_DIGITS_MAX && strspn(text, "0123456789") == len;
}

static int check_fields(const struct head_fields *fields, const struct request_line *line,
			struct fault *fault)
{
	const char *length = fields->values[FIELD_LENGTH];
	const char *encoding = fields->values[FIELD_ENCODING];

	if (fields->bad_name)
		return set_fault(fault, FAULT_MALFORMED,
				 "the name of a field is no token, or a space is before its colon");
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (fields->counts[i] > 1)
			return set_fault(fault, FAULT_MALFORMED,
					 "the field %s is repeated: %u times", field_names[i],
					 fields->counts[i]);
	if (fields->counts[FIELD_HOST] == 0 || !valid_host(fields->values[FIELD_HOST]))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a field Host with HOST or HOST:PORT, found %s",
				 fields->counts[FIELD_HOST] == 0 ? "none" : "something else");
	if (fields->bad_value)
		return set_fault(fault, FAULT_MALFORMED,
				 "the value of a field has a control character");
	if (length != NULL && encoding != NULL)
		return set_fault(fault, FAULT_MALFORMED,
				 "Content-Length and Transfer-Encoding contradict each other");
	if (encoding != NULL && strcmp(line->version, MHD_HTTP_VERSION_1_0) == 0)
		return set_fault(fault, FAULT_MALFORMED, "HTTP/1.0 has no Transfer-Encoding");
	if (length != NULL && !is_number(length))
		return set_fault(fault, FAULT_MALFORMED, "Content-Length is no number");
	return 0;
}

int check_request_head(struct MHD_Connection *connection, const struct request_line *line,
		       struct request_head *ret_head, struct fault *fault)
{
	struct head_fields fields = {0};
	bool plain = has_plain_first_line(line, &fields.next);

	if (strcmp(line->version, MHD_HTTP_VERSION_1_1) != 0 &&
	    strcmp(line->version, MHD_HTTP_VERSION_1_0) != 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "the version: expected HTTP/1.1 or HTTP/1.0");
	if (!known_method(line->method))
		return set_fault(fault, FAULT_MALFORMED, "the method is unknown");
	if (!valid_target(line->target))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a request target of printable characters");
	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, check_field, &fields);
	if (check_fields(&fields, line, fault) < 0)
		return -1;
	if (!plain || fields.gaps || !has_plain_end(connection, line, &fields))
		return set_fault(fault, FAULT_MALFORMED,
				 "a line of the head is folded, ends in LF without CR, or has "
				 "white space other than one space after the colon");
	ret_head->host = fields.values[FIELD_HOST];
	ret_head->encoded = fields.values[FIELD_ENCODING] != NULL;
	ret_head->content_length = 0;
	if (fields.values[FIELD_LENGTH] != NULL)
		ret_head->content_length = strtoull(fields.values[FIELD_LENGTH], NULL, 10);
	parse_media_type(fields.values[FIELD_TYPE], ret_head->content_type);
	return 0;
}

/* --- the route that it names --- */

static bool matches_path(const struct http_route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (route->path[len - 1] == '/')
		return strncmp(route->path, path, len) == 0;
	return strcmp(route->path, path) == 0;
}

static bool serves_method(const struct http_route *route, const char *method)
{
	/* libmicrohttpd leaves the body out of the answer to a HEAD. */
	return strcmp(route->method, strcmp(method, "HEAD") == 0 ? "GET" : method) == 0;
}

const struct http_route *find_http_route(const struct http_route *routes, const char *method,
					 const char *path, char ret_allow[static ALLOW_SIZE])
{
	size_t len = 0;

	ret_allow[0] = '\0';
	for (const struct http_route *each = routes; each->path != NULL; each++) {
		if (!matches_path(each, path))
			continue;
		if (serves_method(each, method))
			return each;
		/* Several routes may have the path. */
		if (strstr(ret_allow, each->method) != NULL)
			continue;
		len = strlen(ret_allow);
		(void)snprintf(ret_allow + len, ALLOW_SIZE - len, "%s%s", len > 0 ? ", " : "",
			       strcmp(each->method, "GET") == 0 ? "GET, HEAD" : each->method);
	}
	return NULL;
}

bool may_use_route(const struct http_route *route, bool secure, bool has_secure)
{
	if (secure || route->access == ROUTE_PUBLIC)
		return true;
	return route->access == ROUTE_PRIVATE && !has_secure;
}

const char *cut_query(char *target)
{
	char *mark = strchr(target, '?');

	if (mark == NULL)
		return "";
	*mark = '\0';
	return mark + 1;
}
