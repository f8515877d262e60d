#include "common/ca/service.h"

#include "common/base/clock.h"
#include "common/ca/crl_cache.h"
#include "common/ca/inquiries.h"
#include "common/ca/keeper.h"
#include "common/ca/metrics.h"
#include "common/ca/serve_ocsp.h"
#include "common/net/http.h"
#include "common/wire/revocation.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CONTENT_CRL "application/pkix-crl" /* RFC 2585 section 4.2 */
#define CONTENT_JSON "application/json"

enum { KEEPER_INTERVAL_MS = 1000, SUMMARY_INTERVAL_S = 60, CRL_RETRY_S = 60 };

static const unsigned int ok = 200;
static const unsigned int internal_error = 500;
static const unsigned int unavailable = 503;

struct ca_service {
	struct authority *authority;
	http_log *log;
	void *log_context;
	struct inquiries inquiries;
	struct crl_cache crl;
	struct keeper *keeper;
	int64_t retry_crl_at_s; /* the keeper's, after a failure */
	int64_t summarize_at_s; /* the same */
	pthread_mutex_t lock;   /* of what follows */
	struct store_summary summary;
	struct crl_info crl_info;
	struct responder *responder;
	struct buffer root_pem;
	struct buffer issuer_pem;
	struct http_server *server;
};

static int serve_certificates(const struct http_request *request, struct http_response *response,
			      void *context, struct fault *fault)
{
	struct ca_service *service = context;

	return inquire_certificates(&service->inquiries, request->body, response, fault);
}

static int serve_status(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	struct ca_service *service = context;

	return inquire_status(&service->inquiries, request->body, response, fault);
}

static int serve_revocations(const struct http_request *request, struct http_response *response,
			     void *context, struct fault *fault)
{
	struct ca_service *service = context;

	return inquire_revocations(&service->inquiries, request->body, response, fault);
}

static int serve_root(const struct http_request *request, struct http_response *response,
		      void *context, struct fault *fault)
{
	const struct ca_service *service = context;

	(void)request;
	response->content_type = CONTENT_PEM;
	append_bytes(&response->body, bytes_of_buffer(&service->root_pem));
	return check_buffer(&response->body, fault);
}

/* Whose certificates are below that root: the issuer of members' certificates, CRL and OCSP
   answers. */
static int serve_issuer(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	const struct ca_service *service = context;

	(void)request;
	response->content_type = CONTENT_PEM;
	append_bytes(&response->body, bytes_of_buffer(&service->issuer_pem));
	return check_buffer(&response->body, fault);
}

/* Open to all, and with an answer for everything: why it is none goes to the log alone. */
static int serve_ocsp_request(const struct http_request *request, struct http_response *response,
			      void *context, struct fault *fault)
{
	const struct ca_service *service = context;
	struct fault trouble = {0};

	if (serve_ocsp(service->responder, request, read_clock(), response, &trouble, fault) < 0)
		return -1;
	if (trouble.class != FAULT_NONE && service->log != NULL)
		service->log(service->log_context, request->method, request->path, ok,
			     trouble.text);
	return 0;
}

static int serve_crl(const struct http_request *request, struct http_response *response,
		     void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct crl_info info;
	int64_t now_s = read_clock();

	(void)request;
	if (get_crl(&service->crl, now_s, &response->shared, &info, fault) < 0)
		return -1;
	response->content_type = CONTENT_CRL;
	/* A revocation makes another one at once: keeping it is safe for as long as it says. */
	response->caching = (struct http_caching){.now_s = now_s,
						  .last_modified_s = info.this_update_s,
						  .expires_s = info.next_update_s};
	(void)snprintf(response->caching.etag, sizeof(response->caching.etag), "crl-%" PRIu64,
		       info.number);
	return 0;
}

/* Open to all: which part it is, and what is wrong with it in the log alone. */
static int serve_health(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct health health;

	check_authority(service->authority, read_clock(), &health);
	response->content_type = CONTENT_JSON;
	append_format(&response->body, "{\"status\":\"%s\",\"reasons\":[",
		      health.count == 0 ? "ok" : "failed");
	for (size_t i = 0; i < health.count; i++) {
		append_format(&response->body, "%s\"%s\"", i > 0 ? "," : "", health.flaws[i].part);
		if (service->log != NULL)
			service->log(service->log_context, request->method, request->path,
				     unavailable, health.flaws[i].fault.text);
	}
	append_string(&response->body, "]}\n");
	response->status = health.count == 0 ? ok : unavailable;
	return check_buffer(&response->body, fault);
}

static int serve_metrics(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct metrics metrics = {.now_s = read_clock()};

	(void)request;
	pthread_mutex_lock(&service->lock);
	metrics.record = service->summary;
	metrics.crl = service->crl_info;
	pthread_mutex_unlock(&service->lock);
	metrics.connections = count_http_connections(service->server);
	metrics.route_count =
		copy_http_statistics(service->server, metrics.routes, METRIC_ROUTES_MAX);
	metrics.refusal_count = copy_refusal_counts(&service->inquiries.refusals, metrics.refusals);
	response->content_type = CONTENT_METRICS;
	return format_metrics(&metrics, &response->body, fault);
}

