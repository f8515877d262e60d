#include "common/ca/service/service.h"

#include "common/base/clock.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/revocation/crl_cache.h"
#include "common/ca/revocation/crl_chain.h"
#include "common/ca/service/encrypted_requests.h"
#include "common/ca/service/maintenance.h"
#include "common/ca/service/metrics.h"
#include "common/ca/service/ocsp_route.h"
#include "common/net/http.h"
#include "common/wire/certificates.h"
#include "common/wire/key_exchange.h"
#include "common/wire/revocation.h"
#include "common/wire/roots.h"
#include "common/wire/status.h"
#include "common/wire/statuses.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_CRL "application/pkix-crl" /* RFC 2585 section 4.2 */
#define CONTENT_JSON "application/json"

/* A client may cache a CRL for this long before it asks whether there is a later one. */
enum { CRL_FRESH_S = 300 };

static const unsigned int ok = 200;
static const unsigned int not_found = 404;
static const unsigned int unavailable = 503;

struct ca_service {
	struct authority *authority;
	http_log *log;
	void *log_context;
	const char *version;
	struct encrypted_requests encrypted;
	struct crl_cache crl;
	struct crl_chain chain;
	struct maintenance *maintenance;
	struct responder *responder;
	struct origin_rate *ocsp_rate;
	const struct layout *layout;
	struct buffer issuer_pem;
	struct http_server *_Atomic server; /* NULL until it listens */
};

static void log_answer(const struct ca_service *service, const struct http_request *request,
		       unsigned int status, const char *text)
{
	if (service->log != NULL)
		service->log(service->log_context, request->method, request->path, status, text);
}

static int serve_encrypted(const struct http_request *request, struct http_response *response,
			   void *context, struct fault *fault)
{
	struct ca_service *service = context;

	return answer_encrypted_request(&service->encrypted, request, response, fault);
}

static int check_encrypted(struct bytes start, void *context,
			   char ret_client[static HTTP_CLIENT_SIZE], struct fault *fault)
{
	struct ca_service *service = context;

	return check_request_start(&service->encrypted, start, ret_client, fault);
}

/* A CA that may issue nothing, or has no room for it, says so before a request costs anything, to
   everybody: its root's CRL and its health are open to everybody too. */
static int check_certificates(struct bytes start, void *context,
			      char ret_client[static HTTP_CLIENT_SIZE], struct fault *fault)
{
	const struct ca_service *service = context;
	struct fault problem = {0};

	if (check_may_issue(service->authority, &problem) < 0 ||
	    check_room(service->authority, &problem) < 0)
		return set_fault(fault, FAULT_BUSY, "%s", problem.text);
	return check_encrypted(start, context, ret_client, fault);
}

static int send_pem(struct http_response *response, const struct buffer *pem, struct fault *fault)
{
	response->content_type = CONTENT_PEM;
	append_bytes(&response->body, bytes_of_buffer(pem));
	return check_buffer(&response->body, fault);
}

/* As the files are now: while the root is replaced, both. */
static int serve_root(const struct http_request *request, struct http_response *response,
		      void *context, struct fault *fault)
{
	const struct ca_service *service = context;
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct fault problem = {0};

	(void)request;
	/* FAULT_FAILED keeps the reason, which names files, out of the answer and in the log. */
	if (read_ca_roots(service->layout, &roots, &problem) < 0 ||
	    format_ca_roots(&roots, &pem, &problem) < 0)
		return set_fault(fault, FAULT_FAILED, "%s", problem.text);
	return send_pem(response, &pem, fault);
}

/* The issuer of members' certificates, CRL and OCSP answers: the intermediate, or the root. */
static int serve_issuer(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	const struct ca_service *service = context;

	(void)request;
	return send_pem(response, &service->issuer_pem, fault);
}

static int serve_ocsp_request(const struct http_request *request, struct http_response *response,
			      void *context, struct fault *fault)
{
	const struct ca_service *service = context;
	struct fault problem = {0};

	if (serve_ocsp(service->responder, service->ocsp_rate, request, read_clock(), response,
		       &problem, fault) < 0)
		return -1;
	if (problem.class != FAULT_NONE)
		log_answer(service, request, ok, problem.text);
	return 0;
}

