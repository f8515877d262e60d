#include "common/ca/store/fleet.h"

#include "common/ca/store/client_rows.h"

#include <string.h>

enum { SEEN_EVERY_S = 3600 };

static const char fleet_sql[] =
	"SELECT " CLIENT_COLUMNS ", holds.valid, holds.revoked, holds.members, holds.first_end,"
	" holds.oldest_issuer, holds.newest_issuer, client.roots, client_key.kid,"
	" client_key.rotated_at, client_key.old_ends, client_key.taken_at"
	" FROM client LEFT JOIN client_key ON client_key.client = client.name LEFT JOIN ("
	"SELECT holder, CAST(SUM(valid) AS BIGINT) AS valid,"
	" CAST(SUM(revoked) AS BIGINT) AS revoked,"
	" COUNT(*) FILTER (WHERE valid > 0) AS members, MIN(last_end) AS first_end,"
	" MIN(oldest_issuer) AS oldest_issuer, MAX(newest_issuer) AS newest_issuer"
	" FROM (SELECT certificate.client AS holder, member,"
	" COUNT(*) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1) AS valid,"
	" COUNT(revoked_at) AS revoked,"
	" MAX(not_after) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1) AS last_end,"
	" MIN(issuer) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1) AS oldest_issuer,"
	" MAX(issuer) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1) AS newest_issuer"
	" FROM certificate GROUP BY certificate.client, member) AS each_member"
	" GROUP BY holder) AS holds ON holds.holder = name"
	" WHERE removed_at IS NULL ORDER BY name";

enum fleet_column {
	COLUMN_VALID = CLIENT_COLUMN_COUNT,
	COLUMN_REVOKED,
	COLUMN_MEMBERS,
	COLUMN_FIRST_END,
	COLUMN_OLDEST_ISSUER,
	COLUMN_NEWEST_ISSUER,
	COLUMN_ROOTS,
	COLUMN_KID,
	COLUMN_ROTATED_AT,
	COLUMN_OLD_ENDS,
	COLUMN_TAKEN_AT,
};

static void read_trust(struct rows *rows, struct fleet_row *row)
{
	struct bytes roots =
		row_is_null(rows, COLUMN_ROOTS) ? (struct bytes){0} : row_bytes(rows, COLUMN_ROOTS);

	for (; roots.len >= SHA256_LEN && row->root_count < FLEET_ROOTS_MAX; row->root_count++) {
		memcpy(row->roots[row->root_count], roots.data, SHA256_LEN);
		roots = (struct bytes){roots.data + SHA256_LEN, roots.len - SHA256_LEN};
	}
	if (row_is_null(rows, COLUMN_KID))
		return;
	row_name(rows, COLUMN_KID, row->key.kid);
	row->key.rotated_at_s = row_number(rows, COLUMN_ROTATED_AT);
	row->key.old_ends_s = row_number(rows, COLUMN_OLD_ENDS);
	row->key.taken_at_s = row_number(rows, COLUMN_TAKEN_AT);
}

static int read_fleet_row(struct rows *rows, struct fleet_row *row, struct fault *fault)
{
	if (read_client_row(rows, &row->client, fault) < 0)
		return -1;
	read_trust(rows, row);
	if (row_is_null(rows, COLUMN_VALID))
		return check_row(rows, fault);
	row->valid = row_size(rows, COLUMN_VALID);
	row->revoked = row_size(rows, COLUMN_REVOKED);
	row->members = row_size(rows, COLUMN_MEMBERS);
	if (row->members > 0) {
		row->first_end_s = row_number(rows, COLUMN_FIRST_END);
		row->oldest_issuer = row_number(rows, COLUMN_OLDEST_ISSUER);
		row->newest_issuer = row_number(rows, COLUMN_NEWEST_ISSUER);
	}
	return check_row(rows, fault);
}

static void clear_fleet_row(struct fleet_row *row)
{
	clear_client(&row->client);
}

int list_fleet(struct store *store, int64_t now_s, fleet_function *function, void *context,
	       struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool more;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_rows(&transaction, fleet_sql, VALUES(number_value(now_s)), &rows, fault) < 0 ||
	    next_row(&rows, &more, fault) < 0)
		return -1;
	while (more) {
		CLEANUP(clear_fleet_row) struct fleet_row row = {0};

		if (read_fleet_row(&rows, &row, fault) < 0 || function(context, &row, fault) < 0 ||
		    next_row(&rows, &more, fault) < 0)
			return -1;
	}
	return 0;
}

int note_invitation(struct store *store, const struct invitation_note *note, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET invited_at = ?1, invitation_ends = ?2,"
				  " invitation_kid = COALESCE(?3,"
				  " CASE WHEN ?4 = 0 THEN invitation_kid ELSE NULL END),"
				  " joined_at = CASE WHEN ?4 = 1 THEN NULL ELSE joined_at END"
				  " WHERE name = ?5 AND removed_at IS NULL";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t changed;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql,
			  VALUES(number_value(note->now_s),
				 note->ends_s != 0 ? number_value(note->ends_s) : no_value(),
				 note->kid != NULL ? text_value(note->kid) : no_value(),
				 number_value(note->anew), text_value(note->client)),
			  &changed, fault) < 0)
		return -1;
	if (changed == 0)
		return refuse_unknown_client(note->client, fault);
	if (append_client_change(&transaction, note->client, "invited", NULL, note->now_s, fault) <
	    0)
		return -1;
	return commit_transaction(&transaction, fault);
}

