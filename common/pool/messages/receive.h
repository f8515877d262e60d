#ifndef CERTPOOL_POOL_MESSAGES_RECEIVE_H
#define CERTPOOL_POOL_MESSAGES_RECEIVE_H

#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/net/server.h"
#include "common/wire/status.h"
#include "common/x509/certificate.h"

/*
 * Part 2, the receiver's side. A message is verified if
 *   - it decrypts under a shared key, and its JWS parses;
 *   - iss, if present, is the node whose shared key it came under, and aud is this node;
 *   - iat is within FRESHNESS_WINDOW_S of the clock;
 *   - M is at most message_limit octets;
 *   - its certificate chains to the pinned root, is in PROFILE_MEMBER and is valid now;
 *   - the signature is by that certificate's key;
 *   - with CRLs: the certificate and every other one of its path below the root is on none of them,
 *     and each issuer's CRL is there and current;
 *   - online: the CA says that the certificate is good;
 *   - its jti is new. The jti is remembered last, so that an unverified message changes nothing.
 * Every message that decrypts gets an encrypted answer with the verdict. One that names its
 * certificate by a digest (certificate_memory.h) which is not known is answered that it should come
 * again with the certificate; nobody else hears of it.
 */
struct received_message {
	const char *peer; /* the sender's node */
	bool verified;
	const char *reason;  /* why the message is not verified; "" if it is */
	const char *subject; /* of the signer's certificate; "" if that cannot be parsed */
	const char *serial;  /* the same certificate's, in hex */
	bool by_digest;      /* it named that certificate by a digest */
	int64_t iat_s;
	const char *jti;
	struct bytes payload; /* M; empty unless verified */
	const char *file;     /* in received/, with the signer's certificate; "" unless verified */
};

/*
 * Called for each message that decrypted, from one thread at a time. If it returns -1 (M could not
 * be passed on), the sender is told to try again and the jti is not remembered.
 */
typedef int message_function(void *context, const struct received_message *message,
			     struct fault *fault);

struct receiver_settings {
	const struct layout *layout;
	const struct client_node *client;
	struct endpoint_list listen; /* at least one; port 0: any free port */
	struct tls_slot *tls;        /* for https endpoints; outlives the receiver */
	bool online;                 /* ask the CA about each certificate (STATUS_CACHED_S) */
	struct endpoint ca;
	const char *const *crls; /* paths of files, or http URLs */
	size_t crl_count;        /* 0: consult no CRL */
	message_function *message;
	void *message_context;
	bool message_waits; /* for something outside this process */
	http_log *log;
	void *log_context;
	unsigned int connections_per_address; /* 0: the server's default */
};

struct receiver;

/*
 * Serves POST /v1/messages until stop_receiver. Saves the certificate of each verified message as
 * received/{serial}.crt. What the settings point to must outlive the receiver.
 * Errors: FAULT_BUSY if another receiver serves the layout (it holds the lock state/serving).
 */
int start_receiver(const struct receiver_settings *settings, struct receiver **ret_receiver,
		   struct fault *fault) MUST_CHECK;

/* Reads the keys that are shared with the senders again. On failure the previous keys stay. */
int reload_receiver_keys(struct receiver *receiver, struct fault *fault) MUST_CHECK;

/* Where it listens, with the actual ports. */
const struct endpoint_list *receiver_endpoints(const struct receiver *receiver);
void stop_receiver(struct receiver **receiver);

#endif
