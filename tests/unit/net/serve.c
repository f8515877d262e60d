#include "tests/unit/net/serve.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENCE_S = 60 };

static int answer_health(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault)
{
	(void)request;
	(void)context;
	(void)fault;
	response->content_type = "text/plain";
	append_string(&response->body, "well");
	return 0;
}

static int answer_echo(const struct http_request *request, struct http_response *response,
		       void *context, struct fault *fault)
{
	struct service_under_test *service = context;

	(void)fault;
	pthread_mutex_lock(&service->lock);
	service->handled++;
	pthread_mutex_unlock(&service->lock);
	response->content_type = "text/plain";
	append_bytes(&response->body, request->body);
	return 0;
}

static int answer_size(const struct http_request *request, struct http_response *response,
		       void *context, struct fault *fault)
{
	(void)context;
	(void)fault;
	response->content_type = "text/plain";
	append_format(&response->body, "%zu", request->body.len);
	return 0;
}

static int answer_large(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	uint8_t *begin = extend_buffer(&response->body, LARGE_MAX);

	(void)request;
	(void)context;
	(void)fault;
	response->content_type = "text/plain";
	if (begin != NULL)
		memset(begin, 'x', LARGE_MAX);
	return 0;
}

static int answer_fault(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	(void)context;
	append_string(&response->body, "half an answer");
	return set_fault(
		fault, (enum fault_class)strtoul((const char *)request->body.data, NULL, 10),
		"the reason \"%.*s\"", (int)request->body.len, (const char *)request->body.data);
}

static void wait_at_gate(struct service_under_test *service)
{
	pthread_mutex_lock(&service->lock);
	service->waiting++;
	pthread_cond_broadcast(&service->changed);
	while (!service->gate_open)
		pthread_cond_wait(&service->changed, &service->lock);
	service->waiting--;
	pthread_mutex_unlock(&service->lock);
}

static int answer_long(const struct http_request *request, struct http_response *response,
		       void *context, struct fault *fault)
{
	wait_at_gate(context);
	return answer_echo(request, response, context, fault);
}

static int answer_path(const struct http_request *request, struct http_response *response,
		       void *context, struct fault *fault)
{
	(void)context;
	(void)fault;
	response->content_type = "text/plain";
	append_string(&response->body, request->path);
	return 0;
}

static int answer_shared(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault)
{
	struct service_under_test *service = context;

	(void)request;
	(void)fault;
	response->content_type = "text/plain";
	response->shared = hold_shared_body(service->shared);
	response->caching = (struct http_caching){
		.now_s = 1000, .last_modified_s = 990, .expires_s = 1100, .etag = "tag"};
	return 0;
}

static int answer_peer(const struct http_request *request, struct http_response *response,
		       void *context, struct fault *fault)
{
	(void)context;
	(void)fault;
	response->content_type = "text/plain";
	append_format(&response->body, "%s, certificates: %zu",
		      request->secure ? "secure" : "plain", request->peer_count);
	return 0;
}

static int answer_prompt(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault)
{
	(void)request;
	(void)context;
	(void)fault;
	response->content_type = "text/plain";
	append_string(&response->body, "prompt");
	return 0;
}

static int answer_fields(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault)
{
	(void)context;
	(void)fault;
	add_response_field(response, "Location", "/%s", request->query);
	add_response_field(response, "Replay-Nonce", "%d", 7);
	response->status = request->head ? 200 : 404;
	response->content_type = "text/plain";
	append_string(&response->body, "body");
	append_string(&response->reason, "nothing at this place");
	for (int i = 2; strcmp(request->query, "many") == 0 && i <= HTTP_FIELDS_MAX; i++)
		add_response_field(response, "X-More", "%d", i);
	return 0;
}

static int look_at_sender(struct bytes start, bool may_wait, void *context,
			  char ret_client[static HTTP_CLIENT_SIZE], bool *ret_unknown,
			  struct fault *fault)
{
	struct service_under_test *service = context;
	const uint8_t *point = start.len > 0 ? memchr(start.data, '.', start.len) : NULL;
	const bool is_new = point != NULL && memcmp(start.data, "new", 3) == 0;

	pthread_mutex_lock(&service->lock);
	service->checked += !may_wait;
	service->start_len = start.len;
	pthread_mutex_unlock(&service->lock);
	*ret_unknown = is_new && !may_wait;
	if (*ret_unknown)
		return 0;
	if (may_wait)
		wait_at_gate(service);
	if (point == NULL || memcmp(start.data + (is_new ? 3 : 0), "bad", 3) == 0)
		return set_fault(fault, FAULT_UNDECRYPTABLE, "a bad sender");
	memcpy(ret_client, start.data, (size_t)(point - start.data));
	return 0;
}

