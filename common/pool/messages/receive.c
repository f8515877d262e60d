#include "common/pool/messages/receive.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/crypto/key_file.h"
#include "common/net/http.h"
#include "common/pool/members/trust.h"
#include "common/pool/messages/replay_log.h"
#include "common/pool/messages/verify_received.h"
#include "common/wire/envelope.h"
#include "common/wire/key_exchange.h"
#include "common/wire/shared_keys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The size of a message besides M: certificates, two headers, two signatures. */
enum { ENVELOPE_MAX = 65536 };

struct receiver {
	struct receiver_settings settings;
	int lock_descriptor; /* of state/serving */
	struct shared_keys keys;
	struct verifier verifier;
	struct replay_log *replay_log;
	pthread_mutex_t lock;        /* one message at a time is passed on */
	struct http_route routes[3]; /* the last one is empty */
	struct http_server *server;
};

static void log_fault(const struct receiver *receiver, const struct fault *fault)
{
	if (receiver->settings.log != NULL && fault->class != FAULT_NONE)
		receiver->settings.log(receiver->settings.log_context, "POST", MESSAGES_PATH, 200,
				       fault->text);
}

static void name_received(const struct certificate *certificate,
			  char ret_name[static FILE_NAME_SIZE])
{
	char serial[SERIAL_TEXT_SIZE];

	format_serial(certificate_serial(certificate), serial);
	(void)snprintf(ret_name, FILE_NAME_SIZE, "%s.crt", serial);
}

/* Saves the signer's certificate as received/{serial}.crt, unless that file exists. */
static int save_certificate(const struct receiver *receiver, const struct certificate *certificate,
			    struct fault *fault)
{
	const struct layout *layout = receiver->settings.layout;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	char name[FILE_NAME_SIZE];
	bool found;