/* A revocation makes another CRL at once; a client that has the tag gets no second copy. */
static void fill_caching(struct http_caching *caching, const struct crl_info *info,
			 const struct crl_info *root_info, int64_t now_s)
{
	int64_t end_s = now_s + CRL_FRESH_S;

	if (info->next_update_s < end_s)
		end_s = info->next_update_s;
	if (root_info != NULL && root_info->next_update_s < end_s)
		end_s = root_info->next_update_s;
	*caching = (struct http_caching){
		.now_s = now_s, .last_modified_s = info->this_update_s, .expires_s = end_s};
	if (root_info == NULL)
		(void)snprintf(caching->etag, sizeof(caching->etag), "crl-%" PRIu64, info->number);
	else
		(void)snprintf(caching->etag, sizeof(caching->etag), "crl-%" PRIu64 "-%" PRIu64,
			       root_info->number, info->number);
}

/* The text of a failure may name files: only the log has it. */
static int read_root_crl_of(struct ca_service *service, const struct http_request *request,
			    struct shared_body **ret_body, struct crl_info *ret_info,
			    struct fault *fault)
{
	struct root_crl_cache *root_crl = authority_root_crl(service->authority);
	struct fault problem = {0};

	if (get_root_crl(root_crl, ret_body, ret_info, &problem) == 0)
		return 0;
	if (problem.class != FAULT_NOT_FOUND)
		return set_fault(fault, FAULT_FAILED, "%s", problem.text);
	log_answer(service, request, not_found, problem.text);
	return set_fault(fault, FAULT_NOT_FOUND,
			 "this CA has no CRL of its root yet: its operator makes one with certpool "
			 "crl --root");
}

/* The root's CRL and the CA's, in PEM. */
/* FAULT_FAILED keeps the reason out of the answer, and in the log. */
static int set_crl_fault(const struct fault *problem, struct fault *fault)
{
	return set_fault(fault, problem->class == FAULT_BUSY ? FAULT_BUSY : FAULT_FAILED, "%s",
			 problem->text);
}

static int serve_crl_chain(const struct http_request *request, struct http_response *response,
			   struct ca_service *service, struct fault *fault)
{
	CLEANUP(release_shared_body) struct shared_body *root_crl = NULL;
	CLEANUP(release_shared_body) struct shared_body *crl = NULL;
	bool apart = authority_root_crl(service->authority) != NULL;
	struct crl_info root_info = {.next_update_s = INT64_MAX};
	struct crl_info info;
	struct fault problem = {0};
	int64_t now_s = read_clock();

	if (apart && read_root_crl_of(service, request, &root_crl, &root_info, fault) < 0)
		return -1;
	if (get_crl(&service->crl, &crl, &info, &problem) < 0 ||
	    get_crl_chain(&service->chain, root_crl, crl, &response->shared, &problem) < 0)
		return set_crl_fault(&problem, fault);
	response->content_type = CONTENT_PEM;
	fill_caching(&response->caching, &info, &root_info, now_s);
	return 0;
}

static int serve_crl(const struct http_request *request, struct http_response *response,
		     void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct crl_info info;
	struct fault problem = {0};
	int64_t now_s = read_clock();

	if (strcmp(request->query, "chain") == 0)
		return serve_crl_chain(request, response, service, fault);
	if (get_crl(&service->crl, &response->shared, &info, &problem) < 0)
		return set_crl_fault(&problem, fault);
	response->content_type = CONTENT_CRL;
	fill_caching(&response->caching, &info, NULL, now_s);
	return 0;
}

static int serve_root_crl(const struct http_request *request, struct http_response *response,
			  void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct crl_info info;

	if (authority_root_crl(service->authority) == NULL)
		return serve_crl(request, response, context, fault);
	if (read_root_crl_of(service, request, &response->shared, &info, fault) < 0)
		return -1;
	response->content_type = CONTENT_CRL;
	fill_caching(&response->caching, &info, NULL, read_clock());
	return 0;
}