static const struct http_route routes[] = {
	{"GET", "/health", NULL, 0, answer_health, false, NULL, ROUTE_PRIVATE},
	{"POST", "/echo", "text/plain", BODY_MAX, answer_echo, false, NULL, ROUTE_PRIVATE},
	{"POST", "/large", "text/plain", LARGE_MAX, answer_size, false, NULL, ROUTE_PRIVATE},
	{"GET", "/large", NULL, 0, answer_large, false, NULL, ROUTE_PRIVATE},
	{"POST", "/fault", "text/plain", BODY_MAX, answer_fault, false, NULL, ROUTE_PRIVATE},
	{"POST", "/long", "text/plain", BODY_MAX, answer_long, true, NULL, ROUTE_PRIVATE},
	{"POST", "/lookup", "text/plain", BODY_MAX, answer_long, WORK_LOOKUP, NULL, ROUTE_PRIVATE},
	{"POST", "/glance", "text/plain", BODY_MAX, answer_echo, WORK_LOOKUP, NULL, ROUTE_PRIVATE},
	{"POST", "/work", "text/plain", LARGE_MAX, answer_echo, true, NULL, ROUTE_PRIVATE},
	{"GET", "/prompt", NULL, 0, answer_prompt, true, NULL, ROUTE_PRIVATE},
	{"POST", "/checked", "text/plain", LARGE_MAX, answer_long, true, look_at_sender,
	 ROUTE_PRIVATE},
	{"GET", "/below/first", NULL, 0, answer_path, false, NULL, ROUTE_PRIVATE},
	{"GET", "/below/", NULL, 0, answer_path, false, NULL, ROUTE_PRIVATE},
	{"GET", "/shared", NULL, 0, answer_shared, false, NULL, ROUTE_PUBLIC},
	{"GET", "/peer", NULL, 0, answer_peer, true, NULL, ROUTE_SECURE},
	{"GET", "/fields", NULL, 0, answer_fields, false, NULL, ROUTE_PRIVATE},
	{0},
};

static void keep_log(void *context, const char *method, const char *path, unsigned int status,
		     const char *text)
{
	struct service_under_test *service = context;

	pthread_mutex_lock(&service->lock);
	append_format(&service->log, "%s %s %u %s\n", method, path, status, text);
	pthread_cond_broadcast(&service->changed);
	pthread_mutex_unlock(&service->lock);
}

static void make_shared(struct service_under_test *service)
{
	struct buffer content = {0};

	append_string(&content, "shared");
	OK(new_shared_body(&content, &service->shared, &fault));
}

void start_service(struct service_under_test *service)
{
	make_shared(service);

	pthread_mutex_init(&service->lock, NULL);
	pthread_cond_init(&service->changed, NULL);
	append_string(&service->log, "");
	if (service->settings.listen.count == 0)
		service->settings.listen = (struct endpoint_list){1, {{"127.0.0.1", 0, false}}};
	service->settings.routes = routes;
	service->settings.context = service;
	service->settings.log = keep_log;
	service->settings.log_context = service;
	OK(start_http_server(&service->settings, &service->server, &fault));
	service->endpoint = http_server_endpoints(service->server)->endpoints[0];
}

void stop_service(struct service_under_test *service)
{
	stop_http_server(&service->server);
	cr_assert_null(service->server);
	release_shared_body(&service->shared);
	clear_buffer(&service->log);
	pthread_cond_destroy(&service->changed);
	pthread_mutex_destroy(&service->lock);
}

void open_gate(struct service_under_test *service)
{
	pthread_mutex_lock(&service->lock);
	service->gate_open = true;
	pthread_cond_broadcast(&service->changed);
	pthread_mutex_unlock(&service->lock);
}

void await_waiting(struct service_under_test *service, unsigned int count)
{
	pthread_mutex_lock(&service->lock);
	while (service->waiting < count)
		pthread_cond_wait(&service->changed, &service->lock);
	pthread_mutex_unlock(&service->lock);
}

static unsigned int count_logs(const struct service_under_test *service, const char *text)
{
	unsigned int count = 0;

	for (const char *place = strstr((const char *)service->log.data, text); place != NULL;
	     place = strstr(place + 1, text))
		count++;
	return count;
}

bool await_log(struct service_under_test *service, const char *text)
{
	return await_logs(service, text, 1);
}

bool await_logs(struct service_under_test *service, const char *text, unsigned int count)
{
	struct timespec end;
	bool found;
	int error = 0;

	(void)clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&service->lock);
	while (count_logs(service, text) < count && error == 0)
		error = pthread_cond_timedwait(&service->changed, &service->lock, &end);
	found = error == 0;
	pthread_mutex_unlock(&service->lock);
	return found;
}

struct http_client *new_test_client(const struct endpoint *endpoint)
{
	const struct http_client_settings settings = {.endpoint = *endpoint, .timeout_ms = 20000};
	struct http_client *client = NULL;

	OK(new_http_client(&settings, &client, &fault));
	return client;
}

unsigned int post_text(struct http_client *client, const char *path, const char *text,
		       struct http_answer *ret_answer)
{
	/* Not an assertion, which works only in the test's first thread. */
	OK(exchange_http(client, path, "text/plain", bytes_of_string(text), LARGE_MAX, ret_answer,
			 &fault));
	return ret_answer->status;
}

unsigned int post_when_admitted(struct http_client *client, const char *path, const char *text,
				struct http_answer *ret_answer)
{
	while (post_text(client, path, text, ret_answer) == 503)
		clear_http_answer(ret_answer);
	return ret_answer->status;
}