/* Refuses unless there is an invitation, and nobody has joined by it. */
static int check_open_invitation(struct transaction *transaction, const char *client,
				 struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {0};
	bool found;

	if (find_client_row(transaction, client, &record, &found, fault) < 0)
		return -1;
	if (!found || record.removed)
		return refuse_unknown_client(client, fault);
	if (record.joined_at_s != 0)
		return set_fault(fault, FAULT_REFUSED,
				 "%s has joined already: certpool client disable %s or client "
				 "remove %s keeps it out",
				 client, client, client);
	if (record.invited_at_s == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s has no invitation: certpool client invitations shows those "
				 "there are",
				 client);
	return 0;
}

int end_invitation(struct store *store, const char *client, int64_t now_s, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET invitation_ends = ?1 WHERE name = ?2";
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    check_open_invitation(&transaction, client, fault) < 0 ||
	    run_statement(&transaction, sql, VALUES(number_value(now_s), text_value(client)), NULL,
			  fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int withdraw_invitation(struct store *store, const char *client, int64_t now_s, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET invited_at = NULL, invitation_ends = NULL,"
				  " invitation_kid = NULL"
				  " WHERE name = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    check_open_invitation(&transaction, client, fault) < 0 ||
	    run_statement(&transaction, sql, VALUES(text_value(client)), NULL, fault) < 0 ||
	    append_client_change(&transaction, client, "withdrawn", NULL, now_s, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

/* What the record says of a client's presence. */
struct past {
	int64_t joined_at_s; /* 0: it has not */
	int64_t seen_at_s;
	int64_t invitation_ends_s;
	bool counts_once; /* the key of this request */
};

static int read_past(struct store *store, const struct sighting *sighting, struct past *ret_past,
		     bool *ret_found, struct fault *fault)
{
	static const char sql[] = "SELECT joined_at, seen_at, invitation_ends, invitation_kid"
				  " FROM client WHERE name = ?1 AND removed_at IS NULL";
	enum { JOINED_AT, SEEN_AT, INVITATION_ENDS, INVITATION_KID };
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(text_value(sighting->client)), &rows, ret_found,
		      fault) < 0)
		return -1;
	if (!*ret_found)
		return 0;
	ret_past->joined_at_s = row_time(&rows, JOINED_AT);
	ret_past->seen_at_s = row_time(&rows, SEEN_AT);
	ret_past->invitation_ends_s = row_time(&rows, INVITATION_ENDS);
	ret_past->counts_once = !row_is_null(&rows, INVITATION_KID) &&
				strcmp(row_text(&rows, INVITATION_KID), sighting->kid) == 0;
	return check_row(&rows, fault);
}

/* *ret_first false: of several first requests at a time another one was the first. */
static int write_joined(struct store *store, const struct sighting *sighting, bool *ret_first,
			struct fault *fault)
{
	static const char sql[] = "UPDATE client SET joined_at = ?1, seen_at = ?1"
				  " WHERE name = ?2 AND joined_at IS NULL";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t changed;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql,
			  VALUES(number_value(sighting->now_s), text_value(sighting->client)),
			  &changed, fault) < 0)
		return -1;
	*ret_first = changed > 0;
	if (changed > 0 && append_client_change(&transaction, sighting->client, "joined", NULL,
						sighting->now_s, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

static int write_seen(struct store *store, const struct sighting *sighting, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET seen_at = ?1 WHERE name = ?2";
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql,
			  VALUES(number_value(sighting->now_s), text_value(sighting->client)), NULL,
			  fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int note_presence(struct store *store, const struct sighting *sighting, enum presence *ret_presence,
		  int64_t *ret_time_s, struct fault *fault)
{
	struct past past = {0};
	bool found;
	bool first = true;

	*ret_presence = PRESENCE_NOTED;
	*ret_time_s = 0;
	if (read_past(store, sighting, &past, &found, fault) < 0)
		return -1;
	if (!found)
		return 0;
	if (past.joined_at_s == 0 && past.invitation_ends_s != 0 &&
	    past.invitation_ends_s <= sighting->now_s) {
		*ret_presence = INVITATION_ENDED;
		*ret_time_s = past.invitation_ends_s;
		return 0;
	}
	if (past.counts_once && past.joined_at_s == 0 && !sighting->asks_key) {
		*ret_presence = INVITATION_NOT_CLAIMED;
		return 0;
	}
	if (past.joined_at_s == 0) {
		past.joined_at_s = sighting->now_s;
		if (write_joined(store, sighting, &first, fault) < 0)
			return -1;
		if (first || !past.counts_once)
			return 0;
	}
	if (past.counts_once) {
		*ret_presence = INVITATION_USED;
		*ret_time_s = past.joined_at_s;
		return 0;
	}
	if (past.seen_at_s <= sighting->now_s && sighting->now_s - past.seen_at_s < SEEN_EVERY_S)
		return 0;
	return write_seen(store, sighting, fault);
}
