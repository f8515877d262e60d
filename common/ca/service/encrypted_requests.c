#include "common/ca/service/encrypted_requests.h"

#include "common/base/clock.h"
#include "common/ca/issue/answer_status.h"
#include "common/ca/issue/certify_batch.h"
#include "common/ca/issue/request_rate.h"
#include "common/ca/service/revocation_request.h"
#include "common/ca/service/roots_request.h"
#include "common/ca/store/client_keys.h"
#include "common/ca/store/fleet.h"
#include "common/wire/envelope.h"
#include "common/wire/key_exchange.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const unsigned int ok = 200;
static const unsigned int internal_error = 500;

/* How many requests of an origin are answered in a minute that came before, are old or malformed:
   as many as a client with a bad connection repeats, or one with a wrong clock tries. */
enum { UNPAID_PER_MINUTE = 60 };

struct encrypted_exchange;

/* Reads the decrypted question, acts, and formats the answer, which may be a refusal. */
typedef int answer_function(const struct encrypted_exchange *exchange, struct secret *ret_json,
			    struct fault *fault);

struct encrypted_route {
	const struct message_kind *kind;
	answer_function *answer;
	bool rate_limited;
};

/* One request and its answer. */
struct encrypted_exchange {
	struct encrypted_requests *requests;
	const struct encrypted_route *route;
	struct bytes jwe;
	const char *origin;
	bool origin_pays; /* one that begins as this came before: the origin was charged for this */
	bool came_before; /* the client was charged for it then, and its refusal recorded */
	struct question question;
	int64_t now_s;
	int64_t begun_us; /* of the stopwatch */
	bool *away;       /* set when the record could not be reached */
};

int init_encrypted_requests(struct encrypted_requests *requests, const struct layout *layout,
			    const struct key_source *source, struct fault *fault)
{
	requests->layout = layout;
	init_refusal_counts(&requests->refusals);
	init_seen_requests(&requests->seen);
	if (new_origin_rate(UNPAID_PER_MINUTE, &requests->unpaid, fault) < 0 ||
	    new_rate(&requests->root_notes, fault) < 0)
		return -1;
	return init_shared_keys(&requests->keys, layout, source, fault);
}

void clear_encrypted_requests(struct encrypted_requests *requests)
{
	clear_shared_keys(&requests->keys);
	free_rate(&requests->root_notes);
	free_origin_rate(&requests->unpaid);
	clear_seen_requests(&requests->seen);
	clear_refusal_counts(&requests->refusals);
}

static void log_text(const struct encrypted_exchange *exchange, unsigned int status,
		     const char *text)
{
	const struct encrypted_requests *requests = exchange->requests;

	if (requests->log != NULL)
		requests->log(requests->log_context, "POST", exchange->route->kind->path, status,
			      text);
}

/* What the client was given, and how long it took. */
__attribute__((format(printf, 2, 3))) static void
log_exchange(const struct encrypted_exchange *exchange, const char *format, ...)
{
	const struct encrypted_requests *requests = exchange->requests;
	char what[64];
	char text[FAULT_TEXT_SIZE];
	va_list arguments;

	if (requests->exchange_log == NULL)
		return;
	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	(void)snprintf(text, sizeof(text), "%s: %s in %" PRId64 " ms",
		       exchange->question.message.peer, what,
		       (read_stopwatch_us() - exchange->begun_us) / 1000);
	requests->exchange_log(requests->exchange_log_context, "POST", exchange->route->kind->path,
			       ok, text);
}

static void log_whole_refusal(const struct encrypted_exchange *exchange,
			      const struct refusal *refusal)
{
	char text[FAULT_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %s: %s (from %s)", exchange->question.message.peer,
		       refusal->type, refusal->detail, exchange->origin);
	log_text(exchange, ok, text);
	count_refusal(&exchange->requests->refusals, refusal->type);
}

static void log_member_refusals(const struct encrypted_exchange *exchange,
				const struct certificates_answer *answer)
{
	const struct member_refusal *first = answer->refusals;
	char text[FAULT_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s: refused %zu of %zu; %s: %s: %s",
		       exchange->question.message.peer, answer->refusal_count,
		       answer->refusal_count + answer->certificate_count, first->name,
		       first->refusal.type, first->refusal.detail);
	log_text(exchange, ok, text);
	for (size_t i = 0; i < answer->refusal_count; i++)
		count_refusal(&exchange->requests->refusals, answer->refusals[i].refusal.type);
}

