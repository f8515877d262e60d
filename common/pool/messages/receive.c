#include "common/pool/messages/receive.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/crypto/key_file.h"
#include "common/net/http.h"
#include "common/pool/members/trust.h"
#include "common/pool/messages/replay_log.h"
#include "common/pool/messages/verify_received.h"
#include "common/wire/envelope.h"
#include "common/wire/message_answer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What surrounds M in a JWE, besides base64 twice: the certificates, two headers, two signatures.
 */
enum { ENVELOPE_MAX = 65536 };

struct receiver {
	struct receiver_settings settings;
	int serving; /* the lock */
	struct key_ring ring;
	struct verifier judge;
	struct replay_log *seen;
	pthread_mutex_t lock; /* one message at a time is handed on */
	struct http_route routes[2];
	struct http_server *server;
};

static void log_fault(const struct receiver *receiver, const struct fault *fault)
{
	if (receiver->settings.log != NULL)
		receiver->settings.log(receiver->settings.log_context, "POST", MESSAGES_PATH, 200,
				       fault->text);
}

/* Saves the signer's certificate as received/{serial}.crt, unless it is there. */
static int save_certificate(const struct receiver *receiver, const struct certificate *certificate,
			    struct fault *fault)
{
	const struct layout *layout = receiver->settings.layout;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	char serial[SERIAL_TEXT_SIZE];
	char name[FILE_NAME_SIZE];

