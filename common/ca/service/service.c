#include "common/ca/service/service.h"

#include "common/base/clock.h"
#include "common/base/periodic_thread.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/service/acme_route.h"
#include "common/ca/service/crl_route.h"
#include "common/ca/service/encrypted_requests.h"
#include "common/ca/service/est_route.h"
#include "common/ca/service/maintenance.h"
#include "common/ca/service/metrics.h"
#include "common/ca/service/ocsp_route.h"
#include "common/ca/service/server_identity.h"
#include "common/ca/store/issuers.h"
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

#define CONTENT_JSON "application/json"
#define CONTENT_CERTIFICATE "application/pkix-cert" /* RFC 2585 section 4.1 */
#define ISSUER_DER_PATH "/ca.cer"

static const unsigned int ok = 200;
static const unsigned int not_found = 404;
static const unsigned int internal_error = 500;
static const unsigned int unavailable = 503;
enum { CONFIRM_MS = 1000 };

struct ca_service {
	struct authority *authority;
	http_log *log;
	void *log_context;
	const char *version;
	struct encrypted_requests encrypted;
	struct est_route est;
	struct crl_route crl;
	struct maintenance *maintenance;
	struct responder *responder;
	struct server_identity identity;
	bool secure; /* there are https endpoints, and an identity */
	struct origin_rate *ocsp_rate;
	struct periodic_thread *confirmation;
	bool record_away; /* of the thread `confirmation` */
	const struct layout *layout;
	struct acme_route acme;
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

static int check_encrypted(struct bytes start, bool may_wait, void *context,
			   char ret_client[static HTTP_CLIENT_SIZE], bool *ret_unknown,
			   struct fault *fault)
{
	struct ca_service *service = context;

	return check_request_start(&service->encrypted, start, may_wait, ret_client, ret_unknown,
				   fault);
}

/* A CA that may issue nothing, or has no room for it, says so before a request costs anything, to
   everybody: its root's CRL and its health are open to everybody too. */
static int check_certificates(struct bytes start, bool may_wait, void *context,
			      char ret_client[static HTTP_CLIENT_SIZE], bool *ret_unknown,
			      struct fault *fault)
{
	const struct ca_service *service = context;
	struct fault problem = {0};

