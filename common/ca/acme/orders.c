#include "common/ca/acme/orders.h"

#include "common/ca/store/statement.h"
#include "common/crypto/base64.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAC_LEN = 16,
	HEAD_LEN = 1 + ORDER_ID_LEN + ACCOUNT_ID_LEN + 8, /* kind, id, account, expiry */
	TOKEN_OCTETS_MAX = MAC_LEN + HEAD_LEN + ORDER_NAMES_SIZE + ACME_PROFILE_SIZE +
			   ACME_CERTIFICATE_ID_SIZE,
};

void clear_acme_order(struct acme_order *order)
{
	clear_order_request(&order->request);
	*order = (struct acme_order){0};
}

static void append_time(struct buffer *body, int64_t time_s)
{
	uint8_t octets[8];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)((uint64_t)time_s >> 8 * (sizeof(octets) - 1 - i));
	append_bytes(body, (struct bytes){octets, sizeof(octets)});
}

/* What the MAC is over: a head of fixed length, then the profile, the certificate that is replaced,
   and the names, a line each. */
static int format_body(const struct acme_order *order, enum token_kind kind, size_t index,
		       struct buffer *body, struct fault *fault)
{
	const struct order_request *request = &order->request;
	const uint8_t kind_octet = (uint8_t)kind;
	size_t begin;

	append_bytes(body, (struct bytes){&kind_octet, 1});
	append_bytes(body, (struct bytes){order->id, ORDER_ID_LEN});
	append_bytes(body, (struct bytes){order->account, ACCOUNT_ID_LEN});
	append_time(body, order->expires_s);
	append_format(body, "%s\n%s\n", request->profile, request->replaces);
	begin = body->len;
	for (size_t i = 0; i < request->names.count; i++)
		if (kind == TOKEN_ORDER || i == index)
			append_format(body, "%s\n", request->names.names[i]);
	if (body->len - begin > ORDER_NAMES_SIZE)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "identifiers: expected at most %d octets together, found %zu",
				 ORDER_NAMES_SIZE, body->len - begin);
	return check_buffer(body, fault);
}

int append_token(const struct acme_order *order, enum token_kind kind, size_t index,
		 const struct derived_key *key, struct buffer *text, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer token = {0};
	uint8_t mac[SHA256_LEN];

	if (format_body(order, kind, index, &body, fault) < 0)
		return -1;
	hmac_sha256(key->key, bytes_of_buffer(&body), mac);
	append_bytes(&token, (struct bytes){mac, MAC_LEN});
	append_bytes(&token, bytes_of_buffer(&body));
	if (check_buffer(&token, fault) < 0)
		return -1;
	append_base64url(text, bytes_of_buffer(&token));
	return check_buffer(text, fault);
}

static int64_t read_time(const uint8_t *octets)
{
	uint64_t time_s = 0;

	for (size_t i = 0; i < 8; i++)
		time_s = time_s << 8 | octets[i];
	return (int64_t)time_s;
}

/* Copies a line into a text of that size. */
static bool copy_line(struct bytes *rest, char *ret_text, size_t size)
{
	struct bytes line = cut_line(rest);

	if (line.len >= size)
		return false;
	if (line.len > 0)
		memcpy(ret_text, line.data, line.len);
	ret_text[line.len] = '\0';
	return true;
}

/* Reads what format_body wrote. */
static bool read_body(struct bytes body, struct acme_order *order)
{
	struct bytes rest = {body.data + HEAD_LEN, body.len - HEAD_LEN};
	char name[ALT_NAME_MAX + 1];
	struct fault ignored = {0};

	memcpy(order->id, body.data + 1, ORDER_ID_LEN);
	memcpy(order->account, body.data + 1 + ORDER_ID_LEN, ACCOUNT_ID_LEN);
	order->expires_s = read_time(body.data + 1 + ORDER_ID_LEN + ACCOUNT_ID_LEN);
	if (!copy_line(&rest, order->request.profile, sizeof(order->request.profile)) ||
	    !copy_line(&rest, order->request.replaces, sizeof(order->request.replaces)))
		return false;
	while (rest.len > 0)
		if (!copy_line(&rest, name, sizeof(name)) ||
		    add_alt_name(&order->request.names, name, &ignored) < 0)
			return false;
	return order->request.names.count > 0;
}

static bool has_mac(struct bytes mac, struct bytes body, const struct derived_key *keys,
		    size_t key_count)
{
	bool found = false;

	for (size_t i = 0; i < key_count; i++) {
		uint8_t expected[SHA256_LEN];

		hmac_sha256(keys[i].key, body, expected);
		found |= equal_secrets(mac, (struct bytes){expected, MAC_LEN});
	}
	return found;
}

