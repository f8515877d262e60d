#include "tests/unit/pool/fake_ca.h"

#include "common/crypto/key_file.h"
#include "common/net/http.h"
#include "common/pool/members/trust.h"
#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

void change_in_reply_to(struct answer_claims *claims)
{
	(void)strcpy(claims->in_reply_to, "AAAAAAAAAAAAAAAAAAAAAA");
}

void change_digest(struct answer_claims *claims)
{
	claims->request_sha256[31] ^= 128;
}

void change_iss(struct answer_claims *claims)
{
	(void)strcpy(claims->iss, "client3");
}

void change_aud(struct answer_claims *claims)
{
	(void)strcpy(claims->aud, "client3");
}

static void spoil_if_asked(const struct fake_ca *ca, struct answer_claims *claims)
{
	if (ca->spoil_claims != NULL)
		ca->spoil_claims(claims);
}

/* As the CA does: with a chain if the issuer is not the root. */
static void add_chain(const struct issuer *issuer, struct certificates_answer *answer)
{
	if (issuer_certificate(issuer) == issuer_root(issuer))
		return;
	OK(format_certificate_pem(certificate_der(issuer_certificate(issuer)),
				  &answer->chain[answer->chain_count++], &fault));
}

static void certify_all(const struct fake_ca *ca, const struct certificates_request *request,
			struct certificates_answer *answer)
{
	int64_t now_s = ca->fixture->now_s;

	answer->certificates = calloc(request->count, sizeof(*answer->certificates));
	answer->refusals = calloc(request->count, sizeof(*answer->refusals));
	for (size_t i = 0; i < request->count; i++) {
		struct member_pem *member = &answer->certificates[answer->certificate_count++];

		memcpy(member->name, request->members[i].name, sizeof(member->name));
		member->pem = certify_pem(ca->issuer, bytes_of_buffer(&request->members[i].pem),
					  now_s - 300, now_s + 86400);
	}
	add_chain(ca->issuer, answer);
}

void open_fake_envelope(struct fake_envelope *envelope, const struct layout *layout)
{
	*envelope = (struct fake_envelope){0};
	pthread_mutex_init(&envelope->lock, NULL);
	OK(read_key_ring(layout, 0, &envelope->ring, &fault));
}

void clear_fake_envelope(struct fake_envelope *envelope)
{
	clear_key_ring(&envelope->ring);
	clear_buffer(&envelope->first_answer);
	pthread_mutex_destroy(&envelope->lock);
}

static int seal_answer(struct fake_envelope *envelope, const struct message_kind *kind,
		       const struct question *question, const struct http_request *request,
		       struct bytes plaintext, struct http_response *response, struct fault *fault)
{
	const struct message_kind *other_kind =
		kind == &signed_message_kind ? &status_kind : &signed_message_kind;
	struct shared_key other_key;

	switch (envelope->mischief) {
	case ENVELOPE_OLD:
		append_bytes(&response->body, bytes_of_buffer(&envelope->first_answer));
		return check_buffer(&response->body, fault);
	case ENVELOPE_REFLECTED:
		append_bytes(&response->body, request->body);
		return check_buffer(&response->body, fault);
	case ENVELOPE_WRONG_KEY:
		if (generate_shared_key(&other_key, fault) < 0)
			return -1;
		return encrypt_message(&other_key, kind->answer_typ, NULL, plaintext,
				       &response->body, fault);
	case ENVELOPE_WRONG_TYPE:
		return answer_request(&envelope->ring, other_kind, question, plaintext, response,
				      fault);
	case ENVELOPE_EMPTY:
		append_string(&response->body, "");
		return 0;
	case ENVELOPE_HTML:
		response->content_type = "text/html";
		append_string(&response->body, "<p>Welcome to the hotel</p>");
		return 0;
	case ENVELOPE_NOT_FOUND:
		return set_fault(fault, FAULT_NOT_FOUND, "no such thing");
	case ENVELOPE_HONEST:
		break;
	}
	return answer_request(&envelope->ring, kind, question, plaintext, response, fault);
}

int wrap_answer(struct fake_envelope *envelope, const struct message_kind *kind,
		const struct question *question, const struct http_request *request,
		struct bytes plaintext, struct http_response *response, struct fault *fault)
{
	int result;

	response->content_type = CONTENT_JOSE;
	pthread_mutex_lock(&envelope->lock);
	result = seal_answer(envelope, kind, question, request, plaintext, response, fault);
	if (result == 0 && envelope->first_answer.len == 0)
		append_bytes(&envelope->first_answer, bytes_of_buffer(&response->body));
	pthread_mutex_unlock(&envelope->lock);
	return result;
}

