#include "common/ca/service/encrypted_requests.h"

#include "common/base/clock.h"
#include "common/ca/issue/answer_status.h"
#include "common/ca/issue/certify_batch.h"
#include "common/ca/service/revocation_request.h"
#include "common/wire/envelope.h"

#include <stdio.h>
#include <string.h>

static const unsigned int ok = 200;
static const unsigned int internal_error = 500;

struct encrypted_exchange;

/* Reads the decrypted question, acts, and formats the answer, which may be a refusal. */
typedef int answer_function(const struct encrypted_exchange *exchange, struct secret *ret_json,
			    struct fault *fault);

/* A kind of request. */
struct encrypted_route {
	const struct message_kind *kind;
	answer_function *answer;
	bool rate_limited;
};

/* One request and its answer. */
struct encrypted_exchange {
	struct encrypted_requests *requests;
	const struct encrypted_route *route;
	struct question question;
	int64_t now_s;
};

int init_encrypted_requests(struct encrypted_requests *requests, const struct layout *layout,
			    struct fault *fault)
{
	init_refusal_counts(&requests->refusals);
	return init_shared_keys(&requests->keys, layout, fault);
}

void clear_encrypted_requests(struct encrypted_requests *requests)
{
	clear_shared_keys(&requests->keys);
	clear_refusal_counts(&requests->refusals);
}

/* --- the log --- */

static void log_text(const struct encrypted_exchange *exchange, unsigned int status,
		     const char *text)
{
	const struct encrypted_requests *requests = exchange->requests;

	if (requests->log != NULL)
		requests->log(requests->log_context, "POST", exchange->route->kind->path, status,
			      text);
}

static void log_whole_refusal(const struct encrypted_exchange *exchange,
			      const struct refusal *refusal)
{
	char text[FAULT_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %s: %s", exchange->question.message.peer,
		       refusal->type, refusal->detail);
	log_text(exchange, ok, text);
	count_refusal(&exchange->requests->refusals, refusal->type);
}

static void log_member_refusals(const struct encrypted_exchange *exchange,
				const struct certificates_answer *answer)
{
	const struct member_refusal *first = answer->refusals;
	char text[FAULT_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %zu of %zu requests refused; %s: %s: %s",
		       exchange->question.message.peer, answer->refusal_count,
		       answer->refusal_count + answer->certificate_count, first->name,
		       first->refusal.type, first->refusal.detail);
	log_text(exchange, ok, text);
	for (size_t i = 0; i < answer->refusal_count; i++)
		count_refusal(&exchange->requests->refusals, answer->refusals[i].refusal.type);
}

/* --- what the three kinds have in common --- */

/* The client learns no more than that the CA failed; the log has the reason. */
static void refuse_for_failure(const struct encrypted_exchange *exchange,
			       const struct fault *failure, struct refusal *refusal)
{
	log_text(exchange, internal_error, failure->text);
	set_refusal(refusal, "failed", "the CA failed, for a reason that is in its log: try again");
}

/*
 * Whether the CA acts on the question; *refusal otherwise. `parsed` and `problem` are the outcome
 * of its parser. A question that is malformed or stale does not count against the client's rate.
 */
static bool admit(const struct encrypted_exchange *exchange, int parsed,
		  const struct fault *problem, const struct request_claims *claims,
		  struct refusal *refusal)
{
	const char *client = exchange->question.message.peer;
	struct fault failure = {0};
	int result = 0;

	if (parsed < 0)
		result = refuse_for_fault(problem, NULL, refusal, &failure);
	else
		check_request_claims(claims, client, CA_NAME, exchange->now_s, refusal);
	if (parsed == 0 && exchange->route->rate_limited && !is_refused(refusal))
		result = admit_request(exchange->requests->authority, client, refusal, &failure);
	if (result < 0)
		refuse_for_failure(exchange, &failure, refusal);
	return !is_refused(refusal);
}

static struct answer_claims make_claims(const struct encrypted_exchange *exchange,
					const struct request_claims *request)
{
	return make_answer_claims(request, exchange->question.sha256, CA_NAME,
				  exchange->question.message.peer, exchange->now_s);
}

/* --- the three kinds --- */

/* Refuses all requests at once, with an event. A client that asks too often gets none, so that a
   flood of requests is not a flood of events. */
static void refuse_certificates(const struct encrypted_exchange *exchange,
				const struct refusal *refusal, struct certificates_answer *answer)
{
	struct fault failure = {0};

	answer->refusal = *refusal;
	if (strcmp(refusal->type, RATE_REFUSAL) == 0 || strcmp(refusal->type, "failed") == 0)
		return;
	if (refuse_batch(exchange->requests->authority, exchange->question.message.peer, refusal,
			 exchange->now_s, answer, &failure) < 0)
		log_text(exchange, internal_error, failure.text);
}

static int answer_certificates(const struct encrypted_exchange *exchange, struct secret *ret_json,
			       struct fault *fault)
{
	const struct decrypted_message *message = &exchange->question.message;
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct request_claims claims = {0};
	struct refusal refusal = {0};
	struct fault problem = {0};
	int parsed = parse_certificates_request(bytes_of_secret(&message->plaintext), &request,
						&claims, &problem);

