#ifndef CERTPOOL_TESTS_UNIT_CA_SERVED_H
#define CERTPOOL_TESTS_UNIT_CA_SERVED_H

#include "common/ca/service/service.h"
#include "common/net/client/client.h"
#include "common/wire/certificates.h"
#include "common/wire/envelope.h"
#include "common/wire/status.h"
#include "tests/unit/ca/fixture.h"

#include <pthread.h>

enum { PEER_COUNT = 3 };
extern const char *const peers[PEER_COUNT];

/* A serving CA, and the keys that it shares with client1, client2 and "stranger", which is not in
   its manifest. */
struct served {
	struct ca_fixture ca;
	struct ca_service *service;
	struct shared_key keys[PEER_COUNT];
	int64_t now_s;
	pthread_mutex_t lock;
	char log[8192]; /* a line for each call */
};

void start_served(struct served *served);
void stop_served(struct served *served);

/* Makes a key for the peer, and the CA's copy of it. */
void add_key(const struct served *served, const char *peer, struct shared_key *ret_key);

/* Whether a line of the log contains this. */
bool logged(struct served *served, const char *part);

struct http_client *new_served_client(const struct served *served);

/* One exchange on a connection of its own; body.data NULL is a GET. */
void exchange_body(const struct served *served, const char *path, const char *content_type,
		   struct bytes body, struct http_answer *ret_answer);

struct buffer encrypt_text(const struct shared_key *key, const char *typ, const char *plaintext);

/* The same under one content key: two of them begin alike, up to the second point. */
struct buffer encrypt_alike(const struct shared_key *key, const char *typ, struct bytes plaintext);

/* A request of client1 for `count` fresh keys. */
struct secret make_request_json(const struct served *served, size_t count);

/* Asks with this plaintext, JSON, under the key. Gives the plaintext of the answer, and the SHA-256
   of the request. */
struct secret ask_json(const struct served *served, const struct message_kind *kind,
		       const struct shared_key *key, struct bytes plaintext,
		       uint8_t ret_sha256[static SHA256_LEN]);

/* Asks for certificates with this plaintext. */
void ask_certificates(const struct served *served, const struct shared_key *key,
		      struct bytes plaintext, struct certificates_answer *ret_answer);

/* Asks for the status of a certificate, as the peer of that index. */
void ask_about(const struct served *served, size_t peer, struct bytes pem,
	       struct status_answer *ret_answer);

#endif
