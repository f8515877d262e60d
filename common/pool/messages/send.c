#include "common/pool/messages/send.h"

#include "common/base/clock.h"
#include "common/crypto/key_file.h"
#include "common/net/client/idle_clients.h"
#include "common/pool/members/take_key.h"
#include "common/wire/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sender {
	const struct layout *layout;
	const struct client_node *from;
	struct client_node to;
	struct message_signer *signer;
	struct shared_key key;
	struct shared_key old_key; /* before it; kid "": there is none */
	struct idle_clients idle_clients;
	struct known_certificates known;
	bool by_digest; /* once `known` has them, digests name certificates */
};

int new_sender(const struct layout *layout, const struct client_node *from,
	       const struct client_node *to, struct sender **ret_sender, struct fault *fault)
{
	const struct http_client_settings settings = {.endpoint = to->endpoint,
						      .roots = layout->root_path};
	CLEANUP(free_sender) struct sender *sender = calloc(1, sizeof(*sender));
	bool found;

	if (sender == NULL)
		return set_memory_fault(fault);
	init_idle_clients(&sender->idle_clients, &settings);
	init_known_certificates(&sender->known);
	sender->by_digest = from->pool.reuse.method != REUSE_ONCE_ONLY;
	sender->layout = layout;
	sender->from = from;
	sender->to = *to;
	if (read_sending_key(layout, to->name, read_clock(), &sender->key, fault) < 0 ||
	    read_old_key(layout, to->name, read_clock(), &sender->old_key, &found, fault) < 0 ||
	    new_message_signer(layout, from, &sender->signer, fault) < 0)
		return -1;
	set_signer_peer(sender->signer, to->name);
	*ret_sender = TAKE(sender);
	return 0;
}

void free_sender(struct sender **sender_pointer)
{
	struct sender *sender = TAKE(*sender_pointer);

	if (sender == NULL)
		return;
	clear_idle_clients(&sender->idle_clients);
	clear_known_certificates(&sender->known);
	free_message_signer(&sender->signer);
	clear_shared_key(&sender->key);
	clear_shared_key(&sender->old_key);
	free(sender);
}

void set_peer(struct sender *sender, const char *peer)
{
	set_signer_peer(sender->signer, peer);
}

void set_message_count(struct sender *sender, size_t count)
{
	set_signature_count(sender->signer, count);
}

void always_present_certificate(struct sender *sender)
{
	sender->by_digest = false;
}

/* A message that is ready to be sent, and the claims that its answer must name. */
struct outgoing_message {
	struct buffer jwe;
	struct message_claims claims;
	struct delivery delivery;
};

static void clear_outgoing_message(struct outgoing_message *message)
{
	clear_buffer(&message->jwe);
}

/* Signs M and encrypts the JWS. The claims may have a jti already. */
static int prepare_message(const struct sender *sender, const struct unsigned_message *content,
			   const struct message_claims *claims,
			   struct outgoing_message *ret_message, struct fault *fault)
{
	CLEANUP(wipe_buffer) struct buffer jws = {0};
	CLEANUP(clear_outgoing_message) struct outgoing_message message = {.claims = *claims};

	memcpy(message.claims.iss, sender->from->name, sizeof(message.claims.iss));
	memcpy(message.claims.aud, sender->to.name, sizeof(message.claims.aud));
	if (sign_as_member(sender->signer, content, &message.claims, &jws, &message.delivery.by,
			   fault) < 0 ||
	    encrypt_message(&sender->key, MESSAGE_TYPE, MESSAGE_CONTENT_TYPE, bytes_of_buffer(&jws),
			    &message.jwe, fault) < 0)
		return -1;
	MOVE(ret_message, message);
	return 0;
}

int make_message(struct sender *sender, struct bytes payload, size_t member, int64_t now_s,
		 struct buffer *ret_jwe, struct delivery *ret_delivery, struct fault *fault)
{
	const struct unsigned_message content = {.payload = payload, .member = member};
	const struct message_claims claims = {.iat_s = now_s};
	CLEANUP(clear_outgoing_message) struct outgoing_message message = {0};

	if (prepare_message(sender, &content, &claims, &message, fault) < 0)
		return -1;
	*ret_jwe = take_buffer(&message.jwe);
	*ret_delivery = message.delivery;
	return 0;
}

/* The key under which the JWE is: it may have been made before the key was rotated. */
static const struct shared_key *find_jwe_key(const struct sender *sender, struct bytes jwe)
{
	struct peer_key old = {.key = sender->old_key};
	const struct key_ring ring = {.keys = &old, .count = sender->old_key.kid[0] != '\0'};
	char peer[NAME_SIZE];
	struct fault ignored = {0};
	bool is_old = find_sender(&ring, jwe, peer, &ignored) == 0;

	clear_shared_key(&old.key);
	return is_old ? &sender->old_key : &sender->key;
}

/* Sends the JWE and reads the receiver's answer to this very JWE. The jti of the message is NULL if
   the caller does not know it. */
