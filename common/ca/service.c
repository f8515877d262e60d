#include "common/ca/service.h"

#include "common/base/clock.h"
#include "common/ca/live_ring.h"
#include "common/ca/revocation_inquiry.h"
#include "common/ca/serve_ocsp.h"
#include "common/net/http.h"
#include "common/wire/envelope.h"

#include <stdio.h>
#include <stdlib.h>

#define CONTENT_JSON "application/json"

static const unsigned int ok = 200;
static const unsigned int internal_error = 500;
static const unsigned int unavailable = 503;

struct ca_service {
	struct authority *authority;
	http_log *log;
	void *log_context;
	struct live_ring ring;
	struct responder *responder;
	struct buffer root_pem;
	struct http_server *server;
};

/* One question on its way to its answer. */
struct inquiry {
	struct ca_service *service;
	const char *path;
	struct question question;
	int64_t now_s;
};

static void log_text(const struct ca_service *service, const char *path, unsigned int status,
		     const char *text)
{
	if (service->log != NULL)
		service->log(service->log_context, "POST", path, status, text);
}

/* A refusal goes inside the encrypted answer, so that HTTP itself sees a success. */
static void log_refusal(const struct inquiry *inquiry, const struct refusal *refusal)
{
	char text[FAULT_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %s: %s", inquiry->question.message.peer,
		       refusal->type, refusal->detail);
	log_text(inquiry->service, inquiry->path, ok, text);
}

static void log_member_refusals(const struct inquiry *inquiry,
				const struct certificates_answer *answer)
{
	const struct member_refusal *first = answer->refusals;
	char text[FAULT_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %zu of %zu requests refused; %s: %s: %s",
		       inquiry->question.message.peer, answer->refusal_count,
		       answer->refusal_count + answer->certificate_count, first->name,
		       first->refusal.type, first->refusal.detail);
	log_text(inquiry->service, inquiry->path, ok, text);
}

/* What the CA could not do is for its own log; whoever asked can only ask again. */
static void refuse_for_failure(const struct inquiry *inquiry, const struct fault *found,
			       struct refusal *refusal)
{
	log_text(inquiry->service, inquiry->path, internal_error, found->text);
	set_refusal(refusal, "failed",
		    "the CA could not do it, and says why in its log: try again");
}

static void refuse_for_form(const struct inquiry *inquiry, const struct fault *found,
			    struct refusal *refusal)
{
	if (found->class == FAULT_FAILED)
		refuse_for_failure(inquiry, found, refusal);
	else
		set_refusal(refusal, found->class == FAULT_TOO_LARGE ? "too_many" : "malformed",
			    "%s", found->text);
}

static struct answer_claims claims_of(const struct inquiry *inquiry,
				      const struct request_claims *claims)
{
	return make_answer_claims(claims, inquiry->question.sha256, CA_NAME,
				  inquiry->question.message.peer, inquiry->now_s);
}

static int answer_certificates(const struct inquiry *inquiry, struct secret *ret_plaintext,
			       struct fault *fault)
{
	const struct decrypted_message *message = &inquiry->question.message;
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct request_claims claims = {0};
	struct refusal refusal = {0};
	struct fault found = {0};

	if (parse_certificates_request(bytes_of_secret(&message->plaintext), &request, &claims,
				       &found) < 0)
		refuse_for_form(inquiry, &found, &refusal);
	else
		check_request_claims(&claims, message->peer, CA_NAME, inquiry->now_s, &refusal);
	if (refusal.type[0] == '\0' && certify_batch(inquiry->service->authority, message->peer,
						     &request, inquiry->now_s, &answer, &found) < 0)
		refuse_for_failure(inquiry, &found, &refusal);
	if (refusal.type[0] != '\0')
		answer.refusal = refusal;
	if (answer.refusal.type[0] != '\0')
		log_refusal(inquiry, &answer.refusal);
	else if (answer.refusal_count > 0)
		log_member_refusals(inquiry, &answer);
	answer.claims = claims_of(inquiry, &claims);
	return format_certificates_answer(&answer, ret_plaintext, fault);
}

static void judge_pem(const struct inquiry *inquiry, const struct buffer *pem,
		      struct status_answer *answer)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct fault found = {0};

	if (parse_certificate_pem(bytes_of_buffer(pem), &certificate, &found) < 0) {
		if (found.class == FAULT_FAILED)
			refuse_for_failure(inquiry, &found, &answer->refusal);
		else
			set_refusal(&answer->refusal, "malformed", "certificate: %s", found.text);
		return;
	}
	if (judge_certificate(inquiry->service->authority, certificate, inquiry->now_s, answer,
			      &found) < 0)
		refuse_for_failure(inquiry, &found, &answer->refusal);
}

static int answer_status(const struct inquiry *inquiry, struct secret *ret_plaintext,
			 struct fault *fault)
{
	const struct decrypted_message *message = &inquiry->question.message;
	CLEANUP(clear_status_request) struct status_request request = {0};
	struct status_answer answer = {0};
	struct request_claims claims = {0};
	struct fault found = {0};

	if (parse_status_request(bytes_of_secret(&message->plaintext), &request, &claims, &found) <
	    0)
		refuse_for_form(inquiry, &found, &answer.refusal);
	else
		check_request_claims(&claims, message->peer, CA_NAME, inquiry->now_s,
				     &answer.refusal);
	if (answer.refusal.type[0] == '\0')
		judge_pem(inquiry, &request.certificate, &answer);
	if (answer.refusal.type[0] != '\0')
		log_refusal(inquiry, &answer.refusal);
	answer.claims = claims_of(inquiry, &claims);
	return format_status_answer(&answer, ret_plaintext, fault);
}

