#include "common/ca/store/fleet.h"

#include "common/ca/store/client_rows.h"

#include <string.h>

enum { SEEN_EVERY_S = 3600 };

/* --- what clients have --- */

/* An index has all these columns, in this order. Whatever the number of certificates, one is held
   at a time: a database that groups them itself would hold all groups. */
static const char certificates_sql[] = "SELECT client, member, not_after, revoked_at, issuer"
				       " FROM certificate ORDER BY client, member";
enum { HOLDER, MEMBER, NOT_AFTER, REVOKED_AT, ISSUER };

/* Counts certificate by certificate: of a member, of its holder, of the record. */
struct count {
	struct rows rows;
	bool row; /* there is one that was not counted */
	int64_t now_s;
	struct record_tally tally;
	char holder[NAME_SIZE]; /* "": none yet */
	bool own;               /* the holder is the CA itself */
	struct holding holding;
	char member[NAME_SIZE];
	size_t member_len;
	int64_t member_end_s; /* of its valid certificates the last; 0: none */
};

static void end_count(struct count *count)
{
	close_rows(&count->rows);
}

static void end_member(struct count *count)
{
	struct holding *holding = &count->holding;

	if (count->member_end_s == 0)
		return;
	if (holding->members++ == 0 || count->member_end_s < holding->first_end_s)
		holding->first_end_s = count->member_end_s;
	count->member_end_s = 0;
}

static void follow_member(struct count *count)
{
	const struct bytes member = row_value(&count->rows, MEMBER).bytes;

	if (member.len == count->member_len && memcmp(member.data, count->member, member.len) == 0)
		return;
	end_member(count);
	/* To look at each name's characters would double the time of all this. */
	count->member_len = member.len;
	if (member.len < NAME_SIZE)
		memcpy(count->member, member.data, member.len);
	else
		row_name(&count->rows, MEMBER, count->member);
}

static void count_valid(struct count *count, int64_t not_after_s, int64_t issuer)
{
	struct record_tally *tally = &count->tally;
	struct holding *holding = &count->holding;
	const int64_t week = (not_after_s - count->now_s) / WEEK_S;

	tally->ends[week < TALLY_WEEKS ? week : TALLY_WEEKS]++;
	tally->summary.valid++;
	if (!count->own &&
	    (tally->summary.first_expiry_s == 0 || not_after_s < tally->summary.first_expiry_s))
		tally->summary.first_expiry_s = not_after_s;
	if (holding->valid++ == 0 || issuer < holding->oldest_issuer)
		holding->oldest_issuer = issuer;
	if (issuer > holding->newest_issuer)
		holding->newest_issuer = issuer;
	if (not_after_s > count->member_end_s)
		count->member_end_s = not_after_s;
}

static void count_certificate(struct count *count)
{
	struct record_tally *tally = &count->tally;
	const int64_t not_after_s = row_number(&count->rows, NOT_AFTER);
	const int64_t issuer = row_number(&count->rows, ISSUER);
	const bool revoked = !row_is_null(&count->rows, REVOKED_AT);
	const bool valid = !revoked && not_after_s >= count->now_s;

	tally->summary.certificates++;
	tally->summary.revoked += revoked;
	tally->summary.expired += !revoked && !valid;
	count->holding.revoked += revoked;
	if (valid)
		count_valid(count, not_after_s, issuer);
	if (issuer >= FIRST_ISSUER && issuer <= ISSUERS_MAX) {
		tally->issuers[issuer].certificates++;
		tally->issuers[issuer].valid += valid;
	}
}

/* Those of the client to which the next row belongs. */
static int count_holding(struct count *count, struct fault *fault)
{
	size_t len;

	row_name(&count->rows, HOLDER, count->holder);
	len = strlen(count->holder);
	count->own = strcmp(count->holder, CA_NAME) == 0;
	count->holding = (struct holding){0};
	count->member_len = 0;
	for (;;) {
		struct bytes holder;

		follow_member(count);
		count_certificate(count);
		if (next_row(&count->rows, &count->row, fault) < 0)
			return -1;
		if (!count->row)
			break;
		holder = row_value(&count->rows, HOLDER).bytes;
		if (holder.len != len || memcmp(holder.data, count->holder, len) != 0)
			break;
	}
	end_member(count);
	return 0;
}

