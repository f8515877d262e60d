#include "common/net/response.h"

#include "common/net/http.h"
#include "common/net/problem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DATE_SIZE = 64 };

struct MHD_Response *new_body_response(struct buffer *body, const char *content_type)
{
	struct buffer taken = take_buffer(body);
	struct MHD_Response *response = MHD_create_response_from_buffer(
		taken.len, taken.data,
		taken.data != NULL ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

	if (response == NULL)
		clear_buffer(&taken);
	else if (content_type != NULL)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	return response;
}

static void release_context(void *context)
{
	struct shared_body *body = context;

	release_shared_body(&body);
}

static struct MHD_Response *new_shared_response(struct shared_body **shared,
						const char *content_type)
{
	struct shared_body *body = TAKE(*shared);
	struct bytes octets = shared_octets(body);
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		octets.len, (void *)(uintptr_t)octets.data, release_context, body);

	if (response == NULL)
		release_shared_body(&body);
	else if (content_type != NULL)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	return response;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7). */
static void add_date(struct MHD_Response *response, const char *field, int64_t time_s)
{
	const time_t time = (time_t)time_s;
	struct tm parts;
	char text[DATE_SIZE];

	if (gmtime_r(&time, &parts) != NULL &&
	    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0)
		(void)MHD_add_response_header(response, field, text);
}

static void add_caching(struct MHD_Response *response, const struct http_caching *caching)
{
	char text[sizeof(caching->etag) + 64];

	if (caching->etag[0] != '\0') {
		(void)snprintf(text, sizeof(text), "\"%s\"", caching->etag);
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, text);
	}
	if (caching->last_modified_s != 0)
		add_date(response, MHD_HTTP_HEADER_LAST_MODIFIED, caching->last_modified_s);
	if (caching->expires_s == 0)
		return;
	add_date(response, MHD_HTTP_HEADER_EXPIRES, caching->expires_s);
	if (caching->expires_s > caching->now_s)
		(void)snprintf(text, sizeof(text),
			       "max-age=%" PRId64 ", public, no-transform, must-revalidate",
			       caching->expires_s - caching->now_s);
	else
		(void)snprintf(text, sizeof(text), "no-cache");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, text);
}

/* True if the list of If-None-Match (RFC 9110 section 13.1.2) has the tag, strong or weak. */
static bool has_tag(const char *list, const char *etag)
{
	size_t len = strlen(etag);

	if (list == NULL || len == 0)
		return false;
	if (strcmp(list, "*") == 0)
		return true;
	for (const char *found = strchr(list, '"'); found != NULL; found = strchr(found + 1, '"'))
		if (strncmp(found + 1, etag, len) == 0 && found[1 + len] == '"')
			return true;
	return false;
}

void add_response_field(struct http_response *response, const char *name, const char *format, ...)
{
	CLEANUP(free_string) char *text = NULL;
	struct http_field *field;
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (len < 0)
		text = NULL;
	if (text == NULL || response->field_count == HTTP_FIELDS_MAX) {
		response->body.failed = true;
		return;
	}
	field = &response->fields[response->field_count];
	field->name = name;
	append_string(&field->value, text);
	response->body.failed |= field->value.failed;
	response->field_count++;
}

void clear_response_fields(struct http_response *response)
{
	for (size_t i = 0; i < response->field_count; i++)
		clear_buffer(&response->fields[i].value);
	response->field_count = 0;
	clear_buffer(&response->reason);
}

static void add_fields(struct MHD_Response *response, const struct http_response *from)
{
	for (size_t i = 0; i < from->field_count; i++)
		(void)MHD_add_response_header(response, from->fields[i].name,
					      (const char *)from->fields[i].value.data);
}

bool sends_body(const char *method, unsigned int status, size_t len)
{
	return len > 0 && status >= MHD_HTTP_OK && status != MHD_HTTP_NO_CONTENT &&
	       status != MHD_HTTP_NOT_MODIFIED && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0;
}

struct MHD_Response *new_handler_response(struct http_response *response, const char *if_none_match,
					  unsigned int *ret_status)
{
	bool same =
		response->status == MHD_HTTP_OK && has_tag(if_none_match, response->caching.etag);
	struct MHD_Response *made;

	*ret_status = same ? MHD_HTTP_NOT_MODIFIED : response->status;
	if (same) {
		release_shared_body(&response->shared);
		clear_buffer(&response->body);
		response->content_type = NULL;
	}
	made = response->shared != NULL
		       ? new_shared_response(&response->shared, response->content_type)
		       : new_body_response(&response->body, response->content_type);
	if (made != NULL) {
		add_caching(made, &response->caching);
		add_fields(made, response);
	}
	return made;
}

struct MHD_Response *new_refusal_response(const struct http_server_settings *settings,
					  const struct http_route *route, unsigned int status,
					  const char *detail)
{
	struct http_response refusal = {.status = status, .content_type = CONTENT_PROBLEM};
	struct MHD_Response *made = NULL;
	struct fault ignored = {0};

	if (format_problem(status, detail, &refusal.body, &ignored) == 0) {
		if (route != NULL && settings->refusal_fields != NULL)
			settings->refusal_fields(route, &refusal, settings->refusal_context);
		made = new_handler_response(&refusal, NULL, &status);
	}
	clear_response_fields(&refusal);
	clear_buffer(&refusal.body);
	return made;
}