int parse_token(struct bytes text, enum token_kind kind, const struct derived_key *keys,
		size_t key_count, struct acme_order *ret_order, struct fault *fault)
{
	static const char no_order[] = "this account has no such order or authorization";
	CLEANUP(clear_buffer) struct buffer token = {0};
	CLEANUP(clear_acme_order) struct acme_order order = {0};
	struct fault ignored = {0};
	struct bytes body;

	if (text.len > (size_t)TOKEN_OCTETS_MAX * 4 / 3 + 4 ||
	    decode_base64url(text, &token, &ignored) < 0 || token.len < MAC_LEN + HEAD_LEN)
		return set_fault(fault, FAULT_NOT_FOUND, no_order);
	body = (struct bytes){token.data + MAC_LEN, token.len - MAC_LEN};
	if (!has_mac((struct bytes){token.data, MAC_LEN}, body, keys, key_count) ||
	    body.data[0] != (uint8_t)kind || !read_body(body, &order))
		return set_fault(fault, FAULT_NOT_FOUND, no_order);
	MOVE(ret_order, order);
	return 0;
}

int record_order(void *context, struct transaction *transaction,
		 const struct issued_certificate *record, struct fault *fault)
{
	static const struct table table = {.name = "acme_order",
					   .conflict = "id",
					   .column_count = 6,
					   .columns = {{"id", VALUE_OCTETS},
						       {"account", VALUE_OCTETS},
						       {"serial", VALUE_OCTETS},
						       {"finalized_at", VALUE_NUMBER},
						       {"body", VALUE_OCTETS},
						       {"replaces", VALUE_TEXT}}};
	const struct acme_order *order = context;
	const char *replaces = order->request.replaces;
	CLEANUP(clear_buffer) struct buffer body = {0};
	bool inserted;

	if (format_body(order, TOKEN_ORDER, 0, &body, fault) < 0)
		return -1;
	const struct value row[] = {octets_value(order->id, ORDER_ID_LEN),
				    octets_value(order->account, ACCOUNT_ID_LEN),
				    octets_value(record->serial, SERIAL_MAX),
				    number_value(record->issued_at_s),
				    octets_value(body.data, body.len),
				    replaces[0] != '\0' ? text_value(replaces) : no_value()};

	if (insert_rows(transaction, &table, row, 1, &inserted, fault) < 0)
		return -1;
	return inserted ? 0 : set_fault(fault, FAULT_REFUSED, "the order has its certificate");
}

int find_final_order(struct store *store, const uint8_t id[static ORDER_ID_LEN],
		     uint8_t ret_serial[static SERIAL_MAX], bool *ret_found, struct fault *fault)
{
	static const char sql[] = "SELECT serial FROM acme_order WHERE id = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(octets_value(id, ORDER_ID_LEN)), &rows, ret_found,
		      fault) < 0)
		return -1;
	if (*ret_found)
		row_octets(&rows, 0, ret_serial, SERIAL_MAX);
	return check_row(&rows, fault);
}

int is_replaced(struct store *store, const char *certificate, bool *ret_replaced,
		struct fault *fault)
{
	static const char sql[] = "SELECT COUNT(*) FROM acme_order WHERE replaces = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t count;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_number(&transaction, sql, VALUES(text_value(certificate)), &count, fault) < 0)
		return -1;
	*ret_replaced = count > 0;
	return 0;
}

static int list_order(struct rows *rows, order_function *function, void *context,
		      struct fault *fault)
{
	CLEANUP(clear_acme_order) struct acme_order order = {0};
	struct bytes body = row_bytes(rows, 0);

	if (check_row(rows, fault) < 0)
		return -1;
	if (body.len < HEAD_LEN || !read_body(body, &order))
		return report_damage(rows->transaction, "the body of an order", fault);
	return function(context, &order, fault);
}

int list_final_orders(struct store *store, const uint8_t account[static ACCOUNT_ID_LEN],
		      size_t limit, order_function *function, void *context, struct fault *fault)
{
	static const char sql[] = "SELECT body FROM acme_order WHERE account = ?1"
				  " ORDER BY finalized_at DESC LIMIT ?2";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql,
		       VALUES(octets_value(account, ACCOUNT_ID_LEN), number_value((int64_t)limit)),
		       &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row)
		if (list_order(&rows, function, context, fault) < 0 ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
	return 0;
}
