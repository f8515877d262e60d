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

/* Presents the certificate with every message. Otherwise a digest names one that the receiver has
   said it remembers, unless the pool is once_only, where none comes again. Before the first
   message. */
void always_present_certificate(struct sender *sender);

/* The outcome of one message. */
struct delivery {
	struct signed_by by; /* member 0 and serial "" from deliver_message */
	bool verified;       /* the receiver's verdict, authenticated */
	char reason[512];    /* the receiver's reason if not verified */
};

/*
 * Makes the JWE of a message without sending it, with its certificate. member is the signer's
 * index; 0 has one chosen by the pool's method (choose_signer). Errors: FAULT_TOO_LARGE over the
 * sender's message_limit; those of open_signer and choose_signer.
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

/*
 * Makes a message and sends it; the answer must also name this message's jti. A receiver that does
 * not know the certificate of the message's digest gets it once more, with the certificate, of the
 * same member and the same jti: it can be taken once only.
 */
int send_message(struct sender *sender, struct bytes payload, size_t member, int64_t now_s,
		 struct delivery *ret_delivery, struct fault *fault) MUST_CHECK;

/* Asks the receiver about the shared key (take_new_key), for the next sender; not while another
   process has the layout's lock. */
int take_receiver_key(struct sender *sender, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