/* Begins and ends a list of words. */
static void append_words(struct buffer *text, const char *name, const char *const *words,
			 size_t count)
{
	append_format(text, "\"%s\":[", name);
	for (size_t i = 0; i < count; i++)
		append_format(text, "%s\"%s\"", i > 0 ? "," : "", words[i]);
	append_string(text, "]");
}

/*
 * Any client may ask: the answer names the parts that have a problem, the log has the problems. A
 * warning was logged when its reason arose.
 */
static int serve_health(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct shared_body *body = NULL;
	struct crl_info info;
	struct maintenance_figures figures;
	const char *reasons[HEALTH_PARTS];
	const char *warnings[HEALTH_WARNINGS_MAX] = {0};
	struct health health;
	struct fault problem = {0};
	int64_t now_s = read_clock();

	check_authority(service->authority, now_s, &health);
	if (get_crl(&service->crl, &body, &info, &problem) < 0)
		health.problems[health.count++] = (struct health_problem){"crl", problem};
	release_shared_body(&body);
	read_maintenance_figures(service->maintenance, &figures);
	if (figures.clock_warning)
		add_health_warning(&health, "clock");
	if (figures.root_crl_warning)
		add_health_warning(&health, "root_crl");
	for (size_t i = 0; i < health.count; i++) {
		reasons[i] = health.problems[i].part;
		log_answer(service, request, unavailable, health.problems[i].fault.text);
	}
	for (size_t i = 0; i < health.warning_count; i++)
		warnings[i] = health.warnings[i];
	response->content_type = CONTENT_JSON;
	response->status = health.count == 0 ? ok : unavailable;
	append_format(&response->body, "{\"status\":\"%s\",", health.count == 0 ? "ok" : "failed");
	append_words(&response->body, "reasons", reasons, health.count);
	append_string(&response->body, ",");
	append_words(&response->body, "warnings", warnings, health.warning_count);
	append_string(&response->body, "}\n");
	return check_buffer(&response->body, fault);
}

static int serve_metrics(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct http_server *server = service->server;
	const struct issuer *issuer = authority_issuer(service->authority);
	struct metrics metrics = {.version = service->version,
				  .now_s = read_clock(),
				  .issuing_end_s =
					  certificate_not_after(issuer_certificate(issuer)),
				  .root_end_s = certificate_not_after(issuer_root(issuer))};

	(void)request;
	if (server == NULL)
		return set_fault(fault, FAULT_BUSY, "the CA is about to start");
	read_maintenance_figures(service->maintenance, &metrics.figures);
	metrics.crl_alarm = is_crl_alarmed(&service->crl);
	metrics.connections = count_http_connections(server);
	metrics.route_count = copy_http_statistics(server, metrics.routes, METRIC_ROUTES_MAX);
	metrics.refusal_count = copy_refusal_counts(&service->encrypted.refusals, metrics.refusals);
	response->content_type = CONTENT_METRICS;
	return format_metrics(&metrics, &response->body, fault);
}

static const struct http_route routes[] = {
	{"POST", CERTIFICATES_PATH, CONTENT_JOSE, CERTIFICATES_REQUEST_MAX, serve_encrypted, true,
	 check_certificates},
	{"POST", STATUS_PATH, CONTENT_JOSE, STATUS_REQUEST_MAX, serve_encrypted, false,
	 check_encrypted},
	{"POST", REVOCATIONS_PATH, CONTENT_JOSE, REVOCATIONS_REQUEST_MAX, serve_encrypted, true,
	 check_encrypted},
	{"POST", KEY_PATH, CONTENT_JOSE, KEY_REQUEST_MAX, serve_encrypted, true, check_encrypted},
	{"POST", STATUSES_PATH, CONTENT_JOSE, STATUSES_REQUEST_MAX, serve_encrypted, true,
	 check_encrypted},
	{"POST", ROOTS_PATH, CONTENT_JOSE, ROOTS_REQUEST_MAX, serve_encrypted, false,
	 check_encrypted},
	{"POST", OCSP_POST_PATH, CONTENT_OCSP_REQUEST, OCSP_REQUEST_MAX, serve_ocsp_request, false,
	 NULL},
	{"GET", OCSP_GET_PATH, NULL, 0, serve_ocsp_request, false, NULL},
	{"GET", "/root.crt", NULL, 0, serve_root, false, NULL},
	{"GET", "/ca.crt", NULL, 0, serve_issuer, false, NULL},
	{"GET", "/crl", NULL, 0, serve_crl, true, NULL},
	{"GET", "/root.crl", NULL, 0, serve_root_crl, false, NULL},
	{"GET", "/health", NULL, 0, serve_health, true, NULL},
	{"GET", "/metrics", NULL, 0, serve_metrics, false, NULL},
	{0},
};