	if (check_may_issue(service->authority, &problem) < 0 ||
	    check_room(service->authority, &problem) < 0)
		return set_fault(fault, FAULT_BUSY, "%s", problem.text);
	return check_encrypted(start, may_wait, context, ret_client, ret_unknown, fault);
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

/* The newest issuer: the last intermediate, or the root. */
static int serve_issuer(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	const struct ca_service *service = context;
	const struct issuer *issuer = authority_issuer(service->authority);
	CLEANUP(clear_buffer) struct buffer pem = {0};

	(void)request;
	if (format_certificate_pem(certificate_der(issuer_certificate(issuer)), &pem, fault) < 0)
		return -1;
	return send_pem(response, &pem, fault);
}

/* Without a number it is the first issuer, as of /crl. */
static int serve_issuer_der(const struct http_request *request, struct http_response *response,
			    void *context, struct fault *fault)
{
	const struct ca_service *service = context;
	const bool first = strcmp(request->path, ISSUER_DER_PATH) == 0;
	const struct issuer *issuer = get_issuer(
		authority_issuers(service->authority),
		first ? FIRST_ISSUER : parse_issuer_path(request->path, ISSUER_DER_PATH));

	if (issuer == NULL)
		return set_fault(fault, FAULT_NOT_FOUND, "this CA has no issuer of that number");
	response->content_type = CONTENT_CERTIFICATE;
	append_bytes(&response->body, certificate_der(issuer_certificate(issuer)));
	return check_buffer(&response->body, fault);
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

static int serve_est_path(const struct http_request *request, struct http_response *response,
			  void *context, struct fault *fault)
{
	struct ca_service *service = context;

	return strcmp(request->method, "GET") == 0
		       ? serve_est_get(&service->est, request, response, fault)
		       : serve_est_post(&service->est, request, response, fault);
}

static int serve_crl_path(const struct http_request *request, struct http_response *response,
			  void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct fault problem = {0};
	int result = serve_crl_of(&service->crl, request, response, &problem, fault);

	if (problem.class != FAULT_NONE)
		log_answer(service, request, not_found, problem.text);
	return result;
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

void check_ca_service(void *context, int64_t now_s, struct health *ret_health)
{
	struct ca_service *service = context;
	struct maintenance_figures figures;
	struct fault problem = {0};

	check_authority(service->authority, now_s, ret_health);
	if (check_crls(&service->crl, now_s, &problem) < 0)
		ret_health->problems[ret_health->count++] = (struct health_problem){"crl", problem};
	read_maintenance_figures(service->maintenance, &figures);
	if (figures.clock_warning[0] != '\0')
		add_health_warning(ret_health, figures.clock_warning, true);
	if (figures.root_crl_warning[0] != '\0')
		add_health_warning(ret_health, figures.root_crl_warning, false);
	if (service->secure)
		warn_of_server_end(&service->identity, now_s, ret_health);
}

/*
 * Any client may ask: the answer names the parts that have a problem, the log has the problems. A
 * warning was logged when its reason arose.
 */
static int serve_health(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	struct ca_service *service = context;
	const char *reasons[HEALTH_PARTS];
	const char *warnings[HEALTH_WARNINGS_MAX] = {0};
	struct health health;

	check_ca_service(service, read_clock(), &health);
	for (size_t i = 0; i < health.count; i++) {
		reasons[i] = health.problems[i].part;
		log_answer(service, request, unavailable, health.problems[i].fault.text);
	}
	for (size_t i = 0; i < health.warning_count; i++)
		warnings[i] = health.warnings[i].text;
	response->content_type = CONTENT_JSON;
	response->status = health.count == 0 ? ok : unavailable;
	if (health.count > 0)
		add_response_field(response, "Retry-After", "1");
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
	metrics.crl_alarm = is_any_crl_alarmed(&service->crl.caches);
	metrics.connections = count_http_connections(server);
	if (service->secure) {
		metrics.handshakes = count_tls_handshakes(server);
		metrics.server_end_s = atomic_load(&service->identity.end_s);
	}
	metrics.route_count = copy_http_statistics(server, metrics.routes, METRIC_ROUTES_MAX);
	metrics.refusal_count = copy_refusal_counts(&service->encrypted.refusals, metrics.refusals);
	response->content_type = CONTENT_METRICS;
	return format_metrics(&metrics, &response->body, fault);
}

static int serve_acme_path(const struct http_request *request, struct http_response *response,
			   void *context, struct fault *fault)
{
	struct ca_service *service = context;

	return serve_acme(&service->acme, request, response, fault);
}

static const struct http_route routes[] = {
	{"POST", CERTIFICATES_PATH, CONTENT_JOSE, CERTIFICATES_REQUEST_MAX, serve_encrypted,
	 WORK_GATHERED, check_certificates, ROUTE_PRIVATE},
	{"POST", STATUS_PATH, CONTENT_JOSE, STATUS_REQUEST_MAX, serve_encrypted, WORK_LOOKUP,
	 check_encrypted, ROUTE_PRIVATE},
	{"POST", REVOCATIONS_PATH, CONTENT_JOSE, REVOCATIONS_REQUEST_MAX, serve_encrypted,
	 WORK_LONG, check_encrypted, ROUTE_PRIVATE},
	{"POST", KEY_PATH, CONTENT_JOSE, KEY_REQUEST_MAX, serve_encrypted, WORK_LONG,
	 check_encrypted, ROUTE_PRIVATE},
	{"POST", STATUSES_PATH, CONTENT_JOSE, STATUSES_REQUEST_MAX, serve_encrypted, WORK_LONG,
	 check_encrypted, ROUTE_PRIVATE},
	{"POST", ROOTS_PATH, CONTENT_JOSE, ROOTS_REQUEST_MAX, serve_encrypted, WORK_LOOKUP,
	 check_encrypted, ROUTE_PRIVATE},
	{"POST", OCSP_POST_PATH, CONTENT_OCSP_REQUEST, OCSP_REQUEST_MAX, serve_ocsp_request,
	 WORK_LOOKUP, NULL, ROUTE_PUBLIC},
	{"GET", OCSP_GET_PATH, NULL, 0, serve_ocsp_request, WORK_LOOKUP, NULL, ROUTE_PUBLIC},
	{"GET", "/root.crt", NULL, 0, serve_root, WORK_SHORT, NULL, ROUTE_PUBLIC},
	{"GET", "/ca.crt", NULL, 0, serve_issuer, WORK_SHORT, NULL, ROUTE_PUBLIC},
	{"GET", ISSUER_DER_PATH, NULL, 0, serve_issuer_der, WORK_SHORT, NULL, ROUTE_PUBLIC},
	{"GET", ISSUER_DER_PATH "/", NULL, 0, serve_issuer_der, WORK_SHORT, NULL, ROUTE_PUBLIC},
	{"GET", CRL_PATH, NULL, 0, serve_crl_path, WORK_LONG, NULL, ROUTE_PUBLIC},
	{"GET", CRL_PATH "/", NULL, 0, serve_crl_path, WORK_LONG, NULL, ROUTE_PUBLIC},
	{"GET", ROOT_CRL_PATH, NULL, 0, serve_crl_path, WORK_SHORT, NULL, ROUTE_PUBLIC},
	{"GET", EST_PATH, NULL, 0, serve_est_path, WORK_LOOKUP, NULL, ROUTE_SECURE},
	{"POST", EST_PATH, CONTENT_PKCS10, EST_REQUEST_MAX, serve_est_path, WORK_JOINT, NULL,
	 ROUTE_SECURE},
	{"POST", ACME_PATH, CONTENT_JOSE_JSON, ACME_REQUEST_MAX, serve_acme_path, WORK_JOINT, NULL,
	 ROUTE_PRIVATE},
	{"GET", ACME_PATH, NULL, 0, serve_acme_path, WORK_LOOKUP, NULL, ROUTE_PRIVATE},
	{"GET", "/health", NULL, 0, serve_health, WORK_LONG, NULL, ROUTE_PRIVATE},
	{"GET", "/metrics", NULL, 0, serve_metrics, WORK_SHORT, NULL, ROUTE_PRIVATE},
	{0},
};

static void log_event(const struct ca_service *service, const char *path, unsigned int status,
		      const char *text)
{
	if (service->log != NULL)
		service->log(service->log_context, "", path, status, text);
}

/* A failure is logged here, and retried after a minute. */
static void refresh_identity(struct ca_service *service)
{
	struct fault problem = {0};

	if (service->secure &&
	    refresh_server_identity(&service->identity, read_clock(), &problem) < 0)
		log_event(service, "/", internal_error, problem.text);
}

/* Takes new issuers over, in the maintenance thread. */
static int refresh_service(void *context, struct fault *fault)
{
	struct ca_service *service = context;
	const struct issuer *newest;
	char text[FAULT_TEXT_SIZE];

	if (refresh_issuers(service->authority, fault) < 0)
		return -1;
	refresh_identity(service);
	newest = authority_issuer(service->authority);
	if (find_crl_cache(&service->crl.caches, issuer_number(newest)) != NULL)
		return 0;
	extend_crl_caches(&service->crl.caches);
	(void)snprintf(text, sizeof(text), "issuer %u, %s, issues from now on",
		       issuer_number(newest), certificate_subject(issuer_certificate(newest)));
	log_event(service, "/ca.crt", ok, text);
	return 0;
}

/* For https endpoints: the server cannot begin without a certificate, but with one that is valid
   and cannot be renewed, or written. */
static int prepare_identity(struct ca_service *service, const struct ca_service_settings *settings,
			    struct fault *fault)
{
	struct fault problem = {0};
	struct server_key key;

	init_server_key(&key, settings->layout, authority_store(settings->authority),
			authority_ca(settings->authority), authority_issuers(settings->authority));
	init_server_identity(&service->identity, &key, service->responder);
	service->secure = true;
	if (refresh_server_identity(&service->identity, read_clock(), &problem) == 0)
		return 0;
	if (service->identity.chain.len == 0)
		return pass_fault(&problem, fault);
	log_event(service, "/", internal_error, problem.text);
	return 0;
}

/* Fills all that the handlers need, before the server listens. */
static int prepare_service(struct ca_service *service, const struct ca_service_settings *settings,
			   struct fault *fault)
{
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
	service->est.requests = &service->encrypted;
	init_crl_route(&service->crl, settings->authority);
	if (init_encrypted_requests(&service->encrypted, settings->layout, settings->keys, fault) <
		    0 ||
	    new_origin_rate(authority_ca(settings->authority)->ocsp_requests_per_minute,
			    &service->ocsp_rate, fault) < 0 ||
	    init_acme_route(&service->acme, &service->encrypted, fault) < 0 ||
	    new_responder(authority_store(settings->authority),
			  authority_issuers(settings->authority), &service->responder, fault) < 0)
		return -1;
	return has_secure_endpoint(&settings->listen) ? prepare_identity(service, settings, fault)
						      : 0;
}

/* Unless another transaction was committed just now. Logs the first failure of several, and the end
   of them. */
static void confirm_record(void *context)
{
	struct ca_service *service = context;
	struct store *store = authority_store(service->authority);
	struct fault failure = {0};
	bool failed = store_commit_age_s(store) != 0 && confirm_store(store, &failure) < 0;

	if (failed != service->record_away)
		log_event(service, "/health", failed ? unavailable : ok,
			  failed ? failure.text : "the record takes changes again");
	service->record_away = failed;
}

int start_ca_service(const struct ca_service_settings *settings, struct ca_service **ret_service,
		     struct fault *fault)
{
	CLEANUP(stop_ca_service) struct ca_service *service = calloc(1, sizeof(*service));
	const struct maintenance_settings maintenance = {
		.store = authority_store(settings->authority),
		.crls = service != NULL ? &service->crl.caches : NULL,
		.refresh = refresh_service,
		.refresh_context = service,
		.refusals = authority_refusals(settings->authority),
		.attested_s = service != NULL ? &service->encrypted.attested_s : NULL,
		.authority = settings->authority,
		.log = settings->log,
		.log_context = settings->log_context};
	struct http_server_settings http = {
		.listen = settings->listen,
		.allow_tls_1_2 = authority_ca(settings->authority)->allow_tls_1_2,
		.routes = routes,
		.gathers = authority_ca(settings->authority)->shuffle_s > 0,
		.lookups_wait = is_shared_store(authority_store(settings->authority)),
		.at_hand = is_ocsp_at_hand,
		.context = service,
		.most_per_address = settings->connections_per_address,
		.log = settings->log,
		.log_context = settings->log_context,
		.refusal_fields = add_acme_refusal_fields};
	struct http_server *server = NULL;

	if (service == NULL)
		return set_memory_fault(fault);
	http.tls = &service->identity.slot;
	http.refusal_context = &service->acme;
	http.at_hand_context = &service->responder;
	if (prepare_service(service, settings, fault) < 0 ||
	    start_periodic_thread(CONFIRM_MS, confirm_record, service, &service->confirmation,
				  fault) < 0 ||
	    start_maintenance(&maintenance, &service->maintenance, fault) < 0 ||
	    start_http_server(&http, &server, fault) < 0)
		return -1;
	service->server = server;
	start_acme_route(&service->acme, http_server_endpoints(server));
	*ret_service = TAKE(service);
	return 0;
}

int reload_ca_keys(struct ca_service *service, struct fault *fault)
{
	return reload_shared_keys(&service->encrypted.keys, fault);
}

int reload_ca_challenged(struct ca_service *service, const char *challenged, struct fault *fault)
{
	return change_acme_challenged(&service->acme, challenged, fault);
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
	stop_periodic_thread(&service->confirmation);
	clear_acme_route(&service->acme);
	clear_encrypted_requests(&service->encrypted);
	clear_crl_route(&service->crl);
	if (service->secure)
		clear_server_identity(&service->identity);
	free_responder(&service->responder);
	free_origin_rate(&service->ocsp_rate);
	free(service);
}
