#include "common/ca/service/admin_page.h"

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/base/periodic_thread.h"
#include "common/ca/page/detail_pages.h"
#include "common/ca/page/overview_page.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_HTML "text/html; charset=utf-8"

enum {
	REFRESH_MS = 1000,
	QUICK_US = 100000, /* an overview that takes no longer is made for the visitor */
	FRESH_SHARE = 20,  /* making the overview takes at most 1/FRESH_SHARE of the time */
	IDLE_SHARE = 200,  /* the same while nobody looks */
	CONNECTIONS = 64,
	PENDING = 32,
	QUERY_SIZE = 256,
};

static const unsigned int not_found = 404;
static const unsigned int misdirected = 421; /* RFC 9110 section 15.5.20 */

struct admin_page {
	struct admin_settings settings;
	struct buffer policy;
	pthread_mutex_t making; /* of the activity; held while an overview is made */
	struct activity *activity;
	pthread_mutex_t lock; /* of what follows */
	struct shared_body *overview;
	int64_t made_us; /* by the stopwatch */
	int64_t cost_us;
	bool wanted; /* somebody got one that is not fresh */
	struct periodic_thread *refresher;
	struct http_server *server;
};

/* --- the log --- */

/* What follows "/TOKEN/"; NULL: the path has another token, or none. */
static const char *check_token(const struct admin_page *page, const char *path)
{
	const char *given = path + 1;
	struct bytes token = {(const uint8_t *)given, strcspn(given, "/")};

	if (!equal_secrets(token, bytes_of_string(page->settings.token)))
		return NULL;
	return given[token.len] == '/' ? given + token.len + 1 : NULL;
}

/* Of a path without the token nothing is logged: it may be a slip of somebody who has it. */
static void log_without_token(void *context, const char *method, const char *path,
			      unsigned int status, const char *text)
{
	const struct admin_page *page = context;
	const char *rest = path[0] == '/' ? check_token(page, path) : NULL;
	char shown[128];

	(void)snprintf(shown, sizeof(shown), "admin/%s", rest != NULL ? rest : "");
	if (page->settings.log != NULL && strstr(text, page->settings.token) == NULL &&
	    strstr(shown, page->settings.token) == NULL)
		page->settings.log(page->settings.log_context, method, shown, status, text);
}

/* --- the overview --- */

/* What the overview of the record has itself is left out. */
static void list_problems(const struct health *health, struct page_problems *problems)
{
	for (size_t i = 0; i < health->count; i++)
		problems->texts[problems->count++] = health->problems[i].fault.text;
	for (size_t i = 0; i < health->warning_count; i++)
		if (health->warnings[i].process_alone)
			problems->texts[problems->count++] = health->warnings[i].text;
}

/* What making an overview costs. Time of this thread's processor, which other processes do not make
   longer; of a database on another host it is the time that passes. */
static int64_t read_cost_us(const struct admin_page *page)
{
	struct timespec time;

	if (is_shared_store(page->settings.store) ||
	    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) < 0)
		return read_stopwatch_us();
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* The caller holds `making`. */
static int make_overview(struct admin_page *page, struct fault *fault)
{
	const struct admin_settings *settings = &page->settings;
	CLEANUP(clear_overview) struct overview overview = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(release_shared_body) struct shared_body *body = NULL;
	struct shared_body *before;
	struct page_problems problems = {0};
	struct health health = {0};
	int64_t begun_us = read_cost_us(page);
	int64_t now_s = read_clock();

	if (settings->check != NULL)
		settings->check(settings->check_context, now_s, &health);
	list_problems(&health, &problems);
	if (read_overview(settings->store, settings->layout, settings->manifest, now_s,
			  page->activity, &overview, fault) < 0 ||
	    format_overview_page(&overview, &problems, settings->store, PAGE_LIVE, &text, fault) <
		    0 ||
	    new_shared_body(&text, &body, fault) < 0)
		return -1;
	pthread_mutex_lock(&page->lock);
	before = page->overview;
	page->overview = TAKE(body);
	page->made_us = read_stopwatch_us();
	page->cost_us = read_cost_us(page) - begun_us;
	page->wanted = false;
	pthread_mutex_unlock(&page->lock);
	release_shared_body(&before);
	return 0;
}