static int begin_count(struct transaction *transaction, struct count *count, struct fault *fault)
{
	if (query_rows(transaction, certificates_sql, NO_VALUES, &count->rows, fault) < 0)
		return -1;
	return next_row(&count->rows, &count->row, fault);
}

/* Names come in the order of their octets. */
static int find_holding(struct count *count, const char *name, struct holding *ret_holding,
			struct fault *fault)
{
	while (count->row && strcmp(count->holder, name) < 0)
		if (count_holding(count, fault) < 0)
			return -1;
	*ret_holding = strcmp(count->holder, name) == 0 ? count->holding : (struct holding){0};
	return 0;
}

/* --- clients --- */

static const char fleet_sql[] =
	"SELECT " CLIENT_COLUMNS ", client.roots, client_key.kid,"
	" client_key.rotated_at, client_key.old_ends, client_key.taken_at"
	" FROM client LEFT JOIN client_key ON client_key.client = client.name"
	" WHERE removed_at IS NULL ORDER BY name";

enum fleet_column {
	COLUMN_ROOTS = CLIENT_COLUMN_COUNT,
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
	return check_row(rows, fault);
}

static void clear_fleet_row(struct fleet_row *row)
{
	clear_client(&row->client);
}

int list_fleet(struct store *store, int64_t now_s, fleet_function *function, void *context,
	       struct record_tally *ret_tally, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(end_count) struct count count = {.now_s = now_s};
	CLEANUP(close_rows) struct rows rows = {0};
	bool more;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    begin_count(&transaction, &count, fault) < 0 ||
	    query_rows(&transaction, fleet_sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &more, fault) < 0)
		return -1;
	while (more) {
		CLEANUP(clear_fleet_row) struct fleet_row row = {0};

		if (read_fleet_row(&rows, &row, fault) < 0 ||
		    find_holding(&count, row.client.name, &row.holding, fault) < 0 ||
		    function(context, &row, fault) < 0 || next_row(&rows, &more, fault) < 0)
			return -1;
	}
	while (count.row)
		if (count_holding(&count, fault) < 0)
			return -1;
	if (ret_tally != NULL)
		*ret_tally = count.tally;
	return 0;
}

/* --- invitations and presence --- */

static int note_invitation_within(struct transaction *transaction,
				  const struct invitation_note *note, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET invited_at = ?1, invitation_ends = ?2,"
				  " invitation_kid = COALESCE(?3,"
				  " CASE WHEN ?4 = 0 THEN invitation_kid ELSE NULL END),"
				  " joined_at = CASE WHEN ?4 = 1 THEN NULL ELSE joined_at END"
				  " WHERE name = ?5 AND removed_at IS NULL";
	int64_t changed;

	if (run_statement(transaction, sql,
			  VALUES(number_value(note->now_s),
				 note->ends_s != 0 ? number_value(note->ends_s) : no_value(),
				 note->kid != NULL ? text_value(note->kid) : no_value(),
				 number_value(note->anew), text_value(note->client)),
			  &changed, fault) < 0)
		return -1;
	if (changed == 0)
		return refuse_unknown_client(note->client, fault);
	return append_client_change(transaction, note->client, "invited", NULL, note->now_s, fault);
}

int note_invitation(struct store *store, const struct invitation_note *note, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool done;

	do {
		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       note_invitation_within(&transaction, note, fault) == 0 &&
		       commit_transaction(&transaction, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	return done ? 0 : -1;
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
	bool done;

	do {
		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       check_open_invitation(&transaction, client, fault) == 0 &&
		       run_statement(&transaction, sql, VALUES(text_value(client)), NULL, fault) ==
			       0 &&
		       append_client_change(&transaction, client, "withdrawn", NULL, now_s,
					    fault) == 0 &&
		       commit_transaction(&transaction, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	return done ? 0 : -1;
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
