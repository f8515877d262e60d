#ifndef CERTPOOL_CA_ACME_EXCHANGE_H
#define CERTPOOL_CA_ACME_EXCHANGE_H

#include "common/ca/acme/acme.h"
#include "common/ca/acme/nonces.h"
#include "common/ca/acme/orders.h"
#include "common/ca/acme/validator.h"

#include <pthread.h>

/* What the answers have in common. For this folder. */

struct acme {
	struct acme_settings settings;
	struct nonces *nonces;
	struct validator *validator; /* NULL: no client was challenged so far */
	pthread_mutex_t lock;        /* of the validator's beginning, and of: */
	char *challenged;            /* set_acme_challenged */
	_Atomic bool ready;          /* the base is set */
	char base[ACME_BASE_SIZE];   /* ends with ACME_PATH */
};

/* One request that has been authenticated, and its answer. */
struct acme_exchange {
	struct acme *acme;
	const struct http_request *request;
	struct http_response *response;
	struct flattened_jws jws;
	bool has_account; /* else the request is by jws.key */
	bool client_pays; /* somebody has shown a key of a client, of its account, or of one of its
			     certificates */
	struct acme_account account;
	int64_t now_s;
	struct refusal problem; /* the answer is this error, unless its type is "" */
};

/* Makes the answer to a request; `rest` is the end of its path. -1: the CA failed. */
typedef int acme_function(struct acme_exchange *exchange, const char *rest, struct fault *fault);

acme_function answer_new_account;
acme_function answer_account;
acme_function answer_orders;
acme_function answer_key_change;
acme_function answer_new_order;
acme_function answer_order;
acme_function answer_finalize;
acme_function answer_authorization;
acme_function answer_challenge;
acme_function answer_certificate;
acme_function answer_revocation;

/* The account's keys for tokens; 0 of them when the CA shares no key with its client any more.
   Errors: derive_from_shared_keys. */
int derive_order_keys(const struct acme_exchange *exchange,
		      struct derived_key ret_keys[static DERIVED_KEYS_MAX], size_t *ret_count,
		      struct fault *fault) MUST_CHECK;

/* Reads the token in a path. The exchange has a problem unless it is the account's, and has not
   expired. Owns: clear_acme_order. */
int read_token(struct acme_exchange *exchange, enum token_kind kind, const char *text,
	       struct acme_order *ret_order, struct fault *fault) MUST_CHECK;

/* Whether policy allows names and profile now; the exchange has a problem, and the log a line,
   otherwise. */
int check_by_policy(struct acme_exchange *exchange, const struct order_request *request,
		    struct fault *fault) MUST_CHECK;

/* Whether the account's client has to show that it has its names. */
bool is_account_challenged(const struct acme_exchange *exchange);

/* The state of an order's challenges together: that of the one that is furthest from valid, invalid
   before all others. CHALLENGE_VALID where there are none. */
int find_order_state(const struct acme_exchange *exchange, const struct acme_order *order,
		     enum challenge_state *ret_state, struct fault *fault) MUST_CHECK;

/*
 * Finds the certificate that an identifier of RFC 9773 section 4.1 names: the keyIdentifier of its
 * issuer, ".", its serial. *ret_found false for any other text.
 */
int find_renewable(struct acme *acme, const char *id, struct issued_certificate *ret_record,
		   bool *ret_found, struct fault *fault) MUST_CHECK;

/* The exchange has a problem unless an order may replace the certificate that it names (RFC 9773
   section 5): one of the client's, with a name of the order's, that no final order replaced. */
int check_replaced(struct acme_exchange *exchange, const struct order_request *request,
		   struct fault *fault) MUST_CHECK;

/* Answers a question for renewal information (RFC 9773), which nobody has to authenticate. */
int answer_renewal_info(struct acme *acme, const char *id, struct http_response *response,
			struct refusal *problem, struct fault *fault) MUST_CHECK;

/* Turns an error into the answer, with the status of its type or with another one. */
int answer_problem(struct http_response *response, const struct refusal *problem,
		   struct fault *fault) MUST_CHECK;
int answer_problem_as(struct http_response *response, const struct refusal *problem,
		      unsigned int status, struct fault *fault) MUST_CHECK;

/* What was refused is an error of that type; failures of the CA and of its record: -1. */
int set_parse_problem(struct acme_exchange *exchange, const struct fault *failure,
		      const char *malformed, struct fault *fault) MUST_CHECK;

/* A refusal in the words of part 1 (claims.h) is in the audit log, and is an error of that type. */
int refuse_client(struct acme_exchange *exchange, const char *client, const struct refusal *refusal,
		  struct fault *fault) MUST_CHECK;

/* Counts the request against the client's rate. Over that, the exchange has the problem. */
int charge_acme_client(struct acme_exchange *exchange, const char *client,
		       struct fault *fault) MUST_CHECK;
/* The same for the client of the exchange's account, which is not barred. */
int charge_acme_account(struct acme_exchange *exchange, struct fault *fault) MUST_CHECK;

/* Reads the client; the exchange has a problem when it may have no certificates. */
int read_acme_client(struct acme_exchange *exchange, const char *client, struct client *ret_client,
		     struct fault *fault) MUST_CHECK;

/* The URL of the account whose id this is. */
void append_account_url(const struct acme *acme, const uint8_t id[static ACCOUNT_ID_LEN],
			struct buffer *url);

/* Says in the log what a client was given. */
void log_acme(const struct acme_exchange *exchange, const char *client, const char *what);

/* Writes the JSON of an answer as the body. */
void set_json_body(struct http_response *response, struct buffer *json);

#endif
