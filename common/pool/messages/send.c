#include "common/pool/messages/send.h"

#include "common/crypto/key_file.h"
#include "common/pool/members/trust.h"
#include "common/pool/messages/signer_cache.h"
#include "common/wire/envelope.h"
#include "common/wire/message_answer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Connections that are kept while nobody uses them. */
enum { IDLE_MAX = 16 };

struct sender {
	const struct layout *layout;
	const struct client_node *from;
	struct client_node to;
	struct shared_key key;
	struct certificate *root; /* NULL without intermediates */
	struct intermediates chain;
	struct signer_cache *signers;
	pthread_mutex_t lock; /* for all below */
	struct http_client *idle[IDLE_MAX];
	size_t idle_count;
};

/* Where the path to the root goes through intermediates, receivers have to be told of them. */
static int read_chain(struct sender *sender, struct fault *fault)
{
	if (read_intermediates(sender->layout, &sender->chain, fault) < 0)
		return -1;
	return sender->chain.count > 0 ? read_root(sender->layout, &sender->root, fault) : 0;
}

int new_sender(const struct layout *layout, const struct client_node *from,
	       const struct client_node *to, struct sender **ret_sender, struct fault *fault)
{
	CLEANUP(free_sender) struct sender *sender = calloc(1, sizeof(*sender));

	if (sender == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&sender->lock, NULL);
	sender->layout = layout;
	sender->from = from;
	sender->to = *to;
	if (read_shared_key(layout, to->name, &sender->key, fault) < 0 ||
	    read_chain(sender, fault) < 0 ||
	    new_signer_cache(layout, from->pool.size, &sender->signers, fault) < 0)
		return -1;
	*ret_sender = TAKE(sender);
	return 0;
}

void free_sender(struct sender **sender_pointer)
{
	struct sender *sender = TAKE(*sender_pointer);

	if (sender == NULL)
		return;
	while (sender->idle_count > 0)
		free_http_client(&sender->idle[--sender->idle_count]);
	free_signer_cache(&sender->signers);
	free_certificate(&sender->root);
	clear_intermediates(&sender->chain);
	clear_shared_key(&sender->key);
	pthread_mutex_destroy(&sender->lock);
	free(sender);
}

static int choose_signer(const struct sender *sender, size_t index, int64_t now_s,
			 struct signer **ret_signer, struct fault *fault)
{
	if (index == 0)
		return draw_signer(sender->signers, now_s, ret_signer, fault);
	return open_signer(sender->signers, index, now_s, ret_signer, fault);
}

/* The member's certificate, its issuer's, and so on, without the root (RFC 7515 section 4.1.6). */
static size_t list_path(const struct sender *sender, const struct certificate *certificate,
			struct bytes ret_path[static CHAIN_MAX])
{
	const struct certificate *const *chain = intermediate_certificates(&sender->chain);
	const struct certificate *next = certificate;
	size_t count = 0;

	do {
		ret_path[count++] = certificate_der(next);
		next = sender->root != NULL
			       ? find_issuer(sender->root, chain, sender->chain.count, next)
			       : NULL;
	} while (next != NULL && next != sender->root && count < CHAIN_MAX);
	return count;
}

/* Signs M with the member's key: the JWS. */
static int sign_payload(const struct sender *sender, const struct member *member,
			struct bytes payload, int64_t now_s, struct message_claims *ret_claims,
			struct buffer *ret_jws, struct fault *fault)
{
	struct bytes path[CHAIN_MAX];
	size_t count = list_path(sender, member->certificate, path);
	struct message_claims claims = {.iat_s = now_s};

	memcpy(claims.iss, sender->from->name, sizeof(claims.iss));
	memcpy(claims.aud, sender->to.name, sizeof(claims.aud));
	if (generate_jti(claims.jti, fault) < 0 ||
	    sign_message(member->key, &claims, path, count, payload, ret_jws, fault) < 0)
		return -1;
	*ret_claims = claims;
	return 0;
}

/* A message that is ready to be sent, and how it is recognised in the answer. */
struct sealed_message {
	struct buffer jwe;
	struct message_claims claims;
	struct delivery delivery;
};

static void clear_sealed_message(struct sealed_message *message)
{
	clear_buffer(&message->jwe);
}

static int seal_message(const struct sender *sender, struct bytes payload, size_t index,
			int64_t now_s, struct sealed_message *ret_message, struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;
	CLEANUP(clear_buffer) struct buffer jws = {0};
	CLEANUP(clear_sealed_message) struct sealed_message message = {0};

	if (payload.len > sender->from->message_limit)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "the message: expected at most %zu octets (%s's message_limit in "
				 "the manifest), found %zu",
				 sender->from->message_limit, sender->from->name, payload.len);
	if (choose_signer(sender, index, now_s, &signer, fault) < 0 ||
	    sign_payload(sender, &signer->member, payload, now_s, &message.claims, &jws, fault) <
		    0 ||
	    encrypt_message(&sender->key, MESSAGE_TYPE, MESSAGE_CONTENT_TYPE, bytes_of_buffer(&jws),
			    &message.jwe, fault) < 0)
		return -1;
	message.delivery.member = signer->member.index;
	format_serial(certificate_serial(signer->member.certificate), message.delivery.serial);
	MOVE(ret_message, message);
	return 0;
}

