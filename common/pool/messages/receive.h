#ifndef CERTPOOL_POOL_MESSAGES_RECEIVE_H
#define CERTPOOL_POOL_MESSAGES_RECEIVE_H

#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/net/server.h"
#include "common/wire/status.h"
#include "common/x509/certificate.h"

/*
 * Part 2, client 2's half. A message is verified when: it decrypts under a key that we share; its
 * JWS parses; iss, when there, is the node whose key it came under, and aud is us; iat is within
 * the window; its certificate chains to the pinned root, is in its profile and valid now; the
 * signature is by that certificate's key; its jti is new; M is within our limit; with a CRL, the
 * certificate is not on it, and it is current; and, online, the CA says that the certificate is
 * good. Checked in an order in which nothing is remembered of what
 * is not verified: the jti is remembered last. Whatever decrypts is answered, encrypted, with the
 * verdict.
 */
struct received_message {
	const char *peer;
	bool verified;
	const char *reason;  /* why not; "" when verified */
	const char *subject; /* of the certificate; "" when there is none to be read */
	const char *serial;  /* hex */
	int64_t iat_s;
	const char *jti;
	struct bytes payload; /* M; empty unless verified */
};

/*
 * Told of each message that decrypted, from one thread at a time. -1 (M could not be handed on):
 * the sender is told that the message was not taken, and its jti is not remembered.
 */
typedef int message_function(void *context, const struct received_message *message,
			     struct fault *fault);

struct receiver_settings {
	const struct layout *layout;
	const struct client_node *client;
	struct endpoint endpoint; /* where to listen; port 0: any */
	bool online;              /* ask the CA about each certificate (kept for a few seconds) */
	struct endpoint ca;
	const char *crl; /* a file or an http URL; NULL: none is asked */
	message_function *message;
	void *message_context;
	http_log *log;
	void *log_context;
};

struct receiver;

/*
 * Serves POST /v1/messages until freed. The certificate of each verified message is saved as
 * received/{serial}.crt. A second receiver on one layout: FAULT_BUSY (state/serving is locked).
 */
int start_receiver(const struct receiver_settings *settings, struct receiver **ret_receiver,
		   struct fault *fault) MUST_CHECK;
const struct endpoint *receiver_endpoint(const struct receiver *receiver);
void stop_receiver(struct receiver **receiver);

#endif
