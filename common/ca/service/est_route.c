#include "common/ca/service/est_route.h"

#include "common/base/clock.h"
#include "common/ca/service/csr_attributes.h"
#include "common/ca/service/est_client.h"
#include "common/ca/service/roots_request.h"
#include "common/ca/store/client_keys.h"
#include "common/ca/store/fleet.h"
#include "common/crypto/base64.h"
#include "common/layout/ca_profile.h"
#include "common/x509/bundles/pkcs7.h"
#include "common/x509/csr.h"
#include "common/x509/pem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CONTENT_CERTS_ONLY "application/pkcs7-mime; smime-type=certs-only"
#define CONTENT_CSR_ATTRIBUTES "application/csrattrs"
#define CONTENT_TEXT "text/plain; charset=utf-8"

static const unsigned int ok = 200;
static const unsigned int no_content = 204;
static const unsigned int bad_request = 400;
static const unsigned int unauthorized = 401;
static const unsigned int forbidden = 403;
static const unsigned int too_many = 429;

/* --- paths --- */

/* A path below EST_PATH. */
struct est_path {
	unsigned int usages; /* of the label; 0: there is none */
	const char *operation;
};

static int parse_path(const char *path, struct est_path *ret_path, struct fault *fault)
{
	const char *rest = path + strlen(EST_PATH);
	const char *slash = strchr(rest, '/');
	struct fault problem = {0};
	char label[USAGES_TEXT_SIZE];

	*ret_path = (struct est_path){.operation = slash != NULL ? slash + 1 : rest};
	if (slash == NULL)
		return 0;
	(void)snprintf(label, sizeof(label), "%.*s", (int)(slash - rest), rest);
	if ((size_t)(slash - rest) >= sizeof(label) ||
	    parse_usage_list(label, &ret_path->usages, &problem) < 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "label: expected usages, like client or client,server: %s",
				 problem.text);
	return 0;
}

static int refuse_operation(const struct est_path *path, struct fault *fault)
{
	return set_fault(fault, FAULT_NOT_FOUND,
			 "EST: expected cacerts, csrattrs, simpleenroll or simplereenroll, found "
			 "\"%.64s\"",
			 path->operation);
}

/* --- answers --- */

/* On one line: RFC 8951 section 3.1 wants base64 without a line's length, and some clients take no
   line break. */
static int answer_base64(struct http_response *response, const char *content_type,
			 const struct buffer *der, struct fault *fault)
{
	if (check_buffer(der, fault) < 0)
		return -1;
	append_base64(&response->body, bytes_of_buffer(der));
	response->content_type = content_type;
	add_response_field(response, "Content-Transfer-Encoding", "base64");
	return check_buffer(&response->body, fault);
}

static int answer_certificates(const struct bytes *certificates, size_t count,
			       struct http_response *response, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (format_certs_only(certificates, count, &der, fault) < 0)
		return -1;
	return answer_base64(response, CONTENT_CERTS_ONLY, &der, fault);
}

static unsigned int status_of(const struct refusal *refusal)
{
	static const struct {
		const char *type;
		unsigned int status;
	} rows[] = {
		{"unauthenticated", unauthorized},
		{"malformed", bad_request},
		{"bad_request", bad_request},
		{"bad_proof", bad_request},
		{"rate", too_many},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].type, refusal->type) == 0)
			return rows[i].status;
	return forbidden;
}

static int answer_refusal(struct est_route *route, const struct http_request *request,
			  const char *client, const struct refusal *refusal,
			  struct http_response *response, struct fault *fault)
{
	response->status = status_of(refusal);
	response->content_type = CONTENT_TEXT;
	append_format(&response->body, "%s: %s\n", refusal->type, refusal->detail);
	append_format(&response->reason, "%s: %s: %s (from %s)", client[0] != '\0' ? client : "?",
		      refusal->type, refusal->detail, request->origin);
	if (response->status == unauthorized)
		add_response_field(response, "WWW-Authenticate",
				   "Basic realm=\"certpool\", charset=\"UTF-8\"");
	if (response->status == too_many)
		add_response_field(response, "Retry-After", "60");
	count_refusal(&route->requests->refusals, refusal->type);
	if (check_buffer(&response->reason, fault) < 0)
		return -1;
	return check_buffer(&response->body, fault);
}

static void log_certified(const struct est_route *route, const char *path, const char *client,
			  int64_t begun_us)
{
	const struct encrypted_requests *requests = route->requests;
	char text[FAULT_TEXT_SIZE];

	if (requests->exchange_log == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%s: certified 1 in %" PRId64 " ms", client,
		       (read_stopwatch_us() - begun_us) / 1000);
	requests->exchange_log(requests->exchange_log_context, "POST", path, ok, text);
}

