#ifndef CERTPOOL_CA_ACME_ORDERS_H
#define CERTPOOL_CA_ACME_ORDERS_H

#include "common/ca/acme/accounts.h"
#include "common/ca/store/certificates.h"
#include "common/wire/acme_request.h"
#include "common/wire/shared_keys.h"

/*
 * ACME's orders, and the authorizations of their names. Neither is recorded before the order is
 * final: the last part of its URL, a token, says all of it, under a MAC with a key that is derived
 * from the one that the CA shares with the client. So a client that makes orders and leaves them
 * costs nothing, and every front end of a record reads the orders of the others. Whoever knows the
 * shared key could make tokens: for names that its policy allows, as by newOrder.
 */
enum { ORDER_ID_LEN = 16, ORDER_VALIDITY_S = 7 * 86400, ORDER_NAMES_SIZE = 4096 };

struct acme_order {
	uint8_t id[ORDER_ID_LEN];
	uint8_t account[ACCOUNT_ID_LEN];
	int64_t expires_s;
	struct order_request request; /* its names have ORDER_NAMES_SIZE octets at most, together */
};

void clear_acme_order(struct acme_order *order);

enum token_kind { TOKEN_ORDER, TOKEN_AUTHORIZATION };

/*
 * Appends the token of the order, or of the authorization for its name of that index, under the
 * key. Errors: FAULT_TOO_LARGE for names that are too long together.
 */
int append_token(const struct acme_order *order, enum token_kind kind, size_t index,
		 const struct derived_key *key, struct buffer *text,
		 struct fault *fault) MUST_CHECK;

/* Reads a token under one of the keys. An authorization is an order of one name.
   Errors: FAULT_NOT_FOUND for any other text. Owns: clear_acme_order. */
int parse_token(struct bytes text, enum token_kind kind, const struct derived_key *keys,
		size_t key_count, struct acme_order *ret_order, struct fault *fault) MUST_CHECK;

/* A beside_function: records that the order, the context, is final, with its certificate.
   Errors: FAULT_REFUSED when it was final before: then the certificate is not recorded either. */
int record_order(void *order, struct transaction *transaction,
		 const struct issued_certificate *record, struct fault *fault) MUST_CHECK;

/* The serial of a final order's certificate. *ret_found false: the order is not final. */
int find_final_order(struct store *store, const uint8_t id[static ORDER_ID_LEN],
		     uint8_t ret_serial[static SERIAL_MAX], bool *ret_found,
		     struct fault *fault) MUST_CHECK;

/* Whether a final order replaced the certificate of that identifier (RFC 9773 section 4.1). */
int is_replaced(struct store *store, const char *certificate, bool *ret_replaced,
		struct fault *fault) MUST_CHECK;

/* Called for an order, which is borrowed. -1 ends the listing. */
typedef int order_function(void *context, const struct acme_order *order, struct fault *fault);

/* Lists the last final orders of an account, at most `limit`, the newest first. */
int list_final_orders(struct store *store, const uint8_t account[static ACCOUNT_ID_LEN],
		      size_t limit, order_function *function, void *context,
		      struct fault *fault) MUST_CHECK;

#endif
