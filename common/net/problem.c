#include "common/net/problem.h"

#include "common/net/http.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Longer bodies are not parsed. */
enum { PROBLEM_MAX = 16384 };

static void release_json(json_t **json)
{
	json_decref(*json);
	*json = NULL;
}

static json_t *new_json_text(const char *text)
{
	CLEANUP(free_string) char *masked = NULL;
	json_t *json = json_string(text);

	if (json != NULL)
		return json;
	/* The text is not UTF-8, perhaps because it was cut: keep its ASCII characters. */
	masked = strdup(text);
	if (masked == NULL)
		return NULL;
	for (unsigned char *c = (unsigned char *)masked; *c != '\0'; c++)
		if (*c > 0x7f)
			*c = '?';
	return json_string(masked);
}

int format_problem(unsigned int status, const char *detail, struct buffer *ret_body,
		   struct fault *fault)
{
	CLEANUP(release_json) json_t *problem = NULL;
	CLEANUP(free_string) char *text = NULL;
	CLEANUP(clear_buffer) struct buffer body = {0};

	problem = json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title",
			    MHD_get_reason_phrase_for(status), "status", (int)status, "detail",
			    new_json_text(detail));
	text = problem != NULL ? json_dumps(problem, JSON_COMPACT) : NULL;
	if (text == NULL)
		return set_memory_fault(fault);
	append_format(&body, "%s\n", text);
	if (check_buffer(&body, fault) < 0)
		return -1;
	*ret_body = take_buffer(&body);
	return 0;
}

void append_problem_answer(struct buffer *answer, unsigned int status, const char *detail)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	struct fault fault = {0};

	if (format_problem(status, detail, &body, &fault) < 0)
		return;
	append_format(answer,
		      "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: %s\r\n"
		      "Content-Length: %zu\r\n%s\r\n",
		      status, MHD_get_reason_phrase_for(status), CONTENT_PROBLEM, body.len,
		      status == MHD_HTTP_SERVICE_UNAVAILABLE ? "Retry-After: 1\r\n" : "");
	append_bytes(answer, bytes_of_buffer(&body));
}

void send_problem(int socket, unsigned int status, const char *detail)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};

	append_problem_answer(&answer, status, detail);
	if (answer.data != NULL && !answer.failed)
		(void)send(socket, answer.data, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(socket, SHUT_WR);
}

bool parse_problem(struct bytes body, char ret_detail[static FAULT_TEXT_SIZE])
{
	CLEANUP(release_json) json_t *problem = NULL;
	const char *detail;

	if (body.len == 0 || body.len > PROBLEM_MAX)
		return false;
	problem = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
	detail = json_string_value(json_object_get(problem, "detail"));
	if (detail == NULL)
		detail = json_string_value(json_object_get(problem, "title"));
	if (detail == NULL)
		return false;
	(void)snprintf(ret_detail, FAULT_TEXT_SIZE, "%s", detail);
	mask_control_characters(ret_detail);
	return true;
}

const char *outward_detail(const struct fault *fault)
{
	if (fault->class == FAULT_UNDECRYPTABLE)
		return "the body cannot be decrypted under a key that is shared with this node";
	if (fault->class == FAULT_FAILED)
		return "the server failed; its log says why";
	return fault->text;
}