static int exchange_message(struct sender *sender, struct bytes jwe, const char *jti,
			    struct message_answer *ret_answer, struct fault *fault)
{
	CLEANUP(free_http_client) struct http_client *http = NULL;
	CLEANUP(clear_secret) struct secret json = {0};
	struct request_claims claims = {0};
	struct message_answer answer = {0};
	uint8_t sha256[SHA256_LEN];
	int result;

	if (!sender->to.has_endpoint)
		return set_fault(fault, FAULT_USAGE,
				 "%s: no endpoint in the manifest, so it receives no messages: "
				 "give it one (endpoint: http://HOST:PORT)",
				 sender->to.name);
	if (take_http_client(&sender->idle_clients, &http, fault) < 0)
		return -1;
	result = send_encrypted(http, &signed_message_kind, find_jwe_key(sender, jwe), jwe, &json,
				fault);
	return_http_client(&sender->idle_clients, &http);
	if (result < 0 || parse_message_answer(bytes_of_secret(&json), &answer, fault) < 0)
		return -1;
	digest_sha256(jwe, sha256);
	memcpy(claims.iss, sender->from->name, sizeof(claims.iss));
	memcpy(claims.aud, sender->to.name, sizeof(claims.aud));
	memcpy(claims.jti, jti != NULL ? jti : answer.claims.in_reply_to, sizeof(claims.jti));
	if (check_answer_claims(&answer.claims, &claims, sha256, fault) < 0)
		return -1;
	*ret_answer = answer;
	return 0;
}

/* A verdict: the certificate was in the message. */
static int read_verdict(const struct message_answer *answer, struct delivery *delivery,
			struct fault *fault)
{
	if (answer->certificate_wanted)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "the answer asks for a certificate that was in the message: it "
				 "is not sent again");
	delivery->verified = answer->verified;
	(void)snprintf(delivery->reason, sizeof(delivery->reason), "%s", answer->reason);
	return 0;
}

int deliver_message(struct sender *sender, struct bytes jwe, struct delivery *ret_delivery,
		    struct fault *fault)
{
	struct message_answer answer = {0};
	struct delivery delivery = {0};

	if (exchange_message(sender, jwe, NULL, &answer, fault) < 0 ||
	    read_verdict(&answer, &delivery, fault) < 0)
		return -1;
	*ret_delivery = delivery;
	return 0;
}

/* Makes a message, sends it, and notes whether the receiver remembers its certificate. */
static int try_message(struct sender *sender, const struct unsigned_message *content,
		       const struct message_claims *claims, struct outgoing_message *ret_message,
		       struct message_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_outgoing_message) struct outgoing_message message = {0};

	if (prepare_message(sender, content, claims, &message, fault) < 0 ||
	    exchange_message(sender, bytes_of_buffer(&message.jwe), message.claims.jti, ret_answer,
			     fault) < 0)
		return -1;
	if (content->known != NULL && (ret_answer->certificate_wanted || ret_answer->remembered))
		note_known_certificate(content->known, message.delivery.by.member,
				       message.delivery.by.sha256, ret_answer->remembered);
	MOVE(ret_message, message);
	return 0;
}

int send_message(struct sender *sender, struct bytes payload, size_t member, int64_t now_s,
		 struct delivery *ret_delivery, struct fault *fault)
{
	const struct message_claims claims = {.iat_s = now_s};
	struct unsigned_message content = {.payload = payload,
					   .member = member,
					   .known = sender->by_digest ? &sender->known : NULL};
	CLEANUP(clear_outgoing_message) struct outgoing_message first = {0};
	CLEANUP(clear_outgoing_message) struct outgoing_message second = {0};
	struct message_answer answer = {0};
	struct delivery delivery;

	if (try_message(sender, &content, &claims, &first, &answer, fault) < 0)
		return -1;
	delivery = first.delivery;
	if (answer.certificate_wanted && delivery.by.by_digest) {
		content.member = delivery.by.member;
		content.with_certificate = true;
		if (try_message(sender, &content, &first.claims, &second, &answer, fault) < 0)
			return -1;
		delivery = second.delivery;
	}
	if (read_verdict(&answer, &delivery, fault) < 0)
		return -1;
	*ret_delivery = delivery;
	return 0;
}

int take_receiver_key(struct sender *sender, int64_t now_s, struct fault *fault)
{
	const struct key_question question = {.layout = sender->layout,
					      .self = sender->from->name,
					      .peer = sender->to.name,
					      .clients = &sender->idle_clients};
	CLEANUP(close_descriptor) int lock = -1;
	struct fault busy = {0};

	/* Whoever works on the layout now is not waited for: the next sender asks again. */
	if (lock_layout(sender->layout, LOCK_REFUSE, &lock, &busy) < 0)
		return busy.class == FAULT_BUSY ? 0 : pass_fault(&busy, fault);
	return take_new_key(&question, now_s, fault);
}
