#ifndef CERTPOOL_POOL_MESSAGES_SEND_H
#define CERTPOOL_POOL_MESSAGES_SEND_H

#include "common/pool/messages/message_signer.h"

/*
 * Part 2, the sender's side: (M, signature, certificate), signed by a member of the pool and
 * encrypted under the key shared with the receiver. Safe for several threads, each of which gets a
 * kept-alive connection of its own. Several processes may send from one layout.
 */
struct sender;

/*
 * A sender from one client to another. layout and from must outlive it.
 * Errors: FAULT_NOT_FOUND without a shared key. A receiver without an endpoint is no error here:
 * make_message works, deliver_message and send_message return FAULT_USAGE.
 */
int new_sender(const struct layout *layout, const struct client_node *from,
	       const struct client_node *to, struct sender **ret_sender,
	       struct fault *fault) MUST_CHECK;
void free_sender(struct sender **sender);

/* With reuse: per-relying-party, members are chosen for this peer, and not for the receiver. Shape:
   a valid_name. Before the first message. */
void set_peer(struct sender *sender, const char *peer);

/* How many messages are about to be made, if that is known (choose_signer.h). */
void set_message_count(struct sender *sender, size_t count);

/* The outcome of one message. */
struct delivery {
	struct signed_by by; /* member 0 and serial "" from deliver_message */
	bool verified;       /* the receiver's verdict, authenticated */
	char reason[512];    /* the receiver's reason if not verified */
};

/*
 * Makes the JWE of a message without sending it. member is the signer's index; 0 has one
 * chosen by the pool's method (choose_signer).
 * Errors: FAULT_TOO_LARGE over the sender's message_limit; those of open_signer and choose_signer.
 */
int make_message(struct sender *sender, struct bytes payload, size_t member, int64_t now_s,
		 struct buffer *ret_jwe, struct delivery *ret_delivery,
		 struct fault *fault) MUST_CHECK;

/*
 * Sends a JWE of make_message and waits for the verdict.
 * Errors: those of send_encrypted; FAULT_UNVERIFIED if the answer is not the receiver's to this
 * JWE.
 */
int deliver_message(struct sender *sender, struct bytes jwe, struct delivery *ret_delivery,
		    struct fault *fault) MUST_CHECK;

/* make_message, then deliver_message; the answer must also name this message's jti. */
int send_message(struct sender *sender, struct bytes payload, size_t member, int64_t now_s,
		 struct delivery *ret_delivery, struct fault *fault) MUST_CHECK;

/* Asks the receiver about the shared key (take_new_key), for the next sender; not while another
   process has the layout's lock. */
int take_receiver_key(struct sender *sender, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
