#include "common/ca/store/client_roots.h"

#include "common/ca/store/statement.h"

#include <string.h>

int find_new_roots(struct store *store, const char *client, struct bytes digests, bool *ret_new,
		   struct fault *fault)
{
	static const char sql[] = "SELECT 1 FROM client WHERE name = ?1"
				  " AND (roots IS NULL OR roots <> ?2) AND disabled = 0"
				  " AND revoked_at IS NULL AND removed_at IS NULL";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0)
		return -1;
	return query_row(&transaction, sql,
			 VALUES(text_value(client), octets_value(digests.data, digests.len)), &rows,
			 ret_new, fault);
}

int note_client_roots(struct store *store, const char *client, struct bytes digests,
		      struct fault *fault)
{
	static const char sql[] = "UPDATE client SET roots = ?2 WHERE name = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql,
			  VALUES(text_value(client), octets_value(digests.data, digests.len)), NULL,
			  fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

static enum root_acknowledgement judge(struct rows *rows,
				       const uint8_t root_sha256[static SHA256_LEN])
{
	enum { NAME, ROOTS, JOINED_AT };
	bool asked = !row_is_null(rows, ROOTS);
	struct bytes roots = asked ? row_bytes(rows, ROOTS) : (struct bytes){0};

	for (size_t at = 0; at + SHA256_LEN <= roots.len; at += SHA256_LEN)
		if (memcmp(roots.data + at, root_sha256, SHA256_LEN) == 0)
			return ROOT_PINNED;
	return asked || !row_is_null(rows, JOINED_AT) ? ROOT_LACKING : ROOT_UNKNOWN;
}

int list_client_roots(struct store *store, const uint8_t root_sha256[static SHA256_LEN],
		      root_function *function, void *context, struct fault *fault)
{
	static const char sql[] = "SELECT name, roots, joined_at FROM client WHERE disabled = 0"
				  " AND revoked_at IS NULL AND removed_at IS NULL ORDER BY name";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		enum root_acknowledgement state = judge(&rows, root_sha256);

		if (check_row(&rows, fault) < 0 ||
		    function(context, row_text(&rows, 0), state, fault) < 0 ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return 0;
}
