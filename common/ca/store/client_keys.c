#include "common/ca/store/client_keys.h"

#include "common/base/clock.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"

#include <stdio.h>
#include <string.h>

int read_client_key(struct store *store, const char *client, struct client_key *ret_key,
		    struct fault *fault)
{
	static const char sql[] = "SELECT kid, rotated_at, old_ends, taken_at FROM client_key"
				  " WHERE client = ?1";
	enum { KID, ROTATED_AT, OLD_ENDS, TAKEN_AT };
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	struct client_key key = {0};
	bool found;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(text_value(client)), &rows, &found, fault) < 0)
		return -1;
	if (found) {
		row_name(&rows, KID, key.kid);
		key.rotated_at_s = row_number(&rows, ROTATED_AT);
		key.old_ends_s = row_number(&rows, OLD_ENDS);
		key.taken_at_s = row_number(&rows, TAKEN_AT);
	}
	if (check_row(&rows, fault) < 0)
		return -1;
	*ret_key = key;
	return 0;
}

/* A change of one client's row with its event. Without a changed row there is no event. */
static int change_key(struct store *store, const char *sql, struct values values,
		      const struct event *event, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t changed;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql, values, &changed, fault) < 0)
		return -1;
	if (changed == 0)
		return 0;
	if (append_event(&transaction, event, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int append_key_rotation(struct transaction *transaction, const char *client, const char *kid,
			int64_t old_ends_s, int64_t now_s, struct fault *fault)
{
	static const char sql[] =
		"INSERT INTO client_key (client, kid, rotated_at, old_ends, taken_at)"
		" VALUES (?1, ?2, ?3, ?4, 0) ON CONFLICT (client) DO UPDATE SET kid = ?2,"
		" rotated_at = ?3, old_ends = ?4, taken_at = 0";
	char end[TIME_TEXT_SIZE];
	char detail[2 * KEY_ID_SIZE];
	const struct event event = {.kind = EVENT_KEY,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .client = client,
				    .type = "rotated",
				    .detail = detail};

	format_time(old_ends_s, end);
	(void)snprintf(detail, sizeof(detail), "new key %s; the old one ends at %s", kid, end);
	if (run_statement(transaction, sql,
			  VALUES(text_value(client), text_value(kid), number_value(now_s),
				 number_value(old_ends_s)),
			  NULL, fault) < 0)
		return -1;
	return append_event(transaction, &event, fault);
}

int record_key_rotation(struct store *store, const char *client, const char *kid,
			int64_t old_ends_s, int64_t now_s, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    append_key_rotation(&transaction, client, kid, old_ends_s, now_s, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int record_key_taken(struct store *store, const char *client, const char *kid, int64_t now_s,
		     struct fault *fault)
{
	static const char sql[] = "UPDATE client_key SET taken_at = ?3"
				  " WHERE client = ?1 AND kid = ?2 AND taken_at = 0";
	const struct event event = {.kind = EVENT_KEY,
				    .time_s = now_s,
				    .by = client,
				    .client = client,
				    .type = "taken",
				    .detail = kid};
	struct client_key present;

	if (read_client_key(store, client, &present, fault) < 0)
		return -1;
	if (present.taken_at_s != 0 || strcmp(present.kid, kid) != 0)
		return 0;
	return change_key(store, sql,
			  VALUES(text_value(client), text_value(kid), number_value(now_s)), &event,
			  fault);
}

int record_key_end(struct store *store, const char *client, int64_t now_s, struct fault *fault)
{
	static const char sql[] = "UPDATE client_key SET old_ends = ?2"
				  " WHERE client = ?1 AND old_ends > ?2";
	const struct event event = {.kind = EVENT_KEY,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .client = client,
				    .type = "ended"};

	return change_key(store, sql, VALUES(text_value(client), number_value(now_s)), &event,
			  fault);
}
