#include "common/ca/service/service.h"

#include "common/base/clock.h"
#include "common/ca/revocation/crl_cache.h"
#include "common/ca/service/encrypted_requests.h"
#include "common/ca/service/maintenance.h"
#include "common/ca/service/metrics.h"
#include "common/ca/service/ocsp_route.h"
#include "common/net/http.h"
#include "common/wire/revocation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CONTENT_CRL "application/pkix-crl" /* RFC 2585 section 4.2 */
#define CONTENT_JSON "application/json"

/* How long others may keep a CRL before they ask whether there is a later one. */
enum { CRL_FRESH_S = 300 };

static const unsigned int ok = 200;
static const unsigned int unavailable = 503;

struct ca_service {
	struct authority *authority;
	http_log *log;
	void *log_context;
	const char *version;
	struct encrypted_requests inquiries;
	struct crl_cache crl;
	struct maintenance *upkeep;
	struct responder *responder;
	struct buffer root_pem;
	struct buffer issuer_pem;
	struct http_server *_Atomic server; /* NULL until it has begun */
};

static int serve_certificates(const struct http_request *request, struct http_response *response,
			      void *context, struct fault *fault)
{
	struct ca_service *service = context;

	return answer_certificates_request(&service->inquiries, request->body, response, fault);
}

static int serve_status(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	struct ca_service *service = context;

	return answer_status_request(&service->inquiries, request->body, response, fault);
}

static int serve_revocations(const struct http_request *request, struct http_response *response,
			     void *context, struct fault *fault)
{
	struct ca_service *service = context;

	return answer_revocation_request(&service->inquiries, request->body, response, fault);
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
	struct fault found = {0};
	int64_t now_s = read_clock();

	(void)request;
	/* Why is for the log alone. */
	if (get_crl(&service->crl, now_s, &response->shared, &info, &found) < 0)
		return set_fault(fault, FAULT_FAILED, "%s", found.text);
	response->content_type = CONTENT_CRL;
	/* A revocation makes another one at once, and who asks with the tag gets no second copy. */
	response->caching = (struct http_caching){.now_s = now_s,
						  .last_modified_s = info.this_update_s,
						  .expires_s = now_s + CRL_FRESH_S};
	if (info.next_update_s < response->caching.expires_s)
		response->caching.expires_s = info.next_update_s;
	(void)snprintf(response->caching.etag, sizeof(response->caching.etag), "crl-%" PRIu64,
		       info.number);
	return 0;
}

static void look_after_health(struct ca_service *service, struct health *ret_health)
{
	struct shared_body *body = NULL;
	struct crl_info info;
	struct fault fault = {0};
	int64_t now_s = read_clock();

	check_authority(service->authority, now_s, ret_health);
	if (get_crl(&service->crl, now_s, &body, &info, &fault) < 0)
		ret_health->flaws[ret_health->count++] = (struct flaw){"crl", fault};
	release_shared_body(&body);
}

/* Open to all: which part it is, and what is wrong with it in the log alone. */
static int serve_health(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct health health;

	look_after_health(service, &health);
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
	struct http_server *server = service->server;
	struct metrics metrics = {.version = service->version, .now_s = read_clock()};

	(void)request;
	if (server == NULL)
		return set_fault(fault, FAULT_BUSY, "the CA is about to start");
	read_maintenance_figures(service->upkeep, &metrics.figures);
	metrics.connections = count_http_connections(server);
	metrics.route_count = copy_http_statistics(server, metrics.routes, METRIC_ROUTES_MAX);
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

static int prepare(struct ca_service *service, const struct ca_service_settings *settings,
		   struct fault *fault)
{
	struct ca_crl_options terms = authority_crl_options(settings->authority);

	service->authority = settings->authority;
	service->log = settings->log;
	service->log_context = settings->log_context;
	service->version = settings->version;
	service->inquiries.authority = settings->authority;
	service->inquiries.log = settings->log;
	service->inquiries.log_context = settings->log_context;
	init_crl_cache(&service->crl, &terms);
	if (init_encrypted_requests(&service->inquiries, settings->layout, fault) < 0 ||
	    format_certificate_pem(certificate_der(authority_root(settings->authority)),
				   &service->root_pem, fault) < 0 ||
	    format_certificate_pem(
		    certificate_der(issuer_certificate(authority_issuer(settings->authority))),
		    &service->issuer_pem, fault) < 0)
		return -1;
	return new_responder(authority_store(settings->authority),
			     authority_issuer(settings->authority), &service->responder, fault);
}

static int start_parts(struct ca_service *service, const struct ca_service_settings *settings,
		       struct fault *fault)
{
	const struct maintenance_settings upkeep = {.store = authority_store(settings->authority),
						    .crl = &service->crl,
						    .log = settings->log,
						    .log_context = settings->log_context};
	const struct http_server_settings http = {.endpoint = settings->endpoint,
						  .routes = routes,
						  .context = service,
						  .log = settings->log,
						  .log_context = settings->log_context};
	struct http_server *server = NULL;

	if (start_maintenance(&upkeep, &service->upkeep, fault) < 0 ||
	    start_http_server(&http, &server, fault) < 0)
		return -1;
	service->server = server;
	return 0;
}

int start_ca_service(const struct ca_service_settings *settings, struct ca_service **ret_service,
		     struct fault *fault)
{
	CLEANUP(stop_ca_service) struct ca_service *service = calloc(1, sizeof(*service));

	if (service == NULL)
		return set_memory_fault(fault);
	if (prepare(service, settings, fault) < 0 || start_parts(service, settings, fault) < 0)
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
	struct http_server *server;

	if (service == NULL)
		return;
	/* First, since what is being answered needs all the rest. */
	server = service->server;
	stop_http_server(&server);
	stop_maintenance(&service->upkeep);
	clear_encrypted_requests(&service->inquiries);
	clear_crl_cache(&service->crl);
	free_responder(&service->responder);
	clear_buffer(&service->root_pem);
	clear_buffer(&service->issuer_pem);
	free(service);
}
