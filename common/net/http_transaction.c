#include "common/net/http_transaction.h"

#include "common/base/clock.h"
#include "common/net/http.h"
#include "common/net/problem.h"
#include "common/net/request_head.h"
#include "common/net/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	METHOD_SIZE = 16,
	PATH_SIZE = 256,
	COST_OF_ANY = 4096, /* of a request, in octets of a body: what it costs besides */
};

enum step {
	STEP_HEAD,
	STEP_BODY,
	STEP_REFUSED, /* within the body, of which the rest is thrown away */
	STEP_ANSWER,  /* after the handler, or when the queue was full */
};

struct http_transaction {
	struct server_state *server;
	struct connection *connection;
	struct MHD_Connection *mhd;
	const struct http_route *route;
	enum step step;
	unsigned int status; /* of the answer; 0 before it */
	struct buffer body;
	size_t body_share;  /* of the server's body_budget */
	uint64_t body_size; /* by its Content-Length */
	struct bytes start; /* of the body, at which is looked */
	bool start_checked;
	struct http_response response;
	struct shared_body *shared; /* the answer's, as long as the client reads it */
	struct fault fault;
	int64_t begun_us;
	int64_t duration_us; /* from the first line to the answer */
	size_t answer_len;   /* of a handler's body; 0 for a refusal */
	char content_type[MEDIA_TYPE_SIZE];
	char client[HTTP_CLIENT_SIZE]; /* who sends the body, "" if that is not known */
	char method[METHOD_SIZE];      /* cut, for the log */
	char path[PATH_SIZE];          /* likewise */
	const char *host;              /* after the head: in libmicrohttpd's copy of it */
	const char *query;             /* after the head: what followed the "?" */
	char target[];                 /* as sent; without the query after the head */
};

static void log_transaction(const struct http_transaction *transaction, unsigned int status,
			    const char *text)
{
	const struct http_server_settings *settings = &transaction->server->settings;

	if (settings->log != NULL)
		settings->log(settings->log_context, transaction->method, transaction->path, status,
			      text);
}

void *begin_http_transaction(void *context, const char *target, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *registered = info != NULL ? info->socket_context : NULL;
	struct http_transaction *transaction;

	if (registered == NULL || !enter_connection_phase(registered, CONNECTION_RECEIVING))
		return NULL;
	transaction = calloc(1, sizeof(*transaction) + strlen(target) + 1);
	if (transaction == NULL)
		return NULL;
	transaction->server = context;
	transaction->begun_us = read_stopwatch_us();
	transaction->connection = registered;
	transaction->mhd = connection;
	memcpy(transaction->target, target, strlen(target));
	(void)snprintf(transaction->path, sizeof(transaction->path), "%.*s",
		       (int)strcspn(target, "?"), target);
	mask_control_characters(transaction->path);
	return transaction;
}

static void clear_request_body(struct http_transaction *transaction)
{
	clear_buffer(&transaction->body);
	(void)change_body_share(transaction->server->bodies,
				connection_origin(transaction->connection), 0,
				&transaction->body_share);
}

void end_http_transaction(void *context, struct MHD_Connection *connection, void **pointer,
			  enum MHD_RequestTerminationCode code)
{
	struct http_transaction *transaction = TAKE(*pointer);

	(void)context;
	(void)connection;
	(void)code;
	if (transaction == NULL)
		return;
	const enum connection_phase late = finish_request(transaction->connection);
	if (late == CONNECTION_RECEIVING)
		log_transaction(transaction, MHD_HTTP_REQUEST_TIMEOUT,
				"the request did not arrive in time");
	else if (late == CONNECTION_ANSWERING)
		log_transaction(transaction, transaction->status,
				"the client did not read the answer in time");
	clear_request_body(transaction);
	clear_buffer(&transaction->response.body);
	clear_response_fields(&transaction->response);
	release_shared_body(&transaction->response.shared);
	release_shared_body(&transaction->shared);
	count_answer(transaction->server->counters, transaction->route, transaction->status,
		     transaction->duration_us);
	free(transaction);
}

static enum MHD_Result queue_response(struct http_transaction *transaction,
				      struct MHD_Response *response)
{
	enum MHD_Result result = MHD_NO;
	bool last;

	transaction->duration_us = read_stopwatch_us() - transaction->begun_us;
	if (enter_answering_phase(transaction->connection, transaction->answer_len,
				  transaction->shared, &last)) {
		if (last)
			(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION,
						      "close");
		if (sends_body(transaction->method, transaction->status, transaction->answer_len))
			announce_tls_body(*connection_tls(transaction->connection));
		result = MHD_queue_response(transaction->mhd, transaction->status, response);
	}
	MHD_destroy_response(response);
	return result;
}

