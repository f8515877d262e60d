#ifndef CERTPOOL_POOL_MESSAGES_MESSAGE_SIGNER_H
#define CERTPOOL_POOL_MESSAGES_MESSAGE_SIGNER_H

#include "common/crypto/signed_message.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/pool/messages/certificate_memory.h"
#include "common/x509/certificate.h"

/*
 * Signs messages with the members of a pool, each of which is chosen by the pool's method
 * (choose_signer.h), and presents the certificates up to the root. Safe for several threads.
 */
struct message_signer;

/* layout and client must outlive it. Owns: free_message_signer. */
int new_message_signer(const struct layout *layout, const struct client_node *client,
		       struct message_signer **ret_signer, struct fault *fault) MUST_CHECK;
void free_message_signer(struct message_signer **signer);

/* With reuse: per-relying-party, members are chosen for this peer; "" before the first call. Shape:
   a valid_name. Before the first message. */
void set_signer_peer(struct message_signer *signer, const char *peer);

/* How many messages are about to be signed, if that is known (choose_signer.h). */
void set_signature_count(struct message_signer *signer, size_t count);

/* Who has signed. */
struct signed_by {
	size_t member; /* from 1 */
	char serial[SERIAL_TEXT_SIZE];
	bool by_digest;             /* the message names the certificate by its digest */
	uint8_t sha256[SHA256_LEN]; /* of the certificate, if `known` was given */
};

/* A message that is to be signed. */
struct unsigned_message {
	struct bytes payload;
	size_t member; /* 0: one is chosen */
	/* The certificates that the receiver remembers: a digest names them. NULL: none. */
	struct known_certificates *known;
	bool with_certificate; /* even so */
};

/*
 * Signs M. The claims are iss and aud as given ("" in both: a sealed message), the time, and the
 * jti; a fresh one if that is "".
 * Errors: FAULT_TOO_LARGE over the client's message_limit; those of open_signer and choose_signer.
 */
int sign_as_member(const struct message_signer *signer, const struct unsigned_message *message,
		   struct message_claims *claims, struct buffer *ret_jws, struct signed_by *ret_by,
		   struct fault *fault) MUST_CHECK;

#endif