/* The client learns no more than that the CA failed; the log has the reason. */
static void refuse_for_failure(const struct encrypted_exchange *exchange,
			       const struct fault *failure, struct refusal *refusal)
{
	log_text(exchange, internal_error, failure->text);
	*exchange->away |= failure->class == FAULT_BUSY || failure->class == FAULT_INTERRUPTED;
	set_refusal(refusal, "failed", "the CA failed, for a reason that is in its log: try again");
}

/*
 * What is malformed, stale or for another costs its origin, never the client, whose request may
 * have been recorded by anybody: it is in the log and in the counters, and not in the audit log.
 */
static void charge_for_refusal(const struct encrypted_exchange *exchange)
{
	int64_t now_us = read_stopwatch_us();
	int64_t wait_s;

	remember_request(&exchange->requests->seen, exchange->jwe, exchange->question.sha256,
			 now_us);
	if (!exchange->origin_pays)
		(void)charge_origin(exchange->requests->unpaid, exchange->origin, now_us, &wait_s);
}

/* Notes that the client was here; whoever comes first by an invitation has to come in time. Also
   asked of what came before, which may have been refused then. */
static int check_presence(const struct encrypted_exchange *exchange, struct refusal *refusal,
			  struct fault *fault)
{
	const struct sighting sighting = {.client = exchange->question.message.peer,
					  .kid = exchange->question.message.kid,
					  .asks_key = exchange->route->kind == &key_kind,
					  .now_s = exchange->now_s};

	return admit_presence(exchange->requests->authority, &sighting, refusal, fault);
}

/* A fresh request costs the client once, however often it comes. One that is refused for the
   client's rate alone is new when it comes again. */
static int charge_client(const struct encrypted_exchange *exchange, struct refusal *refusal,
			 struct fault *fault)
{
	const char *peer = exchange->question.message.peer;

	if (exchange->came_before)
		return 0;
	if (exchange->route->rate_limited &&
	    admit_request(exchange->requests->authority, peer, NULL, refusal, fault) < 0)
		return -1;
	if (!is_refused(refusal))
		remember_request(&exchange->requests->seen, exchange->jwe,
				 exchange->question.sha256, read_stopwatch_us());
	return 0;
}

/*
 * Whether the CA acts on the question; *refusal otherwise. `parsed` and `problem` are the outcome
 * of its parser.
 */
static bool admit(const struct encrypted_exchange *exchange, int parsed,
		  const struct fault *problem, const struct request_claims *claims,
		  struct refusal *refusal)
{
	struct fault failure = {0};
	int result = 0;

	if (parsed < 0)
		result = refuse_for_fault(problem, NULL, refusal, &failure);
	else
		check_request_claims(claims, exchange->question.message.peer, CA_NAME,
				     exchange->now_s, refusal);
	/* The client's clock agrees with this one. */
	if (result == 0 && !is_refused(refusal))
		atomic_store(&exchange->requests->attested_s, claims->iat_s);
	if (result == 0 && !is_refused(refusal))
		result = check_presence(exchange, refusal, &failure);
	if (is_refused(refusal))
		charge_for_refusal(exchange);
	else if (result == 0)
		result = charge_client(exchange, refusal, &failure);
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

/* --- the kinds --- */

static int answer_certificates(const struct encrypted_exchange *exchange, struct secret *ret_json,
			       struct fault *fault)
{
	const struct decrypted_message *message = &exchange->question.message;
	struct authority *authority = exchange->requests->authority;
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct request_claims claims = {0};
	struct fault problem = {0};
	int parsed = parse_certificates_request(bytes_of_secret(&message->plaintext), &request,
						&claims, &problem);

	if (admit(exchange, parsed, &problem, &claims, &answer.refusal) &&
	    (certify_batch(authority, message->peer, &request, exchange->now_s, &answer, &problem) <
		     0 ||
	     (!exchange->came_before &&
	      record_answer_refusals(authority_refusals(authority), message->peer, &answer,
				     exchange->now_s, &problem) < 0))) {
		clear_certificates_answer(&answer);
		refuse_for_failure(exchange, &problem, &answer.refusal);
	}
	if (is_refused(&answer.refusal))
		log_whole_refusal(exchange, &answer.refusal);
	else if (answer.refusal_count > 0)
		log_member_refusals(exchange, &answer);
	if (answer.certificate_count > 0)
		log_exchange(exchange, "certified %zu", answer.certificate_count);
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
	else
		log_exchange(exchange, "told the status of a certificate");
	answer.claims = make_claims(exchange, &claims);
	return format_status_answer(&answer, ret_json, fault);
}

static int answer_revocations(const struct encrypted_exchange *exchange, struct secret *ret_json,
			      struct fault *fault)
{
	const struct decrypted_message *message = &exchange->question.message;
	struct authority *authority = exchange->requests->authority;
	CLEANUP(clear_revocation_request) struct revocation_request request = {0};
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};
	struct request_claims claims = {0};
	struct fault problem = {0};
	int parsed = parse_revocation_request(bytes_of_secret(&message->plaintext), &request,
					      &claims, &problem);

