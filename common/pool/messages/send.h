#ifndef CERTPOOL_POOL_MESSAGES_SEND_H
#define CERTPOOL_POOL_MESSAGES_SEND_H

#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/x509/certificate.h"

/*
 * Part 2, client 1's half: (M, signature, certificate), signed by a member of the pool and
 * encrypted under the key shared with the receiver. Safe for several threads: each exchange that
 * goes on at a time has a kept-alive connection of its own. Several may work on one layout.
 */
struct sender;

/* layout and from must outlive the sender. FAULT_NOT_FOUND without a shared key; FAULT_USAGE when
   the receiver has no endpoint (only deliver_message and send_message need one: then they fail so).
 */
int new_sender(const struct layout *layout, const struct client_node *from,
	       const struct client_node *to, struct sender **ret_sender,
	       struct fault *fault) MUST_CHECK;
void free_sender(struct sender **sender);

/* What became of a message. */
struct delivery {
	size_t member;                 /* who signed it; 0 when delivered from a JWE */
	char serial[SERIAL_TEXT_SIZE]; /* of that member's certificate */
	bool verified;                 /* the receiver's verdict, authenticated */
	char reason[512];              /* the receiver's, when not verified */
};

/* Makes the JWE of one message without sending it. member 0: draws one. FAULT_TOO_LARGE over the
   sender's message_limit. */
int make_message(struct sender *sender, struct bytes payload, size_t member, int64_t now_s,
		 struct buffer *ret_jwe, struct delivery *ret_delivery,
		 struct fault *fault) MUST_CHECK;

/* Sends a JWE that was made before. */
int deliver_message(struct sender *sender, struct bytes jwe, struct delivery *ret_delivery,
		    struct fault *fault) MUST_CHECK;

/* Both: and the receiver's answer must name this message. */
int send_message(struct sender *sender, struct bytes payload, size_t member, int64_t now_s,
		 struct delivery *ret_delivery, struct fault *fault) MUST_CHECK;

#endif
