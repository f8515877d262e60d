#include "common/net/http_transaction.h"

#include "common/base/clock.h"
#include "common/net/http.h"
#include "common/net/problem.h"
#include "common/net/request_head.h"
#include "common/net/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 16, PATH_SIZE = 256, ALLOW_SIZE = 64 };

enum step {
	STEP_HEAD,
	STEP_BODY,
	STEP_ANSWER, /* the handler is done, or its work was refused */
};

struct exchange {
	struct service *service;
	struct connection *connection;
	struct MHD_Connection *mhd;
	const struct http_route *route;
	enum step step;
	unsigned int status; /* 0 until answered */
	struct buffer body;
	struct http_response response;
	struct fault fault;
	int64_t begun_us;
	int64_t duration_us; /* until the answer was ready */
	size_t answer_len;   /* of the body, when it is a handler's */
	char content_type[MEDIA_TYPE_SIZE];
	char method[NAME_SIZE]; /* cut, for the log */
	char path[PATH_SIZE];   /* the same */
	char target[];          /* as it was sent */
};

static void tell(const struct exchange *exchange, unsigned int status, const char *text)
{
	const struct http_server_settings *settings = &exchange->service->settings;

	if (settings->log != NULL)
		settings->log(settings->log_context, exchange->method, exchange->path, status,
			      text);
}

void notice_connection(void *context, struct MHD_Connection *connection, void **registered,
		       enum MHD_ConnectionNotificationCode code)
{
	struct service *service = context;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		close_connection(*registered);
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*registered =
		info != NULL ? claim_connection(service->connections, info->connect_fd) : NULL;
}

void *begin_http_transaction(void *context, const char *target, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *registered = info != NULL ? info->socket_context : NULL;
	struct exchange *exchange;

	if (registered == NULL || !enter_phase(registered, CONNECTION_RECEIVING))
		return NULL;
	exchange = calloc(1, sizeof(*exchange) + strlen(target) + 1);
	if (exchange == NULL)
		return NULL;
	exchange->service = context;
	exchange->begun_us = read_stopwatch_us();
	exchange->connection = registered;
	exchange->mhd = connection;
	memcpy(exchange->target, target, strlen(target));
	(void)snprintf(exchange->path, sizeof(exchange->path), "%.*s", (int)strcspn(target, "?"),
		       target);
	mask_control_characters(exchange->path);
	return exchange;
}

static void drop_body(struct exchange *exchange)
{
	(void)atomic_fetch_sub(&exchange->service->body_octets, exchange->body.len);
	clear_buffer(&exchange->body);
}

void end_http_transaction(void *context, struct MHD_Connection *connection, void **pointer,
			  enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = TAKE(*pointer);
	enum connection_phase late;

	(void)context;
	(void)connection;
	(void)code;
	if (exchange == NULL)
		return;
	late = leave_request(exchange->connection);
	if (late == CONNECTION_RECEIVING)
		tell(exchange, MHD_HTTP_REQUEST_TIMEOUT, "the request did not arrive in time");
	else if (late == CONNECTION_ANSWERING)
		tell(exchange, exchange->status, "the client did not read the answer in time");
	drop_body(exchange);
	clear_buffer(&exchange->response.body);
	release_shared_body(&exchange->response.shared);
	count_answer(exchange->service->statistics, exchange->route, exchange->status,
		     exchange->duration_us);
	free(exchange);
}

static enum MHD_Result queue_response(struct exchange *exchange, struct MHD_Response *response)
{
	enum MHD_Result result = MHD_NO;
	bool last;

	exchange->duration_us = read_stopwatch_us() - exchange->begun_us;
	if (enter_answering(exchange->connection, exchange->answer_len, &last)) {
		if (last)
			(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION,
						      "close");
		result = MHD_queue_response(exchange->mhd, exchange->status, response);
	}
	MHD_destroy_response(response);
	return result;
}

static struct MHD_Response *new_refusal(struct exchange *exchange, unsigned int status,
					const char *detail)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	struct fault fault = {0};

	exchange->status = status;
	if (format_problem(status, detail, &body, &fault) < 0)
		return NULL;
	return new_body_response(&body, CONTENT_PROBLEM);
}

