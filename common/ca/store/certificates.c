#include "common/ca/store/audit.h"
#include "common/ca/store/certificate_row.h"
#include "common/ca/store/session.h"
#include "common/ca/store/store.h"

#include <stdlib.h>
#include <string.h>

void clear_issued_certificate(struct issued_certificate *record)
{
	free(record->subject);
	clear_buffer(&record->der);
	*record = (struct issued_certificate){0};
}

/* A search for one record. */
struct search {
	const char *sql;
	struct bytes key;
	struct issued_certificate record;
	bool found;
};

static void clear_search(struct search *search)
{
	clear_issued_certificate(&search->record);
}

static int search_record(struct session *session, void *context, struct fault *fault)
{
	struct search *search = context;
	sqlite3_stmt *statement;
	int copied;

	if (get_statement(session, search->sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_blob(statement, 1, search->key.data, (int)search->key.len,
				SQLITE_STATIC);
	if (step_statement(&session->database, statement, &search->found, fault) < 0)
		return -1;
	copied = search->found ? read_record(&session->database, statement, &search->record, fault)
			       : 0;
	reset_statement(statement);
	return copied;
}

static int find(struct store *store, const char *sql, struct bytes key,
		struct issued_certificate *ret_record, bool *ret_found, struct fault *fault)
{
	CLEANUP(clear_search) struct search search = {.sql = sql, .key = key};

	if (run_query(store, search_record, &search, fault) < 0)
		return -1;
	*ret_record = search.record;
	search.record = (struct issued_certificate){0};
	*ret_found = search.found;
	return 0;
}

int find_by_key(struct store *store, const uint8_t key_sha256[static SHA256_LEN],
		struct issued_certificate *ret_record, bool *ret_found, struct fault *fault)
{
	static const char sql[] =
		"SELECT " RECORD_COLUMNS " FROM certificate WHERE key_sha256 = ?1";

	return find(store, sql, (struct bytes){key_sha256, SHA256_LEN}, ret_record, ret_found,
		    fault);
}

int find_by_serial(struct store *store, const uint8_t serial[static SERIAL_MAX],
		   struct issued_certificate *ret_record, bool *ret_found, struct fault *fault)
{
	static const char sql[] = "SELECT " RECORD_COLUMNS " FROM certificate WHERE serial = ?1";

	return find(store, sql, (struct bytes){serial, SERIAL_MAX}, ret_record, ret_found, fault);
}

/* An insertion while it is done. */
struct inserting {
	const struct insertion *insertion;
	enum insert_result *results;
	bool barred;
	size_t live; /* certificates that the client has */
	size_t inserted;
};

static int look_at_client(struct session *session, struct inserting *inserting, struct fault *fault)
{
	static const char barred_sql[] = "SELECT disabled OR revoked_at IS NOT NULL FROM client"
					 " WHERE name = ?1";
	static const char live_sql[] = "SELECT COUNT(*) FROM certificate WHERE client = ?1"
				       " AND not_after >= ?2 AND revoked_at IS NULL";
	const char *client = inserting->insertion->records[0].client;
	sqlite3_stmt *statement;
	bool row;

	if (get_statement(session, barred_sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_text(statement, 1, client, -1, SQLITE_STATIC);
	if (step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	inserting->barred = row && sqlite3_column_int(statement, 0) != 0;
	reset_statement(statement);
	if (get_statement(session, live_sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_text(statement, 1, client, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 2, inserting->insertion->now_s);
	if (step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	inserting->live = row ? (size_t)sqlite3_column_int64(statement, 0) : 0;
	reset_statement(statement);
	return 0;
}

static int has_key(struct session *session, const char *sql,
		   const struct issued_certificate *record, bool *ret_has, struct fault *fault)
{
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_blob(statement, 1, record->key_sha256, SHA256_LEN, SQLITE_STATIC);
	if (step_statement(&session->database, statement, ret_has, fault) < 0)
		return -1;
	reset_statement(statement);
	return 0;
}

static int insert_row(struct session *session, const struct issued_certificate *record,
		      enum insert_result *ret_result, struct fault *fault)
{
	static const char sql[] = "INSERT INTO certificate (" RECORD_COLUMNS ")"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
				  " ON CONFLICT (key_sha256) DO NOTHING";
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	bind_record(statement, record);
	if (run_statement(session, statement, fault) < 0)
		return -1;
	*ret_result = sqlite3_changes(session->database.handle) > 0 ? INSERTED : KEY_EXISTS;
	return 0;
}

/* A key that is there already is told first: its certificate may be the answer all the same. */
static int insert_record(struct session *session, const struct inserting *inserting,
			 const struct issued_certificate *record, enum insert_result *ret_result,
			 struct fault *fault)
{
	static const char recorded_sql[] = "SELECT 1 FROM certificate WHERE key_sha256 = ?1";
	static const char spent_sql[] = "SELECT 1 FROM spent_key WHERE key_sha256 = ?1";
	bool full = inserting->live + inserting->inserted >= inserting->insertion->quota;
	bool has;

	if (has_key(session, spent_sql, record, &has, fault) < 0)
		return -1;
	if (has) {
		*ret_result = KEY_SPENT;
		return 0;
	}
	if (!inserting->barred && !full)
		return insert_row(session, record, ret_result, fault);
	if (has_key(session, recorded_sql, record, &has, fault) < 0)
		return -1;
	*ret_result = has ? KEY_EXISTS : inserting->barred ? CLIENT_BARRED : OVER_QUOTA;
	return 0;
}

static int append_certified(struct session *session, const struct inserting *inserting,
			    struct fault *fault)
{
	const struct insertion *insertion = inserting->insertion;
	struct event event = {.kind = EVENT_CERTIFIED,
			      .time_s = insertion->now_s,
			      .by = insertion->records[0].client,
			      .client = insertion->records[0].client};
	uint8_t(*serials)[SERIAL_MAX] = calloc(inserting->inserted, sizeof(*serials));
	int result;

	if (serials == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < insertion->count; i++)
		if (inserting->results[i] == INSERTED)
			memcpy(serials[event.serial_count++], insertion->records[i].serial,
			       SERIAL_MAX);
	event.serials = (const uint8_t(*)[SERIAL_MAX])serials;
	result = append_event(session, &event, fault);
	free(serials);
	return result;
}

static int insert_all(struct session *session, void *context, struct fault *fault)
{
	struct inserting *inserting = context;
	const struct insertion *insertion = inserting->insertion;

	if (insertion->count > 0 && look_at_client(session, inserting, fault) < 0)
		return -1;
	for (size_t i = 0; i < insertion->count; i++) {
		if (insert_record(session, inserting, &insertion->records[i],
				  &inserting->results[i], fault) < 0)
			return -1;
		inserting->inserted += inserting->results[i] == INSERTED;
	}
	if (inserting->inserted > 0 && append_certified(session, inserting, fault) < 0)
		return -1;
	for (size_t i = 0; i < insertion->refusal_count; i++)
		if (append_event(session, &insertion->refusals[i], fault) < 0)
			return -1;
	return 0;
}

int insert_certificates(struct store *store, const struct insertion *insertion,
			enum insert_result *ret_results, struct fault *fault)
{
	struct inserting inserting = {.insertion = insertion, .results = ret_results};

	if (insertion->count == 0 && insertion->refusal_count == 0)
		return 0;
	return run_transaction(store, insert_all, &inserting, fault);
}

struct summing {
	int64_t now_s;
	struct store_summary summary;
};

static int summarize(struct session *session, void *context, struct fault *fault)
{
	static const char sql[] =
		"SELECT COUNT(*), COUNT(revoked_at),"
		" COUNT(*) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1),"
		" MIN(not_after) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1"
		" AND client <> '" CA_NAME "')"
		" FROM certificate";
	struct summing *summing = context;
	struct store_summary *summary = &summing->summary;
	sqlite3_stmt *statement;
	bool row;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, summing->now_s);
	if (step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	summary->certificates = (size_t)sqlite3_column_int64(statement, 0);
	summary->revoked = (size_t)sqlite3_column_int64(statement, 1);
	summary->valid = (size_t)sqlite3_column_int64(statement, 2);
	summary->expired = summary->certificates - summary->revoked - summary->valid;
	summary->first_expiry_s = sqlite3_column_int64(statement, 3);
	reset_statement(statement);
	return 0;
}

int summarize_store(struct store *store, int64_t now_s, struct store_summary *ret_summary,
		    struct fault *fault)
{
	struct summing summing = {.now_s = now_s};

	if (run_scan(store, summarize, &summing, fault) < 0)
		return -1;
	*ret_summary = summing.summary;
	return 0;
}