/* --- cacerts --- */

static int serve_ca_certificates(struct est_route *route, struct http_response *response,
				 struct fault *fault)
{
	CLEANUP(clear_ca_certificates) struct ca_certificates all = {.count = 0};
	struct fault problem = {0};

	/* FAULT_FAILED keeps the reason, which names files, out of the answer and in the log. */
	if (collect_ca_certificates(route->requests->authority, route->requests->layout, &all,
				    &problem) < 0)
		return set_fault(fault, FAULT_FAILED, "%s", problem.text);
	return answer_certificates(all.der, all.count, response, fault);
}

/* --- csrattrs --- */

/* A client that does not say who it is learns nothing, as it is no one whose policy would count. */
static int serve_csr_attributes(struct est_route *route, const struct est_path *path,
				const struct http_request *request, struct http_response *response,
				struct fault *fault)
{
	struct authority *authority = route->requests->authority;
	CLEANUP(clear_est_client) struct est_client asking = {0};
	CLEANUP(clear_client) struct client client = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	bool found = false;

	response->status = no_content;
	if (request->authorization[0] == '\0' && request->peer_count == 0)
		return 0;
	if (find_est_client(authority, &route->requests->keys, request, read_clock(), &asking,
			    fault) < 0)
		return -1;
	if (asking.denial != EST_ADMITTED)
		return answer_refusal(route, request, "", &asking.refusal, response, fault);
	if (read_client(authority_store(authority), asking.name, &client, &found, fault) < 0)
		return -1;
	if (found && restrict_policy(authority_ca(authority), &client.policy, fault) < 0)
		return -1;
	if (found)
		append_csr_attributes(&client, path->usages, &der);
	if (der.len == 0)
		return check_buffer(&der, fault);
	response->status = ok;
	return answer_base64(response, CONTENT_CSR_ATTRIBUTES, &der, fault);
}

int serve_est_get(struct est_route *route, const struct http_request *request,
		  struct http_response *response, struct fault *fault)
{
	struct est_path path;

	if (parse_path(request->path, &path, fault) < 0)
		return -1;
	if (strcmp(path.operation, "cacerts") == 0)
		return serve_ca_certificates(route, response, fault);
	if (strcmp(path.operation, "csrattrs") == 0)
		return serve_csr_attributes(route, &path, request, response, fault);
	return refuse_operation(&path, fault);
}

/* --- enrolment --- */