static void revoke_for(const struct inquiry *inquiry, const struct revocation_request *request,
		       struct revocation_answer *answer)
{
	const struct crl_terms_of_ca terms = authority_crl_terms(inquiry->service->authority);
	struct fault trouble = {0};
	struct fault found = {0};

	if (revoke_own(&terms, inquiry->question.message.peer, request, inquiry->now_s, answer,
		       &trouble, &found) < 0)
		refuse_for_failure(inquiry, &found, &answer->refusal);
	else if (trouble.class != FAULT_NONE)
		log_text(inquiry->service, inquiry->path, internal_error, trouble.text);
}

static int answer_revocations(const struct inquiry *inquiry, struct secret *ret_plaintext,
			      struct fault *fault)
{
	const struct decrypted_message *message = &inquiry->question.message;
	CLEANUP(clear_revocation_request) struct revocation_request request = {0};
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};
	struct request_claims claims = {0};
	struct fault found = {0};

	if (parse_revocation_request(bytes_of_secret(&message->plaintext), &request, &claims,
				     &found) < 0)
		refuse_for_form(inquiry, &found, &answer.refusal);
	else
		check_request_claims(&claims, message->peer, CA_NAME, inquiry->now_s,
				     &answer.refusal);
	if (answer.refusal.type[0] == '\0')
		revoke_for(inquiry, &request, &answer);
	if (answer.refusal.type[0] != '\0')
		log_refusal(inquiry, &answer.refusal);
	answer.claims = claims_of(inquiry, &claims);
	return format_revocation_answer(&answer, ret_plaintext, fault);
}

typedef int answer_function(const struct inquiry *inquiry, struct secret *ret_plaintext,
			    struct fault *fault);

static void clear_inquiry(struct inquiry *inquiry)
{
	clear_question(&inquiry->question);
}

static int serve(struct ca_service *service, const struct exchange_kind *kind,
		 answer_function *answer, struct bytes jwe, struct http_response *response,
		 struct fault *fault)
{
	CLEANUP(clear_inquiry)
	struct inquiry inquiry = {.service = service, .path = kind->path, .now_s = read_clock()};
	CLEANUP(clear_secret) struct secret plaintext = {0};
	struct fault trouble = {0};

	/* A key that cannot be read is no reason to refuse those who have good ones. */
	if (refresh_live_ring(&service->ring, &trouble) < 0)
		log_text(service, kind->path, internal_error, trouble.text);
	if (open_live_question(&service->ring, kind, jwe, &inquiry.question, fault) < 0 ||
	    answer(&inquiry, &plaintext, fault) < 0)
		return -1;
	return answer_live_question(&service->ring, kind, &inquiry.question,
				    bytes_of_secret(&plaintext), response, fault);
}

static int serve_certificates(const struct http_request *request, struct http_response *response,
			      void *context, struct fault *fault)
{
	return serve(context, &certificates_exchange, answer_certificates, request->body, response,
		     fault);
}

static int serve_status(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	return serve(context, &status_exchange, answer_status, request->body, response, fault);
}

static int serve_revocations(const struct http_request *request, struct http_response *response,
			     void *context, struct fault *fault)
{
	return serve(context, &revocations_exchange, answer_revocations, request->body, response,
		     fault);
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

/* Open to all: that something is wrong, and not what. */
static int serve_health(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	struct ca_service *service = context;
	struct fault found = {0};
	bool healthy = check_authority(service->authority, read_clock(), &found) == 0;

	response->content_type = CONTENT_JSON;
	append_string(&response->body,
		      healthy ? "{\"status\":\"ok\"}\n" : "{\"status\":\"failed\"}\n");
	if (!healthy) {
		response->status = unavailable;
		if (service->log != NULL)
			service->log(service->log_context, request->method, request->path,
				     unavailable, found.text);
	}
	return check_buffer(&response->body, fault);
}

static const struct http_route routes[] = {
	{"POST", CERTIFICATES_PATH, CONTENT_JOSE, CERTIFICATES_REQUEST_MAX, serve_certificates,
	 true},
	{"POST", STATUS_PATH, CONTENT_JOSE, STATUS_REQUEST_MAX, serve_status, false},
	{"POST", REVOCATIONS_PATH, CONTENT_JOSE, REVOCATIONS_REQUEST_MAX, serve_revocations, true},
	{"POST", OCSP_POST_PATH, CONTENT_OCSP_REQUEST, OCSP_REQUEST_MAX, serve_ocsp_request, false},
	{"GET", OCSP_GET_PATH, NULL, 0, serve_ocsp_request, false},
	{"GET", "/root.crt", NULL, 0, serve_root, true},
	{"GET", "/health", NULL, 0, serve_health, false},
	{0},
};

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
	service->authority = settings->authority;
	service->log = settings->log;
	service->log_context = settings->log_context;
	if (init_live_ring(&service->ring, settings->layout, fault) < 0 ||
	    format_certificate_pem(certificate_der(authority_root(settings->authority)),
				   &service->root_pem, fault) < 0 ||
	    new_responder(authority_store(settings->authority),
			  authority_issuer(settings->authority), &service->responder, fault) < 0 ||
	    start_http_server(&server, &service->server, fault) < 0)
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
	stop_http_server(&service->server);
	clear_live_ring(&service->ring);
	free_responder(&service->responder);
	clear_buffer(&service->root_pem);
	free(service);
}