static const struct http_route routes[] = {
	{"POST", CERTIFICATES_PATH, CONTENT_JOSE, CERTIFICATES_REQUEST_MAX, serve_certificates,
	 true},
	{"POST", STATUS_PATH, CONTENT_JOSE, STATUS_REQUEST_MAX, serve_status, false},
	{"POST", REVOCATIONS_PATH, CONTENT_JOSE, REVOCATIONS_REQUEST_MAX, serve_revocations, true},
	{"POST", OCSP_POST_PATH, CONTENT_OCSP_REQUEST, OCSP_REQUEST_MAX, serve_ocsp_request, false},
	{"GET", OCSP_GET_PATH, NULL, 0, serve_ocsp_request, false},
	{"GET", "/root.crt", NULL, 0, serve_root, false},
	{"GET", "/ca.crt", NULL, 0, serve_issuer, false},
	{"GET", "/crl", NULL, 0, serve_crl, true},
	{"GET", "/health", NULL, 0, serve_health, true},
	{"GET", "/metrics", NULL, 0, serve_metrics, false},
	{0},
};

static void log_keeper(const struct ca_service *service, const char *path, const char *text)
{
	if (service->log != NULL)
		service->log(service->log_context, "", path, internal_error, text);
}

/* Nobody has to ask for the CRL for it to be made, and to be found in the layout. */
static void keep_crl(struct ca_service *service, int64_t now_s)
{
	struct shared_body *body = NULL;
	struct crl_info info;
	struct fault found = {0};

	if (now_s < service->retry_crl_at_s)
		return;
	if (get_crl(&service->crl, now_s, &body, &info, &found) < 0) {
		log_keeper(service, "/crl", found.text);
		service->retry_crl_at_s = now_s + CRL_RETRY_S;
		return;
	}
	release_shared_body(&body);
	pthread_mutex_lock(&service->lock);
	service->crl_info = info;
	pthread_mutex_unlock(&service->lock);
}

static void keep_summary(struct ca_service *service, int64_t now_s)
{
	struct store_summary summary;
	struct fault found = {0};

	if (now_s < service->summarize_at_s)
		return;
	service->summarize_at_s = now_s + SUMMARY_INTERVAL_S;
	if (summarize_store(authority_store(service->authority), now_s, &summary, &found) < 0) {
		log_keeper(service, "/metrics", found.text);
		return;
	}
	pthread_mutex_lock(&service->lock);
	service->summary = summary;
	pthread_mutex_unlock(&service->lock);
}

static void keep(void *context)
{
	struct ca_service *service = context;
	int64_t now_s = read_clock();

	keep_crl(service, now_s);
	keep_summary(service, now_s);
}

static int prepare(struct ca_service *service, const struct ca_service_settings *settings,
		   struct fault *fault)
{
	struct crl_terms_of_ca terms = authority_crl_terms(settings->authority);

	service->authority = settings->authority;
	service->log = settings->log;
	service->log_context = settings->log_context;
	service->inquiries.authority = settings->authority;
	service->inquiries.log = settings->log;
	service->inquiries.log_context = settings->log_context;
	pthread_mutex_init(&service->lock, NULL);
	init_crl_cache(&service->crl, &terms);
	if (init_inquiries(&service->inquiries, settings->layout, fault) < 0 ||
	    format_certificate_pem(certificate_der(authority_root(settings->authority)),
				   &service->root_pem, fault) < 0 ||
	    format_certificate_pem(
		    certificate_der(issuer_certificate(authority_issuer(settings->authority))),
		    &service->issuer_pem, fault) < 0)
		return -1;
	return new_responder(authority_store(settings->authority),
			     authority_issuer(settings->authority), &service->responder, fault);
}

int start_ca_service(const struct ca_service_settings *settings, struct ca_service **ret_service,
		     struct fault *fault)
{
	CLEANUP(stop_ca_service) struct ca_service *service = calloc(1, sizeof(*service));
	struct http_server_settings server = {.endpoint = settings->endpoint,
					      .routes = routes,
					      .context = service,
					      .log = settings->log,
					      .log_context = settings->log_context};

	if (service == NULL)
		return set_memory_fault(fault);
	if (prepare(service, settings, fault) < 0 ||
	    start_http_server(&server, &service->server, fault) < 0 ||
	    start_keeper(KEEPER_INTERVAL_MS, keep, service, &service->keeper, fault) < 0)
		return -1;
	*ret_service = TAKE(service);
	return 0;
}

const struct endpoint *ca_service_endpoint(const struct ca_service *service)
{
	return http_server_endpoint(service->server);
}

void stop_ca_service(struct ca_service **service_pointer)
{
	struct ca_service *service = TAKE(*service_pointer);

	if (service == NULL)
		return;
	stop_keeper(&service->keeper);
	stop_http_server(&service->server);
	clear_inquiries(&service->inquiries);
	clear_crl_cache(&service->crl);
	pthread_mutex_destroy(&service->lock);
	free_responder(&service->responder);
	clear_buffer(&service->root_pem);
	clear_buffer(&service->issuer_pem);
	free(service);
}