static bool is_space(uint8_t octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

static struct bytes skip_space(struct bytes text)
{
	while (text.len > 0 && is_space(text.data[0]))
		text = (struct bytes){text.data + 1, text.len - 1};
	return text;
}

static int decode_body(struct bytes body, struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	while (body.len > 0) {
		struct bytes line = body;

		for (line.len = 0; line.len < body.len && !is_space(body.data[line.len]);)
			line.len++;
		append_bytes(&text, line);
		body = skip_space((struct bytes){body.data + line.len, body.len - line.len});
	}
	if (check_buffer(&text, fault) < 0)
		return -1;
	if (decode_base64(bytes_of_buffer(&text), ret_der, fault) < 0)
		return prefix_fault(fault, "request: expected PKCS#10 in base64, or in PEM");
	return 0;
}

int parse_est_csr(struct bytes body, struct csr **ret_csr, struct fault *fault)
{
	static const char begin[] = "-----BEGIN ";
	const struct bytes text = skip_space(body);
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (text.len > strlen(begin) && memcmp(text.data, begin, strlen(begin)) == 0)
		return parse_csr_pem(text, ret_csr, fault);
	if (decode_body(body, &der, fault) < 0)
		return -1;
	return parse_csr_der(bytes_of_buffer(&der), ret_csr, fault);
}

/* Notes that the client was here and, by its password, perhaps with a new shared key. Who comes by
   password alone may come by its invitation, which has to count; a member needs none. */
static int note_client(const struct est_route *route, const struct est_client *client,
		       int64_t now_s, struct refusal *refusal, struct fault *fault)
{
	struct authority *authority = route->requests->authority;
	const struct sighting sighting = {
		.client = client->name, .kid = client->kid, .now_s = now_s};
	struct refusal invitation = {0};

	if (admit_presence(authority, &sighting, &invitation, fault) < 0)
		return -1;
	if (is_refused(&invitation)) {
		if (client->certificate == NULL)
			*refusal = invitation;
		return 0;
	}
	return client->kid[0] == '\0' ? 0
				      : record_key_taken(authority_store(authority), client->name,
							 client->kid, now_s, fault);
}

/* Of an authenticated client: its rate. */
static int admit_client(const struct est_route *route, const struct est_client *client,
			int64_t now_s, struct refusal *refusal, struct fault *fault)
{
	if (note_client(route, client, now_s, refusal, fault) < 0)
		return -1;
	return is_refused(refusal) ? 0
				   : admit_request(route->requests->authority, client->name, NULL,
						   refusal, fault);
}

/* A key that was certified before has its certificate, whatever the request says. */
static int check_answer(const struct est_route *route, const struct csr *csr, unsigned int usages,
			struct foreign_answer *answer, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;

	if (is_refused(&answer->refusal))
		return 0;
	if (parse_certificate_der(bytes_of_buffer(&answer->der), &certificate, fault) < 0)
		return -1;
	check_granted(certificate, csr, usages,
		      authority_ca(route->requests->authority)->pseudonymous, &answer->refusal);
	return 0;
}

static int certify_body(const struct est_route *route, const struct est_path *path,
			const struct est_client *client, struct bytes body, int64_t now_s,
			struct foreign_answer *ret_answer, struct fault *fault)
{
	CLEANUP(free_csr) struct csr *csr = NULL;
	struct foreign_request request = {
		.client = client->name, .prefix = "est", .usages = path->usages};
	const bool pseudonymous = authority_ca(route->requests->authority)->pseudonymous;
	struct fault problem = {0};

	if (parse_est_csr(body, &csr, &problem) < 0)
		return refuse_for_fault(&problem, "bad_request", &ret_answer->refusal, fault);
	if (client->certificate != NULL)
		check_renewal(client->certificate, csr, pseudonymous, &ret_answer->refusal);
	if (is_refused(&ret_answer->refusal))
		return 0;
	request.csr = csr;
	if (certify_foreign(route->requests->authority, &request, now_s, ret_answer, fault) < 0)
		return -1;
	return check_answer(route, csr, path->usages, ret_answer, fault);
}

/* A CA that may issue nothing, or has no room for it, says so to everybody (503). */
static int check_open(const struct est_route *route, struct fault *fault)
{
	struct authority *authority = route->requests->authority;
	struct fault problem = {0};

	if (check_may_issue(authority, &problem) < 0 || check_room(authority, &problem) < 0)
		return set_fault(fault, FAULT_BUSY, "%s", problem.text);
	return 0;
}

static int find_operation(const struct est_path *path, bool *ret_renewal, struct fault *fault)
{
	*ret_renewal = strcmp(path->operation, "simplereenroll") == 0;
	if (!*ret_renewal && strcmp(path->operation, "simpleenroll") != 0)
		return refuse_operation(path, fault);
	return 0;
}

/* Certifies the request of a client that was found, or refuses it. */
static int enroll(const struct est_route *route, const struct est_path *path, bool renewal,
		  const struct est_client *client, const struct http_request *request,
		  struct foreign_answer *ret_answer, struct fault *fault)
{
	struct authority *authority = route->requests->authority;
	const int64_t now_s = read_clock();

	if (renewal && client->certificate == NULL) {
		set_refusal(&ret_answer->refusal, "unauthenticated",
			    "renewal: expected the certificate of a member in the TLS handshake, "
			    "found none");
		return 0;
	}
	if (admit_client(route, client, now_s, &ret_answer->refusal, fault) < 0 ||
	    (!is_refused(&ret_answer->refusal) &&
	     certify_body(route, path, client, request->body, now_s, ret_answer, fault) < 0))
		return -1;
	if (!is_refused(&ret_answer->refusal))
		return 0;
	return record_refusal(authority_refusals(authority), client->name, &ret_answer->refusal,
			      now_s, fault);
}

int serve_est_post(struct est_route *route, const struct http_request *request,
		   struct http_response *response, struct fault *fault)
{
	const int64_t begun_us = read_stopwatch_us();
	CLEANUP(clear_est_client) struct est_client client = {0};
	CLEANUP(clear_foreign_answer) struct foreign_answer answer = {0};
	struct est_path path;
	struct bytes der;
	bool renewal;

	if (parse_path(request->path, &path, fault) < 0 ||
	    find_operation(&path, &renewal, fault) < 0 || check_open(route, fault) < 0 ||
	    find_est_client(route->requests->authority, &route->requests->keys, request,
			    read_clock(), &client, fault) < 0)
		return -1;
	if (client.denial != EST_ADMITTED)
		return answer_refusal(route, request, "", &client.refusal, response, fault);
	if (enroll(route, &path, renewal, &client, request, &answer, fault) < 0)
		return -1;
	if (is_refused(&answer.refusal))
		return answer_refusal(route, request, client.name, &answer.refusal, response,
				      fault);
	log_certified(route, request->path, client.name, begun_us);
	der = bytes_of_buffer(&answer.der);
	return answer_certificates(&der, 1, response, fault);
}