	name_received(certificate, name);
	if (find_file(layout->received, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/received", layout->path);
	if (found)
		return 0;
	if (format_certificate_pem(certificate_der(certificate), &pem, fault) < 0)
		return -1;
	if (write_file(layout->received, name, STAGE_NEW, 0644, bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/received", layout->path);
	return 0;
}

/* Passes the message and its verdict on to the caller's message_function. */
static int report_message(const struct receiver *receiver, const char *peer,
			  const struct received_jws *received, struct fault *fault)
{
	const struct signed_message *message = &received->message;
	const struct certificate *certificate = signer_certificate(received);
	char serial[SERIAL_TEXT_SIZE] = "";
	char file[FILE_NAME_SIZE] = "";
	struct received_message report = {
		.peer = peer,
		.verified = !received->verdict.invalid,
		.reason = received->verdict.reason,
		.subject = "",
		.serial = serial,
		.by_digest = message->by_digest,
		.iat_s = message->claims.iat_s,
		.jti = message->claims.jti,
		.file = file,
	};

	if (certificate != NULL) {
		report.subject = certificate_subject(certificate);
		format_serial(certificate_serial(certificate), serial);
	}
	if (report.verified) {
		report.payload = bytes_of_buffer(&message->payload);
		name_received(certificate, file);
	}
	return receiver->settings.message(receiver->settings.message_context, &report, fault);
}

/* Reports a message. A verified one must be new; its jti stays remembered only if saving the
   certificate and reporting succeed. The caller holds the lock. */
static int take_message(struct receiver *receiver, const char *peer, int64_t now_s,
			struct received_jws *received, struct fault *fault)
{
	const struct message_claims *claims = &received->message.claims;
	struct fault second_fault = {0};
	bool is_new;

	if (received->verdict.invalid)
		return report_message(receiver, peer, received, fault);
	if (remember_jti(receiver->replay_log, claims->jti, claims->iat_s, now_s, &is_new, fault) <
	    0)
		return -1;
	if (!is_new) {
		reject_because(&received->verdict, "jti: this message was taken before");
		return report_message(receiver, peer, received, fault);
	}
	if (save_certificate(receiver, signer_certificate(received), fault) == 0 &&
	    report_message(receiver, peer, received, fault) == 0)
		return 0;
	if (forget_jti(receiver->replay_log, claims->jti, &second_fault) < 0)
		log_fault(receiver, &second_fault);
	return -1;
}

/* Of a verified message; true if a digest names its certificate from now on. */
static bool remember_signer(struct receiver *receiver, const char *peer,
			    const struct received_jws *received, int64_t now_s)
{
	return received->message.by_digest ||
	       remember_certificate(receiver->verifier.memory, peer, &received->message, now_s);
}

static int answer_message(struct receiver *receiver, const struct question *question,
			  const struct received_jws *received, int64_t now_s,
			  struct http_response *response, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret json = {0};
	struct message_answer answer = {.verified = !received->verdict.invalid,
					.certificate_wanted = received->certificate_wanted};
	struct request_claims request = {0};

	memcpy(request.jti, received->message.claims.jti, sizeof(request.jti));
	answer.claims =
		make_answer_claims(&request, question->sha256, receiver->settings.client->name,
				   question->message.peer, now_s);
	memcpy(answer.reason, received->verdict.reason, sizeof(answer.reason));
	if (answer.verified)
		answer.remembered =
			remember_signer(receiver, question->message.peer, received, now_s);
	if (format_message_answer(&answer, &json, fault) < 0)
		return -1;
	return answer_under_shared_keys(&receiver->keys, &signed_message_kind, question,
					bytes_of_secret(&json), response, fault);
}

/* A message that decrypts is answered with a verdict, also if this receiver fails: the verdict is
   invalid then, and the log has the fault. */
static int handle_message(const struct http_request *request, struct http_response *response,
			  void *context, struct fault *fault)
{
	struct receiver *receiver = context;
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_received_jws) struct received_jws received = {0};
	int64_t now_s = read_clock();
	struct fault key_problem = {0};
	struct fault root_problem = {0};
	struct fault failure = {0};
	int result;

	result = open_under_shared_keys(&receiver->keys, &signed_message_kind, request->body,
					&question, &key_problem, fault);
	log_fault(receiver, &key_problem);
	if (result < 0)
		return -1;
	if (refresh_trust(receiver->verifier.chain_cache, receiver->settings.layout,
			  &root_problem) < 0)
		log_fault(receiver, &root_problem);
	result = verify_received(&receiver->verifier, question.message.peer,
				 bytes_of_secret(&question.message.plaintext), now_s, &received,
				 &failure);
	if (result == 0 && !received.certificate_wanted) {
		pthread_mutex_lock(&receiver->lock);
		result = take_message(receiver, question.message.peer, now_s, &received, &failure);
		pthread_mutex_unlock(&receiver->lock);
	}
	if (result < 0) {
		log_fault(receiver, &failure);
		reject_because(
			&received.verdict,
			"the message could not be taken, for a reason that the receiver's log "
			"has: send it again");
	}
	return answer_message(receiver, &question, &received, now_s, response, fault);
}

/* Locks the layout for a change of the key, which must still be that of the question. */
static int lock_key(const struct receiver *receiver, const struct decrypted_message *message,
		    int *ret_lock, struct fault *fault)
{
	const struct layout *layout = receiver->settings.layout;
	CLEANUP(clear_shared_key) struct shared_key present = {0};
	CLEANUP(close_descriptor) int lock = -1;

	if (lock_layout(layout, LOCK_REFUSE, &lock, fault) < 0 ||
	    read_shared_key(layout, message->peer, &present, fault) < 0)
		return -1;
	if (strcmp(present.kid, message->kid) != 0)
		return set_fault(fault, FAULT_REFUSED,
				 "the key shared with %s was replaced while it asked about it",
				 message->peer);
	*ret_lock = lock;
	lock = -1;
	return 0;
}

/* Takes the successor that the sender offers. Under an old key, the sender gets the one that this
   node has instead. */
static int take_offer(struct receiver *receiver, const struct decrypted_message *message,
		      const struct successor *offer, int64_t now_s, struct fault *fault)
{
	const struct layout *layout = receiver->settings.layout;
	CLEANUP(close_descriptor) int lock = -1;

	if (offer->old_ends_s <= now_s)
		return set_fault(fault, FAULT_REFUSED,
				 "old_ends: expected a time to come: the question is under the old "
				 "key");
	if (lock_key(receiver, message, &lock, fault) < 0 ||
	    sweep_ended_keys(layout, now_s, fault) < 0 ||
	    replace_shared_key(layout, message->peer, &offer->key, offer->old_ends_s, false, now_s,
			       fault) < 0)
		return -1;
	return reload_shared_keys(&receiver->keys, fault);
}

/* Who asks under the current key has it: it need not be offered any more. */
static int note_asked(struct receiver *receiver, const struct decrypted_message *message,
		      int64_t now_s, struct fault *fault)
{
	const struct layout *layout = receiver->settings.layout;
	CLEANUP(clear_shared_key) struct shared_key old = {0};
	CLEANUP(close_descriptor) int lock = -1;
	bool found;

	if (read_old_key(layout, message->peer, now_s, &old, &found, fault) < 0)
		return -1;
	if (!found || !old.offer)
		return 0;
	if (lock_key(receiver, message, &lock, fault) < 0)
		return -1;
	return note_taken_key(layout, message->peer, fault);
}

/* What cannot be done is refused. */
static void answer_key(struct receiver *receiver, const struct question *question, int64_t now_s,
		       struct key_answer *answer)
{
	const struct decrypted_message *message = &question->message;
	const char *self = receiver->settings.client->name;
	CLEANUP(clear_key_request) struct key_request request = {0};
	struct request_claims claims = {0};
	struct fault problem = {0};
	int result = parse_key_request(bytes_of_secret(&message->plaintext), &request, &claims,
				       &problem);

	if (result == 0) {
		check_request_claims(&claims, message->peer, self, now_s, &answer->refusal);
		if (!is_refused(&answer->refusal) && message->under_old_key)
			answer->successor.present =
				find_successor(&receiver->keys, message, &answer->successor.key,
					       &answer->successor.old_ends_s);
		else if (!is_refused(&answer->refusal) && request.offer.present)
			result = take_offer(receiver, message, &request.offer, now_s, &problem);
		else if (!is_refused(&answer->refusal))
			result = note_asked(receiver, message, now_s, &problem);
	}
	if (result < 0) {
		log_fault(receiver, &problem);
		set_refusal(&answer->refusal,
			    problem.class == FAULT_MALFORMED ? "malformed" : "failed", "%s",
			    "the key was not taken: the receiver's log says why: try again");
	}
	answer->claims = make_answer_claims(&claims, question->sha256, self, message->peer, now_s);
}

/* A question about the shared key. */
static int handle_key(const struct http_request *request, struct http_response *response,
		      void *context, struct fault *fault)
{
	struct receiver *receiver = context;
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_key_answer) struct key_answer answer = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	struct fault key_problem = {0};
	int result = open_under_shared_keys(&receiver->keys, &key_kind, request->body, &question,
					    &key_problem, fault);

	log_fault(receiver, &key_problem);
	if (result < 0)
		return -1;
	answer_key(receiver, &question, read_clock(), &answer);
	if (format_key_answer(&answer, &json, fault) < 0)
		return -1;
	return answer_under_shared_keys(&receiver->keys, &key_kind, &question,
					bytes_of_secret(&json), response, fault);
}

static int check_sender(struct bytes start, bool may_wait, void *context,
			char ret_client[static HTTP_CLIENT_SIZE], bool *ret_unknown,
			struct fault *fault)
{
	struct receiver *receiver = context;
	struct fault problem = {0};
	int result = find_sharing_sender(&receiver->keys, start, ret_client, &problem, fault);

	(void)may_wait;
	(void)ret_unknown;
	log_fault(receiver, &problem);
	return result;
}

/* Locks state/serving. */
static int lock_serving(struct receiver *receiver, struct fault *fault)
{
	const struct layout *layout = receiver->settings.layout;
	struct fault failure = {0};

	if (lock_file(layout->state, "serving", LOCK_REFUSE, &receiver->lock_descriptor,
		      &failure) == 0)
		return 0;
	if (failure.class == FAULT_BUSY)
		return set_fault(fault, FAULT_BUSY,
				 "%s: another certpool receive runs on this layout: stop it first",
				 layout->path);
	return set_fault(fault, failure.class, "%s/state: %s", layout->path, failure.text);
}

static int open_verifier(const struct receiver_settings *settings, struct verifier *verifier,
			 struct fault *fault)
{
	CLEANUP(clear_roots) struct roots roots = {0};
	CLEANUP(clear_intermediates) struct intermediates known = {0};

	verifier->self = settings->client->name;
	verifier->message_limit = settings->client->message_limit;
	if (read_roots(settings->layout, &roots, fault) < 0 ||
	    read_intermediates(settings->layout, &known, fault) < 0 ||
	    new_chain_cache(&roots, &known, CHAIN_CACHE_MAX, &verifier->chain_cache, fault) < 0 ||
	    new_certificate_memory(&verifier->memory, fault) < 0)
		return -1;
	if (settings->crl_count > 0 &&
	    (new_crl_source(settings->crls, settings->crl_count, settings->layout->root_path,
			    &verifier->crl_source, fault) < 0 ||
	     fetch_crls_in_background(verifier->crl_source, fault) < 0))
		return -1;
	if (settings->online && new_status_cache(settings->layout, settings->client->name,
						 &settings->ca, &verifier->status_cache, fault) < 0)
		return -1;
	return 0;
}

int start_receiver(const struct receiver_settings *settings, struct receiver **ret_receiver,
		   struct fault *fault)
{
	CLEANUP(stop_receiver) struct receiver *receiver = calloc(1, sizeof(*receiver));
	struct http_server_settings server = {.listen = settings->listen,
					      .tls = settings->tls,
					      .context = receiver,
					      .most_per_address = settings->connections_per_address,
					      .log = settings->log,
					      .log_context = settings->log_context};

	if (receiver == NULL)
		return set_memory_fault(fault);
	receiver->settings = *settings;
	receiver->lock_descriptor = -1;
	pthread_mutex_init(&receiver->lock, NULL);
	receiver->routes[0] = (struct http_route){
		.method = "POST",
		.path = MESSAGES_PATH,
		.content_type = CONTENT_JOSE,
		/* M is base64 twice: 16/9 of its size. */
		.body_max = settings->client->message_limit / 9 * 16 + ENVELOPE_MAX,
		.handler = handle_message,
		.check_start = check_sender,
		/* Such a message may wait for the CA, for a large CRL that is verified, or for a
		   program. */
		.work = settings->online || settings->crl_count > 0 || settings->message_waits
				? WORK_LONG
				: WORK_SHORT,
	};
	receiver->routes[1] = (struct http_route){.method = "POST",
						  .path = KEY_PATH,
						  .content_type = CONTENT_JOSE,
						  .body_max = KEY_REQUEST_MAX,
						  .handler = handle_key,
						  .check_start = check_sender};
	server.routes = receiver->routes;
	if (lock_serving(receiver, fault) < 0 ||
	    sweep_staging(settings->layout->received, fault) < 0 ||
	    init_shared_keys(&receiver->keys, settings->layout, NULL, fault) < 0 ||
	    open_verifier(settings, &receiver->verifier, fault) < 0 ||
	    open_replay_log(settings->layout, read_clock(), &receiver->replay_log, fault) < 0 ||
	    start_http_server(&server, &receiver->server, fault) < 0)
		return -1;
	*ret_receiver = TAKE(receiver);
	return 0;
}

int reload_receiver_keys(struct receiver *receiver, struct fault *fault)
{
	return reload_shared_keys(&receiver->keys, fault);
}

const struct endpoint_list *receiver_endpoints(const struct receiver *receiver)
{
	return http_server_endpoints(receiver->server);
}

void stop_receiver(struct receiver **receiver_pointer)
{
	struct receiver *receiver = TAKE(*receiver_pointer);

	if (receiver == NULL)
		return;
	/* The server waits for the messages that it has begun to answer. */
	stop_status_cache(receiver->verifier.status_cache);
	stop_http_server(&receiver->server);
	free_replay_log(&receiver->replay_log);
	free_status_cache(&receiver->verifier.status_cache);
	free_crl_source(&receiver->verifier.crl_source);
	free_chain_cache(&receiver->verifier.chain_cache);
	free_certificate_memory(&receiver->verifier.memory);
	clear_shared_keys(&receiver->keys);
	close_descriptor(&receiver->lock_descriptor);
	pthread_mutex_destroy(&receiver->lock);
	free(receiver);
}
