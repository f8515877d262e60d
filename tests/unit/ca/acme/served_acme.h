#ifndef CERTPOOL_TESTS_UNIT_CA_ACME_SERVED_ACME_H
#define CERTPOOL_TESTS_UNIT_CA_ACME_SERVED_ACME_H

#include "common/ca/acme/accounts.h"
#include "common/ca/acme/acme.h"
#include "tests/unit/ca/fixture.h"

/* An ACME server without sockets, of a CA whose client "strict" has an account: a request goes in,
   an answer comes out. */
#define BASE "https://127.0.0.1:8443"

struct served_acme {
	struct ca_fixture fixture;
	struct shared_keys keys;
	struct acme *acme;
	struct private_key *account_key;
	struct acme_account account;
	char kid[128]; /* the URL of the account */
};

/* challenged: the client has to show its names by http-01, at that port of its hosts, and may have
   UNATTENDED_ADDRESS, too; 0: it has not. */
#define UNATTENDED_ADDRESS "127.9.9.9"
void serve_acme_alone(struct served_acme *served, size_t challenged);
void stop_acme_alone(struct served_acme *served);

struct store *served_store(const struct served_acme *served);

struct answered {
	struct http_response response;
	struct acme_outcome outcome;
};

void clear_answered(struct answered *answered);

/* The first field of that name; "": there is none. */
const char *find_field(const struct answered *answered, const char *name);

/* A member of the answer, a text; "": it has none. Shape: ret_text has room for `size`. */
void copy_answer_text(const struct answered *answered, const char *name, char *ret_text,
		      size_t size);

void append_public_jwk(const struct private_key *key, struct buffer *text);

/* A JWS under a fresh nonce; kid "": with the key itself. */
struct buffer sign_request(const struct served_acme *served, const struct private_key *key,
			   const char *kid, const char *path, const char *payload);

/* Asks by a key. wait_s: as answer_acme_post has it. */
struct acme_asker {
	const struct private_key *key;
	const char *kid;
	int64_t wait_s;
};

void ask_as(const struct served_acme *served, const struct acme_asker *asker, const char *path,
	    const char *payload, struct answered *ret_answered);

/* Asks as the account. `url` is a path, or a URL of the server's. */
void ask(const struct served_acme *served, const char *url, const char *payload,
	 struct answered *ret_answered);

/* newAccount of that key, bound to the client "strict". */
void make_bound_request(struct served_acme *served, const struct private_key *key,
			struct buffer *ret_payload);

/* A new order of strict-1.example: a member of it, a URL. */
void make_order(const struct served_acme *served, const char *member, char *ret_url, size_t size);

/* A finalize for it, with a fresh key. */
void make_finalize(struct buffer *ret_payload);

#endif