	if (admit(exchange, parsed, &problem, &claims, &answer.refusal) &&
	    (revoke_own(authority, message->peer, &request, exchange->now_s, &answer, &problem) <
		     0 ||
	     (is_refused(&answer.refusal) && !exchange->came_before &&
	      record_refusal(authority_refusals(authority), message->peer, &answer.refusal,
			     exchange->now_s, &problem) < 0))) {
		clear_revocation_answer(&answer);
		refuse_for_failure(exchange, &problem, &answer.refusal);
	}
	if (is_refused(&answer.refusal))
		log_whole_refusal(exchange, &answer.refusal);
	else
		log_exchange(exchange, "revoked %zu", answer.revoked_count);
	answer.claims = make_claims(exchange, &claims);
	return format_revocation_answer(&answer, ret_json, fault);
}

static int answer_statuses_question(const struct encrypted_exchange *exchange,
				    struct secret *ret_json, struct fault *fault)
{
	const struct decrypted_message *message = &exchange->question.message;
	CLEANUP(clear_statuses_request) struct statuses_request request = {0};
	CLEANUP(clear_statuses_answer) struct statuses_answer answer = {0};
	struct request_claims claims = {0};
	struct fault problem = {0};
	int parsed = parse_statuses_request(bytes_of_secret(&message->plaintext), &request, &claims,
					    &problem);

	if (admit(exchange, parsed, &problem, &claims, &answer.refusal) &&
	    answer_statuses(authority_store(exchange->requests->authority), message->peer, &request,
			    &answer, &problem) < 0)
		refuse_for_failure(exchange, &problem, &answer.refusal);
	if (is_refused(&answer.refusal))
		log_whole_refusal(exchange, &answer.refusal);
	else
		log_exchange(exchange, "told the status of %zu", request.serial_count);
	answer.endpoint = authority_endpoint(exchange->requests->authority);
	answer.claims = make_claims(exchange, &claims);
	return format_statuses_answer(&answer, ret_json, fault);
}

/* The operator alone rotates a client's key: the front cannot write Private/. */
static int answer_key(const struct encrypted_exchange *exchange, const struct key_request *request,
		      struct key_answer *answer, struct fault *fault)
{
	const struct decrypted_message *message = &exchange->question.message;
	struct encrypted_requests *requests = exchange->requests;

	if (request->offer.present) {
		set_refusal(&answer->refusal, "policy",
			    "the CA's operator rotates the key that is shared with it (certpool "
			    "rotate key)");
		return 0;
	}
	if (message->under_old_key) {
		answer->successor.present =
			find_successor(&requests->keys, message, &answer->successor.key,
				       &answer->successor.old_ends_s);
		return 0;
	}
	return record_key_taken(authority_store(requests->authority), message->peer, message->kid,
				exchange->now_s, fault);
}

static int answer_key_question(const struct encrypted_exchange *exchange, struct secret *ret_json,
			       struct fault *fault)
{
	const struct decrypted_message *message = &exchange->question.message;
	CLEANUP(clear_key_request) struct key_request request = {0};
	CLEANUP(clear_key_answer) struct key_answer answer = {0};
	struct request_claims claims = {0};
	struct fault problem = {0};
	int parsed = parse_key_request(bytes_of_secret(&message->plaintext), &request, &claims,
				       &problem);

	if (admit(exchange, parsed, &problem, &claims, &answer.refusal) &&
	    answer_key(exchange, &request, &answer, &problem) < 0)
		refuse_for_failure(exchange, &problem, &answer.refusal);
	if (is_refused(&answer.refusal))
		log_whole_refusal(exchange, &answer.refusal);
	else if (answer.successor.present)
		log_exchange(exchange, "was given its new shared key");
	answer.claims = make_claims(exchange, &claims);
	return format_key_answer(&answer, ret_json, fault);
}