static int take_question(struct fake_ca *ca, struct fault *fault)
{
	atomic_fetch_add(&ca->questions, 1);
	if (atomic_fetch_sub(&ca->busy, 1) > 0)
		return set_fault(fault, FAULT_BUSY, "too much to do");
	return 0;
}

static int handle_certificates(const struct http_request *request, struct http_response *response,
			       void *context, struct fault *fault)
{
	struct fake_ca *ca = context;
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_certificates_request) struct certificates_request asked = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	struct request_claims claims = {0};

	if (take_question(ca, fault) < 0 ||
	    open_request(&ca->envelope.ring, &certificates_kind, request->body, &question, fault) <
		    0 ||
	    parse_certificates_request(bytes_of_secret(&question.message.plaintext), &asked,
				       &claims, fault) < 0)
		return -1;
	check_request_claims(&claims, question.message.peer, CA_NAME, ca->fixture->now_s,
			     &answer.refusal);
	cr_assert_str_empty(answer.refusal.type, "%s", answer.refusal.detail);
	answer.claims = make_answer_claims(&claims, question.sha256, CA_NAME, question.message.peer,
					   ca->fixture->now_s);
	certify_all(ca, &asked, &answer);
	if (ca->spoil_certificates != NULL)
		ca->spoil_certificates(ca, &answer);
	spoil_if_asked(ca, &answer.claims);
	if (format_certificates_answer(&answer, &json, fault) < 0)
		return -1;
	return wrap_answer(&ca->envelope, &certificates_kind, &question, request,
			   bytes_of_secret(&json), response, fault);
}

static int handle_status(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault)
{
	struct fake_ca *ca = context;
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_status_request) struct status_request asked = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	struct status_answer answer = {.status = STATUS_GOOD};
	struct request_claims claims = {0};

	if (take_question(ca, fault) < 0 ||
	    open_request(&ca->envelope.ring, &status_kind, request->body, &question, fault) < 0 ||
	    parse_status_request(bytes_of_secret(&question.message.plaintext), &asked, &claims,
				 fault) < 0)
		return -1;
	answer.claims = make_answer_claims(&claims, question.sha256, CA_NAME, question.message.peer,
					   ca->fixture->now_s);
	if (ca->spoil_status != NULL)
		ca->spoil_status(ca, &answer);
	spoil_if_asked(ca, &answer.claims);
	if (format_status_answer(&answer, &json, fault) < 0)
		return -1;
	return wrap_answer(&ca->envelope, &status_kind, &question, request, bytes_of_secret(&json),
			   response, fault);
}

/* Revokes every serial of the request, whichever client it belongs to. */
static void revoke_all(const struct fake_ca *ca, const struct revocation_request *request,
		       struct revocation_answer *answer)
{
	answer->revoked = calloc(request->serial_count, sizeof(*answer->revoked));
	answer->crl_number = 7;
	for (size_t i = 0; i < request->serial_count; i++) {
		struct revoked_member *member = &answer->revoked[answer->revoked_count++];

		memcpy(member->serial, request->serials[i], SERIAL_MAX);
		(void)strcpy(member->member, "key1");
		member->revoked_at_s = ca->fixture->now_s;
		member->reason = request->reason;
	}
}

static int handle_revocations(const struct http_request *request, struct http_response *response,
			      void *context, struct fault *fault)
{
	struct fake_ca *ca = context;
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_revocation_request) struct revocation_request asked = {0};
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	struct request_claims claims = {0};

	if (take_question(ca, fault) < 0 ||
	    open_request(&ca->envelope.ring, &revocations_kind, request->body, &question, fault) <
		    0 ||
	    parse_revocation_request(bytes_of_secret(&question.message.plaintext), &asked, &claims,
				     fault) < 0)
		return -1;
	answer.claims = make_answer_claims(&claims, question.sha256, CA_NAME, question.message.peer,
					   ca->fixture->now_s);
	revoke_all(ca, &asked, &answer);
	if (ca->spoil_revocations != NULL)
		ca->spoil_revocations(ca, &answer);
	spoil_if_asked(ca, &answer.claims);
	if (format_revocation_answer(&answer, &json, fault) < 0)
		return -1;
	return wrap_answer(&ca->envelope, &revocations_kind, &question, request,
			   bytes_of_secret(&json), response, fault);
}