/* Refuses, with a further field unless it is NULL. */
static enum MHD_Result refuse_with(struct exchange *exchange, unsigned int status,
				   const char *detail, const char *field, const char *value)
{
	struct MHD_Response *response = new_refusal(exchange, status, detail);

	if (response == NULL)
		return MHD_NO;
	if (field != NULL)
		(void)MHD_add_response_header(response, field, value);
	return queue_response(exchange, response);
}

static enum MHD_Result refuse(struct exchange *exchange, unsigned int status, const char *detail)
{
	tell(exchange, status, detail);
	return refuse_with(exchange, status, detail, NULL, NULL);
}

/* The same, after which the connection cannot be used: where the next request begins is unsure. */
static enum MHD_Result refuse_and_close(struct exchange *exchange, unsigned int status,
					const char *detail)
{
	tell(exchange, status, detail);
	return refuse_with(exchange, status, detail, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* libmicrohttpd takes no response in the middle of a body. */
static enum MHD_Result refuse_midway(struct exchange *exchange, unsigned int status,
				     const char *detail)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

	tell(exchange, status, detail);
	if (info != NULL)
		send_refusal(info->connect_fd, status, detail);
	return MHD_NO;
}

/* What the outside may know of a fault. */
static const char *outward_detail(const struct fault *fault)
{
	if (fault->class == FAULT_UNDECRYPTABLE)
		return "the body cannot be decrypted under a key that is shared with this node";
	if (fault->class == FAULT_FAILED)
		return "the server failed; its log says why";
	return fault->text;
}

static enum MHD_Result refuse_by_fault(struct exchange *exchange)
{
	const struct fault *fault = &exchange->fault;
	unsigned int status = http_status(fault->class);

	tell(exchange, status, fault->text);
	return refuse_with(
		exchange, status, outward_detail(fault),
		status == MHD_HTTP_SERVICE_UNAVAILABLE ? MHD_HTTP_HEADER_RETRY_AFTER : NULL, "1");
}

static enum MHD_Result answer(struct exchange *exchange)
{
	struct http_response *response = &exchange->response;
	struct MHD_Response *queued;

	if (exchange->fault.class != FAULT_NONE)
		return refuse_by_fault(exchange);
	if (response->status >= MHD_HTTP_BAD_REQUEST)
		tell(exchange, response->status, "the handler answered so");
	exchange->answer_len =
		response->shared != NULL ? shared_octets(response->shared).len : response->body.len;
	queued = new_handler_response(response,
				      MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND,
								  MHD_HTTP_HEADER_IF_NONE_MATCH),
				      &exchange->status);
	return queued != NULL ? queue_response(exchange, queued) : MHD_NO;
}

static void run_handler(struct exchange *exchange)
{
	const struct http_route *route = exchange->route;
	const struct http_request request = {route->method, exchange->target,
					     exchange->content_type,
					     bytes_of_buffer(&exchange->body)};
	struct http_response *response = &exchange->response;
	struct fault *fault = &exchange->fault;

	response->status = MHD_HTTP_OK;
	if (route->handler(&request, response, exchange->service->settings.context, fault) < 0)
		(void)set_fault(fault, FAULT_FAILED, "the handler gives no reason");
	else if (response->body.failed)
		(void)set_memory_fault(fault);
	drop_body(exchange);
}

static void do_long_work(void *context)
{
	struct exchange *exchange = context;
	struct MHD_Connection *mhd = exchange->mhd;

	run_handler(exchange);
	/* From here on the exchange may be gone. */
	MHD_resume_connection(mhd);
}