/* By the whole target as sent; transaction->path may be cut. */
static const struct http_route *find_route(const struct http_transaction *asked, char *ret_allow)
{
	return find_http_route(asked->server->settings.routes, asked->method, asked->target,
			       ret_allow);
}

/* Sends a refusal, with one more field unless it is NULL. What is refused for its head alone is for
   the route that its path and method name. */
static enum MHD_Result refuse_with(struct http_transaction *transaction, unsigned int status,
				   const char *detail, const char *field, const char *value)
{
	char ignored[ALLOW_SIZE];
	const struct http_route *route =
		transaction->route != NULL ? transaction->route : find_route(transaction, ignored);
	struct MHD_Response *response =
		new_refusal_response(&transaction->server->settings, route, status, detail);

	transaction->status = status;
	if (response == NULL)
		return MHD_NO;
	if (field != NULL)
		(void)MHD_add_response_header(response, field, value);
	return queue_response(transaction, response);
}

static enum MHD_Result refuse(struct http_transaction *transaction, unsigned int status,
			      const char *detail)
{
	log_transaction(transaction, status, detail);
	return refuse_with(transaction, status, detail, NULL, NULL);
}

/* The same, and closes the connection: the beginning of a next request would be uncertain. */
static enum MHD_Result refuse_and_close(struct http_transaction *transaction, unsigned int status,
					const char *detail)
{
	log_transaction(transaction, status, detail);
	return refuse_with(transaction, status, detail, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* The same in the middle of a body, where libmicrohttpd takes no response. The rest of the body is
   read and thrown away: closing the socket now could discard the answer at the client. */
static enum MHD_Result refuse_within_body(struct http_transaction *transaction, unsigned int status,
					  const char *reason, const char *detail)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(transaction->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	gnutls_session_t session = tls_session_of(transaction->mhd);

	log_transaction(transaction, status, reason);
	if (session != NULL)
		send_tls_problem(session, status, detail);
	else if (info != NULL)
		send_problem(info->connect_fd, status, detail);
	transaction->status = status;
	transaction->step = STEP_REFUSED;
	clear_request_body(transaction);
	return MHD_YES;
}

static enum MHD_Result refuse_by_fault(struct http_transaction *transaction)
{
	const struct fault *fault = &transaction->fault;
	unsigned int status = http_status(fault->class);

	log_transaction(transaction, status, fault->text);
	return refuse_with(
		transaction, status, outward_detail(fault),
		status == MHD_HTTP_SERVICE_UNAVAILABLE ? MHD_HTTP_HEADER_RETRY_AFTER : NULL, "1");
}

static enum MHD_Result send_answer(struct http_transaction *transaction)
{
	struct http_response *response = &transaction->response;

	if (transaction->fault.class != FAULT_NONE)
		return refuse_by_fault(transaction);
	if (response->status >= MHD_HTTP_BAD_REQUEST)
		log_transaction(transaction, response->status,
				response->reason.len > 0
					? (const char *)response->reason.data
					: "answered with an error status: the body of the answer "
					  "has the reason");
	if (response->shared != NULL)
		transaction->shared = hold_shared_body(response->shared);
	transaction->answer_len =
		response->shared != NULL ? shared_octets(response->shared).len : response->body.len;
	struct MHD_Response *queued =
		new_handler_response(response,
				     MHD_lookup_connection_value(transaction->mhd, MHD_HEADER_KIND,
								 MHD_HTTP_HEADER_IF_NONE_MATCH),
				     &transaction->status);
	return queued != NULL ? queue_response(transaction, queued) : MHD_NO;
}

static void run_handler(struct http_transaction *transaction)
{
	const struct http_route *route = transaction->route;
	gnutls_session_t session = tls_session_of(transaction->mhd);
	struct bytes peer[TLS_PEER_MAX];
	const char *authorization = MHD_lookup_connection_value(transaction->mhd, MHD_HEADER_KIND,
								MHD_HTTP_HEADER_AUTHORIZATION);
	const struct http_request request = {
		.secure = session != NULL,
		.peer = peer,
		.peer_count = session != NULL ? find_tls_peer(session, peer) : 0,
		.method = route->method,
		.path = transaction->target,
		.query = transaction->query,
		.host = transaction->host,
		.content_type = transaction->content_type,
		.authorization = authorization != NULL ? authorization : "",
		.body = bytes_of_buffer(&transaction->body),
		.origin = connection_origin(transaction->connection),
		.head = strcmp(transaction->method, MHD_HTTP_METHOD_HEAD) == 0,
	};
	struct http_response *response = &transaction->response;
	struct fault *fault = &transaction->fault;

	response->status = MHD_HTTP_OK;
	if (route->handler(&request, response, transaction->server->settings.context, fault) < 0)
		(void)set_fault(fault, FAULT_FAILED, "the handler gives no reason");
	else if (response->body.failed)
		(void)set_memory_fault(fault);
	clear_request_body(transaction);
}

/* A sender that no check has looked at is an address, which may have many clients. */
static struct work plan_work(struct http_transaction *transaction, work_function *function,
			     size_t cost)
{
	struct work work = {.function = function,
			    .context = transaction,
			    .of_many = transaction->client[0] == '\0',
			    .cost = cost};

	(void)snprintf(work.owner, sizeof(work.owner), "%s %s", transaction->client,
		       connection_origin(transaction->connection));
	return work;
}

static void run_long_handler(void *context)
{
	struct http_transaction *transaction = context;
	struct MHD_Connection *mhd = transaction->mhd;

	run_handler(transaction);
	/* From here on another thread may free the transaction. */
	MHD_resume_connection(mhd);
}

/* Waits for a worker, in turn. */
static int submit_handler(struct http_transaction *transaction)
{
	struct server_state *server = transaction->server;
	const struct work work =
		plan_work(transaction, run_long_handler, transaction->body.len + COST_OF_ANY);
	bool prompt = strcmp(transaction->route->method, MHD_HTTP_METHOD_GET) == 0;
	enum handler_work kind = transaction->route->work;
	bool joint = kind == WORK_JOINT || (kind == WORK_GATHERED && server->settings.gathers);
	struct work_queue *queue = joint                 ? server->joint_work
				   : kind == WORK_LOOKUP ? server->lookup_work
				   : prompt              ? server->prompt_work
							 : server->work;

	return submit_work(queue, &work, &transaction->fault);
}

/* True: the sender has to be looked up. On failure the transaction has the fault. */
static bool ask_for_sender(struct http_transaction *transaction, bool may_wait)
{
	void *context = transaction->server->settings.context;
	bool unknown = false;

	return transaction->route->check_start(transaction->start, may_wait, context,
					       transaction->client, &unknown,
					       &transaction->fault) == 0 &&
	       unknown;
}

/* In a thread that may wait; then the transaction goes on. */
static void look_up_sender(void *context)
{
	struct http_transaction *transaction = context;
	struct MHD_Connection *mhd = transaction->mhd;

	(void)ask_for_sender(transaction, true);
	if (transaction->step == STEP_ANSWER && transaction->fault.class == FAULT_NONE &&
	    submit_handler(transaction) == 0)
		return;
	MHD_resume_connection(mhd);
}

/* Asks the route who sends the body, as soon as there is enough of it. True: it has to be looked
   up, and libmicrohttpd calls again afterwards. On failure the transaction has the fault. */
static bool check_start(struct http_transaction *transaction, bool whole)
{
	if (transaction->route->check_start == NULL || transaction->start_checked ||
	    (transaction->body.len < HTTP_START_MAX && !whole))
		return false;
	transaction->start_checked = true;
	transaction->start = bytes_of_buffer(&transaction->body);
	if (transaction->start.len > HTTP_START_MAX)
		transaction->start.len = HTTP_START_MAX;
	if (!ask_for_sender(transaction, false))
		return false;
	const struct work work = plan_work(transaction, look_up_sender, 1);

	/* Suspend first: the thread may resume the connection before submit_work returns. */
	MHD_suspend_connection(transaction->mhd);
	if (submit_work(transaction->server->sender_work, &work, &transaction->fault) < 0)
		MHD_resume_connection(transaction->mhd);
	return true;
}

static bool is_short(const struct http_transaction *transaction)
{
	const struct http_server_settings *settings = &transaction->server->settings;

	if (transaction->route->work != WORK_LOOKUP)
		return transaction->route->work == WORK_SHORT;
	return !settings->lookups_wait ||
	       (settings->at_hand != NULL &&
		settings->at_hand(transaction->route, transaction->target,
				  bytes_of_buffer(&transaction->body), settings->at_hand_context));
}

static enum MHD_Result start_handler(struct http_transaction *transaction)
{
	if (!enter_connection_phase(transaction->connection, CONNECTION_WORKING))
		return MHD_NO;
	transaction->step = STEP_ANSWER;
	if (is_short(transaction)) {
		run_handler(transaction);
		return send_answer(transaction);
	}
	if (check_start(transaction, true))
		return MHD_YES;
	if (transaction->fault.class != FAULT_NONE)
		return send_answer(transaction);
	/* Likewise suspended first. */
	MHD_suspend_connection(transaction->mhd);
	if (submit_handler(transaction) < 0)
		MHD_resume_connection(transaction->mhd);
	return MHD_YES;
}

static enum MHD_Result receive_body(struct http_transaction *transaction, const char *data,
				    size_t *data_len)
{
	static const char too_much[] = "too much is being received: try again later";
	static const char no_memory[] = "out of memory";
	struct server_state *server = transaction->server;
	struct bytes piece = {(const uint8_t *)data, *data_len};
	size_t len = transaction->body.len + piece.len;
	bool whole = len >= transaction->body_size;

	*data_len = 0;
	if (!change_body_share(server->bodies, connection_origin(transaction->connection), len,
			       &transaction->body_share))
		return refuse_within_body(transaction, MHD_HTTP_SERVICE_UNAVAILABLE, too_much,
					  too_much);
	append_bytes(&transaction->body, piece);
	if (transaction->body.failed)
		return refuse_within_body(transaction, MHD_HTTP_SERVICE_UNAVAILABLE, no_memory,
					  no_memory);
	/* After the whole body, start_handler looks at it. */
	if (!whole && check_start(transaction, false)) {
		/* libmicrohttpd calls again for a piece that was left. */
		transaction->body.len -= piece.len;
		*data_len = piece.len;
		return MHD_YES;
	}
	return transaction->fault.class == FAULT_NONE
		       ? MHD_YES
		       : refuse_within_body(transaction, http_status(transaction->fault.class),
					    transaction->fault.text,
					    outward_detail(&transaction->fault));
}

static enum MHD_Result refuse_route(struct http_transaction *transaction, const char *allow)
{
	static const char wrong_method[] = "this path does not have the method";

	if (allow[0] == '\0')
		return refuse(transaction, MHD_HTTP_NOT_FOUND, "there is no such path");
	log_transaction(transaction, MHD_HTTP_METHOD_NOT_ALLOWED, wrong_method);
	return refuse_with(transaction, MHD_HTTP_METHOD_NOT_ALLOWED, wrong_method,
			   MHD_HTTP_HEADER_ALLOW, allow);
}

static enum MHD_Result receive_head(struct http_transaction *transaction,
				    const struct request_line *line)
{
	struct request_head head;
	char allow[ALLOW_SIZE];
	char detail[128];

	if (check_request_head(transaction->mhd, line, &head, &transaction->fault) < 0)
		return refuse_and_close(transaction, MHD_HTTP_BAD_REQUEST, transaction->fault.text);
	if (head.encoded)
		return refuse_and_close(transaction, MHD_HTTP_LENGTH_REQUIRED,
					"expected a body with a Content-Length, found a "
					"Transfer-Encoding");
	transaction->query = cut_query(transaction->target);
	transaction->route = find_route(transaction, allow);
	if (transaction->route == NULL)
		return refuse_route(transaction, allow);
	if (!may_use_route(transaction->route, is_secure(transaction->connection),
			   transaction->server->has_secure))
		return refuse(transaction, MHD_HTTP_FORBIDDEN,
			      "expected this path to be asked for over TLS (https://)");
	if (transaction->route->content_type != NULL &&
	    strcmp(head.content_type, transaction->route->content_type) != 0) {
		(void)snprintf(detail, sizeof(detail), "expected the content type %s",
			       transaction->route->content_type);
		return refuse(transaction, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, detail);
	}
	if (head.content_length > transaction->route->body_max) {
		(void)snprintf(detail, sizeof(detail), "the body is larger than %zu octets",
			       transaction->route->body_max);
		return refuse_and_close(transaction, MHD_HTTP_CONTENT_TOO_LARGE, detail);
	}
	transaction->body_size = head.content_length;
	transaction->host = head.host;
	memcpy(transaction->content_type, head.content_type, sizeof(transaction->content_type));
	transaction->step = STEP_BODY;
	return MHD_YES;
}

enum MHD_Result continue_http_transaction(void *context, struct MHD_Connection *connection,
					  const char *url, const char *method, const char *version,
					  const char *data, size_t *data_len, void **pointer)
{
	struct http_transaction *transaction = *pointer;

	(void)context;
	(void)connection;
	if (transaction == NULL)
		return MHD_NO;
	switch (transaction->step) {
	case STEP_HEAD:
		(void)snprintf(transaction->method, sizeof(transaction->method), "%s", method);
		mask_control_characters(transaction->method);
		return receive_head(transaction, &(struct request_line){method, url, version,
									transaction->target});
	case STEP_BODY:
		return *data_len > 0 ? receive_body(transaction, data, data_len)
				     : start_handler(transaction);
	case STEP_REFUSED:
		if (*data_len == 0)
			return MHD_NO;
		*data_len = 0;
		return MHD_YES;
	case STEP_ANSWER:
		return send_answer(transaction);
	}
	return MHD_NO;
}