/* The overview that may be served without making one: a fresh one, or one that takes long to make.
   NULL: there is none. */
static struct shared_body *get_kept_overview(struct admin_page *page)
{
	struct shared_body *body = NULL;
	bool fresh;

	pthread_mutex_lock(&page->lock);
	fresh = read_stopwatch_us() - page->made_us <= FRESH_SHARE * page->cost_us;
	if (page->overview != NULL && (fresh || page->cost_us > QUICK_US)) {
		page->wanted |= !fresh;
		body = hold_shared_body(page->overview);
	}
	pthread_mutex_unlock(&page->lock);
	return body;
}

static int get_overview(struct admin_page *page, struct shared_body **ret_body, struct fault *fault)
{
	CLEANUP(release_shared_body) struct shared_body *body = get_kept_overview(page);
	int result = 0;

	if (body == NULL) {
		pthread_mutex_lock(&page->making);
		/* Another visitor may have had it made meanwhile. */
		body = get_kept_overview(page);
		if (body == NULL) {
			result = make_overview(page, fault);
			pthread_mutex_lock(&page->lock);
			body = result == 0 ? hold_shared_body(page->overview) : NULL;
			pthread_mutex_unlock(&page->lock);
		}
		pthread_mutex_unlock(&page->making);
	}
	*ret_body = TAKE(body);
	return result;
}

/* A periodic_function: makes the first one, and those that take long. */
static void refresh_overview(void *context)
{
	struct admin_page *page = context;
	struct fault failure = {0};
	int64_t age_us;
	bool due;

	pthread_mutex_lock(&page->lock);
	age_us = read_stopwatch_us() - page->made_us;
	due = page->overview == NULL || (page->cost_us > QUICK_US &&
					 ((page->wanted && age_us > FRESH_SHARE * page->cost_us) ||
					  age_us > IDLE_SHARE * page->cost_us));
	pthread_mutex_unlock(&page->lock);
	if (!due)
		return;
	pthread_mutex_lock(&page->making);
	if (make_overview(page, &failure) < 0)
		log_without_token(page, "", "/", 500, failure.text);
	pthread_mutex_unlock(&page->making);
}

/* --- requests --- */

static void add_fields(const struct admin_page *page, struct http_response *response)
{
	response->content_type = CONTENT_HTML;
	add_response_field(response, "Content-Security-Policy", "%s; frame-ancestors 'none'",
			   (const char *)page->policy.data);
	add_response_field(response, "Cache-Control", "no-store");
	add_response_field(response, "Referrer-Policy", "no-referrer");
	add_response_field(response, "X-Content-Type-Options", "nosniff");
	add_response_field(response, "Cross-Origin-Resource-Policy", "same-origin");
}

static int refuse(struct http_response *response, unsigned int status, const char *text,
		  struct fault *fault)
{
	response->status = status;
	append_format(&response->body,
		      "<!doctype html><html lang=\"en\"><title>certpool</title><p>%s</html>\n",
		      text);
	append_string(&response->reason, text);
	return check_buffer(&response->body, fault);
}

/* The value of q, decoded (application/x-www-form-urlencoded), cut; false: there is none. */
static bool read_query(const char *query, char ret_text[static QUERY_SIZE])
{
	size_t len = 0;

	if (strncmp(query, "q=", 2) != 0)
		return false;
	for (query += 2; *query != '\0' && *query != '&' && len + 1 < QUERY_SIZE; query++) {
		char octet = *query;

		if (octet == '+')
			octet = ' ';
		if (*query == '%' && hex_value(query[1]) >= 0 && hex_value(query[2]) >= 0) {
			octet = (char)(uint8_t)(hex_value(query[1]) << 4 | hex_value(query[2]));
			query += 2;
		}
		if (octet == '\0')
			octet = ' ';
		ret_text[len++] = octet;
	}
	ret_text[len] = '\0';
	return true;
}

