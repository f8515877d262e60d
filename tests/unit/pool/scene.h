#ifndef CERTPOOL_TESTS_UNIT_POOL_SCENE_H
#define CERTPOOL_TESTS_UNIT_POOL_SCENE_H

#include "common/crypto/shared_key.h"
#include "common/pool/messages/receive.h"
#include "common/pool/messages/send.h"
#include "tests/unit/pool/fake_ca.h"

#include <stdatomic.h>

/* The last message that a receiver reported, and how many it reported. */
struct message_reports {
	size_t count;
	size_t verified_count;
	bool refuse; /* fail on verified messages */
	char peer[NAME_SIZE];
	char reason[512];
	char subject[128];
	char serial[SERIAL_TEXT_SIZE];
	char jti[JTI_SIZE];
	int64_t iat_s;
	char payload[64];
	size_t payload_len;
};

/* A fixture with client1 as sender and client2 as receiver. */
struct scene {
	struct fixture fixture;
	struct message_reports reports;
	struct receiver *receiver;
	struct sender *sender;
	const char *crl; /* for receivers that are started; may be NULL */
	atomic_int log_count;
};

/* Starts a receiver for a client; online if ca is not NULL. */
int start_receiver_of(struct scene *scene, size_t client, const struct endpoint *ca,
		      struct receiver **ret_receiver, struct fault *fault);

/* Starts it as the scene's receiver, with a sender to it. */
void start_scene_receiver(struct scene *scene, size_t client, const struct endpoint *ca);

/* A certified pool of client1, and a receiver for client2. */
void open_scene(struct scene *scene, const struct endpoint *ca);
void close_scene(struct scene *scene);

/* A valid message, and the receiver's answer to a message. */
struct buffer make_jwe(struct scene *scene, const char *text);
struct delivery deliver_jwe(struct scene *scene, const struct buffer *jwe);

struct shared_key shared_key(const struct fixture *fixture, size_t client, const char *peer);

/* Encrypts any text under the key that client1 and client2 share. */
struct buffer encrypt_for_client2(const struct fixture *fixture, const char *typ, const char *cty,
				  struct bytes plaintext);

#endif