	format_serial(certificate_serial(certificate), serial);
	(void)snprintf(name, sizeof(name), "%s.crt", serial);
	if (file_exists(layout->received, name))
		return 0;
	if (format_certificate_pem(certificate_der(certificate), &pem, fault) < 0)
		return -1;
	if (write_file(layout->received, name, STAGE_NEW, 0644, bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/received", layout->path);
	return 0;
}

static int tell_message(const struct receiver *receiver, const char *peer,
			const struct verified_message *judged, struct fault *fault)
{
	const struct signed_message *message = &judged->message;
	const struct certificate *certificate = signer_certificate(judged);
	char serial[SERIAL_TEXT_SIZE] = "";
	struct received_message told = {
		.peer = peer,
		.verified = !judged->verdict.invalid,
		.reason = judged->verdict.reason,
		.subject = "",
		.serial = serial,
		.iat_s = message->claims.iat_s,
		.jti = message->claims.jti,
	};

	if (certificate != NULL) {
		told.subject = certificate_subject(certificate);
		format_serial(certificate_serial(certificate), serial);
	}
	if (told.verified)
		told.payload = bytes_of_buffer(&message->payload);
	return receiver->settings.message(receiver->settings.message_context, &told, fault);
}

/* Hands a valid message on, if it is new. Its jti is remembered only if that succeeds. */
static int take_new_message(struct receiver *receiver, const char *peer, int64_t now_s,
			    struct verified_message *judged, struct fault *fault)
{
	const struct message_claims *claims = &judged->message.claims;
	struct fault second = {0};
	bool is_new;

	if (remember_jti(receiver->seen, claims->jti, claims->iat_s, now_s, &is_new, fault) < 0)
		return -1;
	if (!is_new) {
		reject_because(&judged->verdict, "jti: this message was taken before");
		return tell_message(receiver, peer, judged, fault);
	}
	if (save_certificate(receiver, signer_certificate(judged), fault) == 0 &&
	    tell_message(receiver, peer, judged, fault) == 0)
		return 0;
	if (forget_jti(receiver->seen, claims->jti, &second) < 0)
		log_fault(receiver, &second);
	return -1;
}

static int take_message(struct receiver *receiver, const char *peer, int64_t now_s,
			struct verified_message *judged, struct fault *fault)
{
	int result;

	pthread_mutex_lock(&receiver->lock);
	result = judged->verdict.invalid ? tell_message(receiver, peer, judged, fault)
					 : take_new_message(receiver, peer, now_s, judged, fault);
	pthread_mutex_unlock(&receiver->lock);
	return result;
}

static int answer_message(const struct receiver *receiver, const struct question *question,
			  const struct verified_message *judged, int64_t now_s,
			  struct http_response *response, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret json = {0};
	struct message_answer answer = {.verified = !judged->verdict.invalid};
	struct request_claims request = {0};

	memcpy(request.jti, judged->message.claims.jti, sizeof(request.jti));
	answer.claims =
		make_answer_claims(&request, question->sha256, receiver->settings.client->name,
				   question->message.peer, now_s);
	memcpy(answer.reason, judged->verdict.reason, sizeof(answer.reason));
	if (format_message_answer(&answer, &json, fault) < 0)
		return -1;
	return answer_request(&receiver->ring, &signed_message_kind, question,
			      bytes_of_secret(&json), response, fault);
}

/* Whatever decrypts is answered with a verdict, also when we fail: then it is not taken. */
static int handle_message(const struct http_request *request, struct http_response *response,
			  void *context, struct fault *fault)
{
	struct receiver *receiver = context;
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_verified_message) struct verified_message judged = {0};
	int64_t now_s = read_clock();
	struct fault failure = {0};

	if (open_request(&receiver->ring, &signed_message_kind, request->body, &question, fault) <
	    0)
		return -1;
	if (verify_received(&receiver->judge, question.message.peer,
			    bytes_of_secret(&question.message.plaintext), now_s, &judged,
			    &failure) < 0 ||
	    take_message(receiver, question.message.peer, now_s, &judged, &failure) < 0) {
		log_fault(receiver, &failure);
		reject_because(
			&judged.verdict,
			"the message could not be taken, for a reason that the receiver's log "
			"has: send it again");
	}
	return answer_message(receiver, &question, &judged, now_s, response, fault);
}

/* Takes state/serving. */
static int lock_serving(struct receiver *receiver, struct fault *fault)
{
	const struct layout *layout = receiver->settings.layout;
	struct fault found = {0};

	if (lock_file(layout->state, "serving", LOCK_REFUSE, &receiver->serving, &found) == 0)
		return 0;
	if (found.class == FAULT_BUSY)
		return set_fault(fault, FAULT_BUSY,
				 "%s: another certpool receive runs on this layout: stop it first",
				 layout->path);
	return set_fault(fault, found.class, "%s/state: %s", layout->path, found.text);
}

static int open_judge(struct receiver *receiver, struct fault *fault)
{
	const struct receiver_settings *settings = &receiver->settings;
	CLEANUP(free_certificate) struct certificate *root = NULL;

	receiver->judge.self = settings->client->name;
	receiver->judge.message_limit = settings->client->message_limit;
	if (read_root(settings->layout, &root, fault) < 0 ||
	    new_chain_cache(&root, CHAIN_CACHE_MAX, &receiver->judge.verified, fault) < 0 ||
	    (settings->crl != NULL &&
	     new_crl_source(settings->crl, &receiver->judge.crl, fault) < 0))
		return -1;
	if (!settings->online)
		return 0;
	return new_status_cache(settings->layout, settings->client->name, &settings->ca,
				&receiver->judge.online, fault);
}

static int start_server(struct receiver *receiver, struct fault *fault)
{
	const struct receiver_settings *settings = &receiver->settings;
	struct http_server_settings server = {.endpoint = settings->endpoint,
					      .routes = receiver->routes,
					      .context = receiver,
					      .log = settings->log,
					      .log_context = settings->log_context};

	receiver->routes[0] = (struct http_route){
		.method = "POST",
		.path = MESSAGES_PATH,
		.content_type = CONTENT_JOSE,
		.body_max = settings->client->message_limit / 9 * 16 + ENVELOPE_MAX,
		.handler = handle_message,
	};
	return start_http_server(&server, &receiver->server, fault);
}

int start_receiver(const struct receiver_settings *settings, struct receiver **ret_receiver,
		   struct fault *fault)
{
	CLEANUP(stop_receiver) struct receiver *receiver = calloc(1, sizeof(*receiver));

	if (receiver == NULL)
		return set_memory_fault(fault);
	receiver->settings = *settings;
	receiver->serving = -1;
	pthread_mutex_init(&receiver->lock, NULL);
	if (lock_serving(receiver, fault) < 0 ||
	    sweep_staging(settings->layout->received, fault) < 0 ||
	    read_key_ring(settings->layout, &receiver->ring, fault) < 0 ||
	    open_judge(receiver, fault) < 0 ||
	    open_replay_log(settings->layout, read_clock(), &receiver->seen, fault) < 0 ||
	    start_server(receiver, fault) < 0)
		return -1;
	*ret_receiver = TAKE(receiver);
	return 0;
}

const struct endpoint *receiver_endpoint(const struct receiver *receiver)
{
	return http_server_endpoint(receiver->server);
}

void stop_receiver(struct receiver **receiver_pointer)
{
	struct receiver *receiver = TAKE(*receiver_pointer);

	if (receiver == NULL)
		return;
	stop_http_server(&receiver->server);
	free_replay_log(&receiver->seen);
	free_status_cache(&receiver->judge.online);
	free_crl_source(&receiver->judge.crl);
	free_chain_cache(&receiver->judge.verified);
	clear_key_ring(&receiver->ring);
	close_descriptor(&receiver->serving);
	pthread_mutex_destroy(&receiver->lock);
	free(receiver);
}