	if (admit(exchange, parsed, &problem, &claims, &refusal) &&
	    certify_batch(exchange->requests->authority, message->peer, &request, exchange->now_s,
			  &answer, &problem) < 0)
		refuse_for_failure(exchange, &problem, &refusal);
	if (is_refused(&refusal))
		refuse_certificates(exchange, &refusal, &answer);
	if (is_refused(&answer.refusal))
		log_whole_refusal(exchange, &answer.refusal);
	else if (answer.refusal_count > 0)
		log_member_refusals(exchange, &answer);
	answer.claims = make_claims(exchange, &claims);
	return format_certificates_answer(&answer, ret_json, fault);
}

static int answer_status_question(const struct encrypted_exchange *exchange,
				  struct secret *ret_json, struct fault *fault)
{
	const struct decrypted_message *message = &exchange->question.message;
	CLEANUP(clear_status_request) struct status_request request = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct status_answer answer = {0};
	struct request_claims claims = {0};
	struct fault problem = {0};
	int parsed = parse_status_request(bytes_of_secret(&message->plaintext), &request, &claims,
					  &problem);

	if (admit(exchange, parsed, &problem, &claims, &answer.refusal) &&
	    (unwrap_certificate_pem(bytes_of_buffer(&request.certificate), &der, &problem) < 0 ||
	     answer_status(exchange->requests->authority, bytes_of_buffer(&der), exchange->now_s,
			   &answer, &problem) < 0)) {
		if (problem.class == FAULT_MALFORMED || problem.class == FAULT_TOO_LARGE)
			set_refusal(&answer.refusal, "malformed", "certificate: %s", problem.text);
		else
			refuse_for_failure(exchange, &problem, &answer.refusal);
	}
	if (is_refused(&answer.refusal))
		log_whole_refusal(exchange, &answer.refusal);
	answer.claims = make_claims(exchange, &claims);
	return format_status_answer(&answer, ret_json, fault);
}

static int answer_revocations(const struct encrypted_exchange *exchange, struct secret *ret_json,
			      struct fault *fault)
{
	const struct decrypted_message *message = &exchange->question.message;
	const struct ca_crl_options crl = authority_crl_options(exchange->requests->authority);
	CLEANUP(clear_revocation_request) struct revocation_request request = {0};
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};
	struct request_claims claims = {0};
	struct fault problem = {0};
	struct fault crl_problem = {0};
	int parsed = parse_revocation_request(bytes_of_secret(&message->plaintext), &request,
					      &claims, &problem);

	if (admit(exchange, parsed, &problem, &claims, &answer.refusal) &&
	    revoke_own(&crl, message->peer, &request, exchange->now_s, &answer, &crl_problem,
		       &problem) < 0)
		refuse_for_failure(exchange, &problem, &answer.refusal);
	if (crl_problem.class != FAULT_NONE)
		log_text(exchange, internal_error, crl_problem.text);
	if (is_refused(&answer.refusal))
		log_whole_refusal(exchange, &answer.refusal);
	answer.claims = make_claims(exchange, &claims);
	return format_revocation_answer(&answer, ret_json, fault);
}

static const struct encrypted_route encrypted_routes[] = {
	{&certificates_kind, answer_certificates, .rate_limited = true},
	{&status_kind, answer_status_question, .rate_limited = false},
	{&revocations_kind, answer_revocations, .rate_limited = true},
};

/* --- from the socket to the answer --- */

static const struct encrypted_route *find_route(const char *path)
{
	for (size_t i = 0; i < COUNT_OF(encrypted_routes); i++)
		if (strcmp(encrypted_routes[i].kind->path, path) == 0)
			return &encrypted_routes[i];
	return NULL;
}

static void clear_exchange(struct encrypted_exchange *exchange)
{
	clear_request(&exchange->question);
}

int check_request_start(struct encrypted_requests *requests, struct bytes start,
			char ret_client[static HTTP_CLIENT_SIZE], struct fault *fault)
{
	struct fault problem = {0};
	int found = find_sharing_sender(&requests->keys, start, ret_client, &problem, fault);

	if (problem.class != FAULT_NONE && requests->log != NULL)
		requests->log(requests->log_context, "POST", "", internal_error, problem.text);
	return found;
}

int answer_encrypted_request(struct encrypted_requests *requests,
			     const struct http_request *request, struct http_response *response,
			     struct fault *fault)
{
	const struct encrypted_route *route = find_route(request->path);
	CLEANUP(clear_exchange)
	struct encrypted_exchange exchange = {
		.requests = requests, .route = route, .now_s = read_clock()};
	CLEANUP(clear_secret) struct secret json = {0};
	struct fault problem = {0};
	int opened;

	if (route == NULL)
		return set_fault(fault, FAULT_NOT_FOUND, "%s: no such path", request->path);
	opened = open_under_shared_keys(&requests->keys, route->kind, request->body,
					&exchange.question, &problem, fault);
	if (problem.class != FAULT_NONE)
		log_text(&exchange, internal_error, problem.text);
	if (opened < 0 || route->answer(&exchange, &json, fault) < 0)
		return -1;
	return answer_under_shared_keys(&requests->keys, route->kind, &exchange.question,
					bytes_of_secret(&json), response, fault);
}