static int handle_statuses(const struct http_request *request, struct http_response *response,
			   void *context, struct fault *fault)
{
	struct fake_ca *ca = context;
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_statuses_request) struct statuses_request asked = {0};
	struct revoked_serial revoked = {.revoked_at_s = ca->fixture->now_s,
					 .reason = REASON_KEY_COMPROMISE};
	struct statuses_answer answer = {.revoked = &revoked, .revoked_count = 1};
	CLEANUP(clear_secret) struct secret json = {0};
	struct request_claims claims = {0};

	if (take_question(ca, fault) < 0 ||
	    open_request(&ca->envelope.ring, &statuses_kind, request->body, &question, fault) < 0 ||
	    parse_statuses_request(bytes_of_secret(&question.message.plaintext), &asked, &claims,
				   fault) < 0)
		return -1;
	answer.claims = make_answer_claims(&claims, question.sha256, CA_NAME, question.message.peer,
					   ca->fixture->now_s);
	memcpy(revoked.serial, asked.serials[0], SERIAL_MAX);
	if (ca->spoil_statuses != NULL)
		ca->spoil_statuses(ca, &answer);
	spoil_if_asked(ca, &answer.claims);
	if (format_statuses_answer(&answer, &json, fault) < 0)
		return -1;
	return wrap_answer(&ca->envelope, &statuses_kind, &question, request,
			   bytes_of_secret(&json), response, fault);
}

static int handle_root(const struct http_request *request, struct http_response *response,
		       void *context, struct fault *fault)
{
	const struct fake_ca *ca = context;

	(void)request;
	if (ca->envelope.mischief == ENVELOPE_NOT_FOUND)
		return set_fault(fault, FAULT_NOT_FOUND, "no such thing");
	response->content_type = ca->envelope.mischief == ENVELOPE_HTML ? "text/html" : CONTENT_PEM;
	if (ca->envelope.mischief == ENVELOPE_EMPTY) {
		append_string(&response->body, "");
		return 0;
	}
	return format_certificate_pem(certificate_der(issuer_root(ca->issuer)), &response->body,
				      fault);
}

static int handle_issuer(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault)
{
	const struct fake_ca *ca = context;

	(void)request;
	response->content_type = CONTENT_PEM;
	return format_certificate_pem(certificate_der(issuer_certificate(ca->issuer)),
				      &response->body, fault);
}

void start_fake_ca(struct fake_ca *ca, const struct fixture *fixture)
{
	static const struct http_route routes[] = {
		{"POST", CERTIFICATES_PATH, CONTENT_JOSE, CERTIFICATES_REQUEST_MAX,
		 handle_certificates, true, NULL, ROUTE_PRIVATE},
		{"POST", STATUS_PATH, CONTENT_JOSE, STATUS_REQUEST_MAX, handle_status, false, NULL,
		 ROUTE_PRIVATE},
		{"POST", REVOCATIONS_PATH, CONTENT_JOSE, REVOCATIONS_REQUEST_MAX,
		 handle_revocations, false, NULL, ROUTE_PRIVATE},
		{"POST", STATUSES_PATH, CONTENT_JOSE, STATUSES_REQUEST_MAX, handle_statuses, false,
		 NULL, ROUTE_PRIVATE},
		{"GET", "/root.crt", NULL, 0, handle_root, false, NULL, ROUTE_PRIVATE},
		{"GET", "/ca.crt", NULL, 0, handle_issuer, false, NULL, ROUTE_PRIVATE},
		{0},
	};
	struct http_server_settings settings = {
		.listen = {1, {{"127.0.0.1", 0, false}}}, .routes = routes, .context = ca};

	*ca = (struct fake_ca){.fixture = fixture, .issuer = fixture->issuer};
	open_fake_envelope(&ca->envelope, fixture->ca);
	OK(start_http_server(&settings, &ca->server, &fault));
	ca->endpoint = http_server_endpoints(ca->server)->endpoints[0];
}

void stop_fake_ca(struct fake_ca *ca)
{
	stop_http_server(&ca->server);
	clear_fake_envelope(&ca->envelope);
}

struct endpoint dead_endpoint(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct endpoint endpoint = {.host = "127.0.0.1"};

	/* The socket has the port until the test's process ends, and does not listen: else the
	   kernel could give the port to a server of another test, or to the one who asks here. */
	cr_assert_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(getsockname(descriptor, (struct sockaddr *)&address, &len), 0);
	endpoint.port = ntohs(address.sin_port);
	return endpoint;
}