int make_message(struct sender *sender, struct bytes payload, size_t member, int64_t now_s,
		 struct buffer *ret_jwe, struct delivery *ret_delivery, struct fault *fault)
{
	CLEANUP(clear_sealed_message) struct sealed_message message = {0};

	if (seal_message(sender, payload, member, now_s, &message, fault) < 0)
		return -1;
	*ret_jwe = take_buffer(&message.jwe);
	*ret_delivery = message.delivery;
	return 0;
}

/* A connection that nobody uses, or a new one. */
static int take_connection(struct sender *sender, struct http_client **ret_http,
			   struct fault *fault)
{
	const struct http_client_settings settings = {.endpoint = sender->to.endpoint};
	struct http_client *http = NULL;

	pthread_mutex_lock(&sender->lock);
	if (sender->idle_count > 0)
		http = sender->idle[--sender->idle_count];
	pthread_mutex_unlock(&sender->lock);
	if (http == NULL)
		return new_http_client(&settings, ret_http, fault);
	*ret_http = http;
	return 0;
}

static void return_connection(struct sender *sender, struct http_client **http)
{
	pthread_mutex_lock(&sender->lock);
	if (sender->idle_count < IDLE_MAX)
		sender->idle[sender->idle_count++] = TAKE(*http);
	pthread_mutex_unlock(&sender->lock);
	free_http_client(http);
}

/* Sends, and gets what the receiver says, decrypted. */
static int deliver_jwe(struct sender *sender, struct bytes jwe, struct secret *ret_json,
		       struct fault *fault)
{
	CLEANUP(free_http_client) struct http_client *http = NULL;
	int result;

	if (!sender->to.has_endpoint)
		return set_fault(fault, FAULT_USAGE,
				 "%s: no endpoint in the manifest, so it receives no messages: "
				 "give it one (endpoint: http://HOST:PORT)",
				 sender->to.name);
	if (take_connection(sender, &http, fault) < 0)
		return -1;
	result = send_encrypted(http, &signed_message_kind, &sender->key, jwe, ret_json, fault);
	return_connection(sender, &http);
	return result;
}

/* Sends; the answer must be the receiver's to this very JWE. jti NULL: we do not know the JWS's. */
static int exchange_message(struct sender *sender, struct bytes jwe, const char *jti,
			    struct message_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret json = {0};
	struct request_claims claims = {0};
	struct message_answer answer = {0};
	uint8_t sha256[SHA256_LEN];

	digest_sha256(jwe, sha256);
	if (deliver_jwe(sender, jwe, &json, fault) < 0 ||
	    parse_message_answer(bytes_of_secret(&json), &answer, fault) < 0)
		return -1;
	memcpy(claims.iss, sender->from->name, sizeof(claims.iss));
	memcpy(claims.aud, sender->to.name, sizeof(claims.aud));
	memcpy(claims.jti, jti != NULL ? jti : answer.claims.in_reply_to, sizeof(claims.jti));
	if (check_answer_claims(&answer.claims, &claims, sha256, fault) < 0)
		return -1;
	*ret_answer = answer;
	return 0;
}

static void note_verdict(struct delivery *delivery, const struct message_answer *answer)
{
	delivery->verified = answer->verified;
	(void)snprintf(delivery->reason, sizeof(delivery->reason), "%s", answer->reason);
}

int deliver_message(struct sender *sender, struct bytes jwe, struct delivery *ret_delivery,
		    struct fault *fault)
{
	struct message_answer answer = {0};

	if (exchange_message(sender, jwe, NULL, &answer, fault) < 0)
		return -1;
	*ret_delivery = (struct delivery){0};
	note_verdict(ret_delivery, &answer);
	return 0;
}

int send_message(struct sender *sender, struct bytes payload, size_t member, int64_t now_s,
		 struct delivery *ret_delivery, struct fault *fault)
{
	CLEANUP(clear_sealed_message) struct sealed_message message = {0};
	struct message_answer answer = {0};

	if (seal_message(sender, payload, member, now_s, &message, fault) < 0 ||
	    exchange_message(sender, bytes_of_buffer(&message.jwe), message.claims.jti, &answer,
			     fault) < 0)
		return -1;
	*ret_delivery = message.delivery;
	note_verdict(ret_delivery, &answer);
	return 0;
}