static int answer_roots_question(const struct encrypted_exchange *exchange, struct secret *ret_json,
				 struct fault *fault)
{
	const struct decrypted_message *message = &exchange->question.message;
	const struct encrypted_requests *requests = exchange->requests;
	CLEANUP(clear_roots_answer) struct roots_answer answer = {0};
	struct roots_request request = {0};
	struct request_claims claims = {0};
	struct fault problem = {0};
	int parsed = parse_roots_request(bytes_of_secret(&message->plaintext), &request, &claims,
					 &problem);

	if (admit(exchange, parsed, &problem, &claims, &answer.refusal) &&
	    (note_roots(authority_store(requests->authority), requests->root_notes, message->peer,
			&request, &problem) < 0 ||
	     answer_roots(requests->layout, &answer, &problem) < 0))
		refuse_for_failure(exchange, &problem, &answer.refusal);
	if (is_refused(&answer.refusal))
		log_whole_refusal(exchange, &answer.refusal);
	answer.claims = make_claims(exchange, &claims);
	return format_roots_answer(&answer, ret_json, fault);
}

static const struct encrypted_route encrypted_routes[] = {
	{&certificates_kind, answer_certificates, .rate_limited = true},
	{&status_kind, answer_status_question, .rate_limited = false},
	{&revocations_kind, answer_revocations, .rate_limited = true},
	{&statuses_kind, answer_statuses_question, .rate_limited = true},
	{&key_kind, answer_key_question, .rate_limited = false},
	{&roots_kind, answer_roots_question, .rate_limited = false},
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

int check_request_start(struct encrypted_requests *requests, struct bytes start, bool may_wait,
			char ret_client[static HTTP_CLIENT_SIZE], bool *ret_unknown,
			struct fault *fault)
{
	struct fault problem = {0};
	int found =
		may_wait ? find_sharing_sender(&requests->keys, start, ret_client, &problem, fault)
			 : find_sender_at_hand(&requests->keys, start, ret_client, ret_unknown,
					       &problem, fault);

	if (problem.class != FAULT_NONE && requests->log != NULL)
		requests->log(requests->log_context, "POST", "", internal_error, problem.text);
	return found;
}

/* A request that came before is answered again, since the first answer may have been lost, at the
   cost of its origin: not more often than that can pay for. */
static int check_repetition(struct encrypted_exchange *exchange, struct fault *fault)
{
	struct encrypted_requests *requests = exchange->requests;
	int64_t wait_s;

	exchange->origin_pays = has_seen(&requests->seen, exchange->jwe, exchange->begun_us);
	if (!exchange->origin_pays ||
	    charge_origin(requests->unpaid, exchange->origin, exchange->begun_us, &wait_s))
		return 0;
	count_refusal(&requests->refusals, "replayed");
	return set_fault(fault, FAULT_BUSY,
			 "this request came before, and %s repeats more than %d a minute: make a "
			 "new one, or try again in %" PRId64 " s",
			 exchange->origin, UNPAID_PER_MINUTE, wait_s);
}

int answer_encrypted_request(struct encrypted_requests *requests,
			     const struct http_request *request, struct http_response *response,
			     struct fault *fault)
{
	const struct encrypted_route *route = find_route(request->path);
	bool away = false;
	CLEANUP(clear_exchange)
	struct encrypted_exchange exchange = {.requests = requests,
					      .route = route,
					      .jwe = request->body,
					      .origin = request->origin,
					      .now_s = read_clock(),
					      .begun_us = read_stopwatch_us(),
					      .away = &away};
	CLEANUP(clear_secret) struct secret json = {0};
	struct fault problem = {0};
	int opened;

	if (route == NULL)
		return set_fault(fault, FAULT_NOT_FOUND, "%s: no such path", request->path);
	if (check_repetition(&exchange, fault) < 0)
		return -1;
	opened = open_under_shared_keys(&requests->keys, route->kind, request->body,
					&exchange.question, &problem, fault);
	if (problem.class != FAULT_NONE)
		log_text(&exchange, internal_error, problem.text);
	if (opened < 0)
		return -1;
	/* Who holds the key can begin two requests alike, and pays for both. */
	exchange.came_before =
		exchange.origin_pays &&
		has_seen_whole(&requests->seen, exchange.question.sha256, exchange.begun_us);
	if (route->answer(&exchange, &json, fault) < 0)
		return -1;
	if (away)
		return set_fault(fault, FAULT_BUSY, "the CA cannot reach its record: ask again");
	return answer_under_shared_keys(&requests->keys, route->kind, &exchange.question,
					bytes_of_secret(&json), response, fault);
}