/* Fills all that the handlers need, before the server listens. */
static int prepare_service(struct ca_service *service, const struct ca_service_settings *settings,
			   struct fault *fault)
{
	const struct issuer *issuer = authority_issuer(settings->authority);
	struct ca_crl_options crl = authority_crl_options(settings->authority);

	service->authority = settings->authority;
	service->layout = settings->layout;
	service->log = settings->log;
	service->log_context = settings->log_context;
	service->version = settings->version;
	service->encrypted.authority = settings->authority;
	service->encrypted.log = settings->log;
	service->encrypted.log_context = settings->log_context;
	service->encrypted.exchange_log = settings->exchange_log;
	service->encrypted.exchange_log_context = settings->exchange_log_context;
	init_crl_cache(&service->crl, &crl);
	init_crl_chain(&service->chain);
	if (init_encrypted_requests(&service->encrypted, settings->layout, settings->keys, fault) <
		    0 ||
	    new_origin_rate(authority_ca(settings->authority)->ocsp_requests_per_minute,
			    &service->ocsp_rate, fault) < 0 ||
	    format_certificate_pem(certificate_der(issuer_certificate(issuer)),
				   &service->issuer_pem, fault) < 0)
		return -1;
	return new_responder(authority_store(settings->authority), issuer, &service->responder,
			     fault);
}

int start_ca_service(const struct ca_service_settings *settings, struct ca_service **ret_service,
		     struct fault *fault)
{
	CLEANUP(stop_ca_service) struct ca_service *service = calloc(1, sizeof(*service));
	const struct maintenance_settings maintenance = {
		.store = authority_store(settings->authority),
		.crl = service != NULL ? &service->crl : NULL,
		.refusals = authority_refusals(settings->authority),
		.attested_s = service != NULL ? &service->encrypted.attested_s : NULL,
		.authority = settings->authority,
		.log = settings->log,
		.log_context = settings->log_context};
	const struct http_server_settings http = {.listen = settings->listen,
						  .routes = routes,
						  .context = service,
						  .most_per_address =
							  settings->connections_per_address,
						  .log = settings->log,
						  .log_context = settings->log_context};
	struct http_server *server = NULL;

	if (service == NULL)
		return set_memory_fault(fault);
	if (prepare_service(service, settings, fault) < 0 ||
	    start_maintenance(&maintenance, &service->maintenance, fault) < 0 ||
	    start_http_server(&http, &server, fault) < 0)
		return -1;
	service->server = server;
	*ret_service = TAKE(service);
	return 0;
}

int reload_ca_keys(struct ca_service *service, struct fault *fault)
{
	return reload_shared_keys(&service->encrypted.keys, fault);
}

const struct endpoint_list *ca_service_endpoints(const struct ca_service *service)
{
	return http_server_endpoints(service->server);
}

void stop_ca_service(struct ca_service **service_pointer)
{
	struct ca_service *service = TAKE(*service_pointer);
	struct http_server *server;

	if (service == NULL)
		return;
	/* First the server: the answers that it finishes need all the other parts. */
	server = service->server;
	stop_http_server(&server);
	stop_maintenance(&service->maintenance);
	clear_encrypted_requests(&service->encrypted);
	clear_crl_cache(&service->crl);
	clear_crl_chain(&service->chain);
	free_responder(&service->responder);
	free_origin_rate(&service->ocsp_rate);
	clear_buffer(&service->issuer_pem);
	free(service);
}
