#include "common/ca/store/crl_state.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/session.h"

static int query_state(struct session *session, void *context, struct fault *fault)
{
	static const char sql[] = "SELECT revision, crl_number, crl_revision, crl_this_update,"
				  " crl_next_update, crl_standing FROM state";
	struct crl_state *state = context;
	sqlite3_stmt *statement;
	bool row;

	if (get_statement(session, sql, &statement, fault) < 0 ||
	    step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	state->revision = sqlite3_column_int64(statement, 0);
	state->number = (uint64_t)sqlite3_column_int64(statement, 1);
	state->crl_revision = sqlite3_column_int64(statement, 2);
	state->this_update_s = sqlite3_column_int64(statement, 3);
	state->next_update_s = sqlite3_column_int64(statement, 4);
	state->standing = (uint64_t)sqlite3_column_int64(statement, 5);
	reset_statement(statement);
	return 0;
}

int read_crl_state(struct store *store, struct crl_state *ret_state, struct fault *fault)
{
	struct crl_state state;

	if (run_query(store, query_state, &state, fault) < 0)
		return -1;
	*ret_state = state;
	return 0;
}

static int take_number(struct session *session, void *context, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET crl_number = crl_number + 1";
	struct crl_state *state = context;
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0 ||
	    run_statement(session, statement, fault) < 0)
		return -1;
	return query_state(session, state, fault);
}

int reserve_crl_number(struct store *store, uint64_t *ret_number, struct fault *fault)
{
	struct crl_state state;

	if (run_transaction(store, take_number, &state, fault) < 0)
		return -1;
	*ret_number = state.number;
	return 0;
}

struct noting {
	const struct crl_state *state;
	int64_t now_s;
};

static int note_crl(struct session *session, void *context, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET crl_revision = ?1, crl_this_update = ?2,"
				  " crl_next_update = ?3, crl_standing = ?4";
	const struct noting *noting = context;
	const struct crl_state *state = noting->state;
	const struct event event = {.kind = EVENT_CRL,
				    .time_s = noting->now_s,
				    .by = CA_NAME,
				    .number = (int64_t)state->standing};
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, state->crl_revision);
	(void)sqlite3_bind_int64(statement, 2, state->this_update_s);
	(void)sqlite3_bind_int64(statement, 3, state->next_update_s);
	(void)sqlite3_bind_int64(statement, 4, (int64_t)state->standing);
	if (run_statement(session, statement, fault) < 0)
		return -1;
	return append_event(session, &event, fault);
}

int record_crl(struct store *store, const struct crl_state *state, int64_t now_s,
	       struct fault *fault)
{
	struct noting noting = {state, now_s};

	return run_transaction(store, note_crl, &noting, fault);
}

struct revoked_walk {
	int64_t ends_from_s;
	crl_entry_function *function;
	void *context;
	int64_t revision;
};

static int tell_entry(struct session *session, sqlite3_stmt *row, struct revoked_walk *walk,
		      struct fault *fault)
{
	const uint8_t *serial = sqlite3_column_blob(row, 0);

	if (serial == NULL || sqlite3_column_bytes(row, 0) != SERIAL_MAX)
		return set_database_fault(&session->database, SQLITE_CORRUPT, fault);
	return walk->function(walk->context, serial, sqlite3_column_int64(row, 1),
			      sqlite3_column_int(row, 2), fault);
}

static int walk_revoked(struct session *session, void *context, struct fault *fault)
{
	/* All of it is in the index certificate_revoked, in this order. */
	static const char sql[] = "SELECT serial, revoked_at, reason FROM certificate"
				  " WHERE revoked_at IS NOT NULL AND not_after >= ?1"
				  " ORDER BY serial";
	struct revoked_walk *walk = context;
	struct crl_state state;
	sqlite3_stmt *statement;
	bool row;

	if (query_state(session, &state, fault) < 0 ||
	    get_statement(session, sql, &statement, fault) < 0)
		return -1;
	walk->revision = state.revision;
	(void)sqlite3_bind_int64(statement, 1, walk->ends_from_s);
	while (step_statement(&session->database, statement, &row, fault) == 0) {
		if (!row)
			return 0;
		if (tell_entry(session, statement, walk, fault) < 0) {
			reset_statement(statement);
			return -1;
		}
	}
	return -1;
}

int list_revoked(struct store *store, int64_t ends_from_s, crl_entry_function *function,
		 void *context, int64_t *ret_revision, struct fault *fault)
{
	struct revoked_walk walk = {
		.ends_from_s = ends_from_s, .function = function, .context = context};

	if (run_scan(store, walk_revoked, &walk, fault) < 0)
		return -1;
	*ret_revision = walk.revision;
	return 0;
}