static const char *after_prefix(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) == 0 ? path + len : NULL;
}

static int serve_detail(struct admin_page *page, const char *rest, struct http_response *response,
			struct fault *fault)
{
	const struct page_source source = {.store = page->settings.store,
					   .layout = page->settings.layout,
					   .manifest = page->settings.manifest,
					   .now_s = read_clock()};
	const char *client = after_prefix(rest, "client/");
	const char *text = after_prefix(rest, "certificate/");
	uint8_t serial[SERIAL_MAX];
	struct fault malformed = {0};
	bool found = false;

	if (client != NULL && valid_name(client)) {
		if (format_client_page(&source, client, &found, &response->body, fault) < 0)
			return -1;
	} else if (text != NULL && parse_serial(text, serial, &malformed) == 0) {
		if (format_certificate_page(&source, serial, &found, &response->body, fault) < 0)
			return -1;
	}
	return found ? 0 : refuse(response, not_found, "There is no such page.", fault);
}

static int serve_search(const struct admin_page *page, const char *query,
			struct http_response *response, struct fault *fault)
{
	const struct page_source source = {.store = page->settings.store,
					   .layout = page->settings.layout,
					   .manifest = page->settings.manifest,
					   .now_s = read_clock()};

	return format_search_page(&source, query, &response->body, fault);
}

static int serve_page(const struct http_request *request, struct http_response *response,
		      void *context, struct fault *fault)
{
	struct admin_page *page = context;
	const char *rest = check_token(page, request->path);
	char query[QUERY_SIZE];

	add_fields(page, response);
	if (!is_host_of(&page->settings.listen, request->host))
		return refuse(response, misdirected,
			      "The Host of the request is not this listener's.", fault);
	if (rest == NULL)
		return refuse(response, not_found, "There is no such page.", fault);
	if (rest[0] != '\0')
		return serve_detail(page, rest, response, fault);
	if (read_query(request->query, query))
		return serve_search(page, query, response, fault);
	return get_overview(page, &response->shared, fault);
}

static const struct http_route admin_routes[] = {
	{"GET", "/", NULL, 0, serve_page, WORK_LONG, NULL, ROUTE_PRIVATE},
	{0},
};

/* --- the beginning and the end --- */

static int start_server(struct admin_page *page, struct fault *fault)
{
	const struct http_server_settings http = {.listen = {1, {page->settings.listen}},
						  .routes = admin_routes,
						  .context = page,
						  .log = log_without_token,
						  .log_context = page,
						  .most_connections = CONNECTIONS,
						  .most_per_address = CONNECTIONS,
						  .most_pending = PENDING};

	if (start_http_server(&http, &page->server, fault) < 0)
		return prefix_fault(fault, "ca.admin");
	return 0;
}

int start_admin_page(const struct admin_settings *settings, struct admin_page **ret_page,
		     struct fault *fault)
{
	CLEANUP(stop_admin_page) struct admin_page *page = calloc(1, sizeof(*page));

	if (page == NULL)
		return set_memory_fault(fault);
	page->settings = *settings;
	pthread_mutex_init(&page->making, NULL);
	pthread_mutex_init(&page->lock, NULL);
	if (format_page_policy(true, &page->policy, fault) < 0 ||
	    new_activity(&page->activity, fault) < 0 || start_server(page, fault) < 0 ||
	    start_periodic_thread(REFRESH_MS, refresh_overview, page, &page->refresher, fault) < 0)
		return -1;
	*ret_page = TAKE(page);
	return 0;
}

void stop_admin_page(struct admin_page **pointer)
{
	struct admin_page *page = TAKE(*pointer);

	if (page == NULL)
		return;
	stop_http_server(&page->server);
	stop_periodic_thread(&page->refresher);
	release_shared_body(&page->overview);
	free_activity(&page->activity);
	clear_buffer(&page->policy);
	pthread_mutex_destroy(&page->making);
	pthread_mutex_destroy(&page->lock);
	free(page);
}