static enum MHD_Result start_work(struct exchange *exchange)
{
	if (!enter_phase(exchange->connection, CONNECTION_WORKING))
		return MHD_NO;
	exchange->step = STEP_ANSWER;
	if (!exchange->route->long_work) {
		run_handler(exchange);
		return answer(exchange);
	}
	/* In this order: the worker may be done, and resume, before submit_work returns. */
	MHD_suspend_connection(exchange->mhd);
	if (submit_work(exchange->service->queue, do_long_work, exchange, &exchange->fault) < 0)
		MHD_resume_connection(exchange->mhd);
	return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *exchange, const char *data, size_t *data_len)
{
	struct service *service = exchange->service;
	struct bytes piece = {(const uint8_t *)data, *data_len};

	if (exchange->body.len + piece.len > exchange->route->body_max)
		return refuse_midway(exchange, MHD_HTTP_CONTENT_TOO_LARGE,
				     "the body is larger than this path takes");
	append_bytes(&exchange->body, piece);
	if (exchange->body.failed)
		return refuse_midway(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
	*data_len = 0;
	if (atomic_fetch_add(&service->body_octets, piece.len) + piece.len >
	    service->settings.most_body_octets)
		return refuse_midway(exchange, MHD_HTTP_SERVICE_UNAVAILABLE,
				     "too much is being received: try again later");
	return MHD_YES;
}

/* The path as it was sent, whole: exchange->path may be cut. */
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

/* The route, or NULL with the methods that the path has instead: "" when there is no such path. */
static const struct http_route *find_route(const struct exchange *exchange,
					   char ret_allow[static ALLOW_SIZE])
{
	size_t len = 0;

	ret_allow[0] = '\0';
	for (const struct http_route *each = exchange->service->settings.routes; each->path != NULL;
	     each++) {
		if (!matches_path(each, exchange->target))
			continue;
		if (serves_method(each, exchange->method))
			return each;
		len = strlen(ret_allow);
		(void)snprintf(ret_allow + len, ALLOW_SIZE - len, "%s%s", len > 0 ? ", " : "",
			       strcmp(each->method, "GET") == 0 ? "GET, HEAD" : each->method);
	}
	return NULL;
}

static enum MHD_Result refuse_route(struct exchange *exchange, const char *allow)
{
	static const char wrong_method[] = "this path does not have the method";

	if (allow[0] == '\0')
		return refuse(exchange, MHD_HTTP_NOT_FOUND, "there is no such path");
	tell(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, wrong_method);
	return refuse_with(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, wrong_method,
			   MHD_HTTP_HEADER_ALLOW, allow);
}

static enum MHD_Result take_head(struct exchange *exchange, const struct request_line *line)
{
	struct request_head head;
	char allow[ALLOW_SIZE];
	char detail[128];

	if (check_request_head(exchange->mhd, line, &head, &exchange->fault) < 0)
		return refuse_and_close(exchange, MHD_HTTP_BAD_REQUEST, exchange->fault.text);
	/* From here on without the query. */
	exchange->target[strcspn(exchange->target, "?")] = '\0';
	exchange->route = find_route(exchange, allow);
	if (exchange->route == NULL)
		return refuse_route(exchange, allow);
	if (exchange->route->content_type != NULL &&
	    strcmp(head.content_type, exchange->route->content_type) != 0) {
		(void)snprintf(detail, sizeof(detail), "expected the content type %s",
			       exchange->route->content_type);
		return refuse(exchange, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, detail);
	}
	if (head.content_length > exchange->route->body_max) {
		(void)snprintf(detail, sizeof(detail), "the body is larger than %zu octets",
			       exchange->route->body_max);
		return refuse_and_close(exchange, MHD_HTTP_CONTENT_TOO_LARGE, detail);
	}
	memcpy(exchange->content_type, head.content_type, sizeof(exchange->content_type));
	exchange->step = STEP_BODY;
	return MHD_YES;
}

enum MHD_Result continue_http_transaction(void *context, struct MHD_Connection *connection,
					  const char *url, const char *method, const char *version,
					  const char *data, size_t *data_len, void **pointer)
{
	struct exchange *exchange = *pointer;

	(void)context;
	(void)connection;
	(void)url;
	if (exchange == NULL)
		return MHD_NO;
	switch (exchange->step) {
	case STEP_HEAD:
		(void)snprintf(exchange->method, sizeof(exchange->method), "%s", method);
		mask_control_characters(exchange->method);
		return take_head(exchange,
				 &(struct request_line){method, exchange->target, version});
	case STEP_BODY:
		return *data_len > 0 ? take_body(exchange, data, data_len) : start_work(exchange);
	case STEP_ANSWER:
		return answer(exchange);
	}
	return MHD_NO;
}
