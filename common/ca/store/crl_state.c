#include "common/ca/store/crl_state.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"

int query_crl_state(struct transaction *transaction, unsigned int issuer,
		    struct crl_state *ret_state, struct fault *fault)
{
	static const char sql[] = "SELECT revision, crl_number, crl_standing, crl_revision,"
				  " crl_this_update, crl_next_update, crl_cut,"
				  " serves_until FROM state, issuer WHERE issuer.id = ?1";
	enum {
		REVISION,
		NUMBER,
		CURRENT_NUMBER,
		CRL_REVISION,
		THIS_UPDATE,
		NEXT_UPDATE,
		CUT,
		SERVES_UNTIL
	};
	CLEANUP(close_rows) struct rows rows = {0};
	struct crl_state state;

	if (query_row(transaction, sql, VALUES(number_value(issuer)), &rows, NULL, fault) < 0)
		return -1;
	state = (struct crl_state){.issuer = issuer,
				   .revision = row_number(&rows, REVISION),
				   .number = (uint64_t)row_number(&rows, NUMBER),
				   .current_number = (uint64_t)row_number(&rows, CURRENT_NUMBER),
				   .crl_revision = row_number(&rows, CRL_REVISION),
				   .this_update_s = row_number(&rows, THIS_UPDATE),
				   .next_update_s = row_number(&rows, NEXT_UPDATE),
				   .cut_s = row_number(&rows, CUT),
				   .serves_until_s = row_is_null(&rows, SERVES_UNTIL)
							     ? INT64_MAX
							     : row_number(&rows, SERVES_UNTIL)};
	if (check_row(&rows, fault) < 0)
		return -1;
	*ret_state = state;
	return 0;
}

int read_crl_state(struct store *store, unsigned int issuer, struct crl_state *ret_state,
		   struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0)
		return -1;
	return query_crl_state(&transaction, issuer, ret_state, fault);
}

int read_complete_crl_number(struct store *store, int64_t now_s, uint64_t *ret_number,
			     struct fault *fault)
{
	static const char sql[] = "SELECT CASE WHEN MIN(crl_revision) = revision"
				  " THEN MIN(crl_standing) ELSE crl_number + 1 END"
				  " FROM state, issuer"
				  " WHERE COALESCE(serves_until, ?1) >= ?1"
				  " GROUP BY revision, crl_number";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t number;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_number(&transaction, sql, VALUES(number_value(now_s)), &number, fault) < 0)
		return -1;
	*ret_number = (uint64_t)number;
	return 0;
}

int query_crl_number(struct transaction *transaction, uint64_t *ret_number, struct fault *fault)
{
	int64_t number;

	if (query_number(transaction, "SELECT crl_number FROM state", NO_VALUES, &number, fault) <
	    0)
		return -1;
	*ret_number = (uint64_t)number;
	return 0;
}

int reserve_crl_number(struct store *store, uint64_t *ret_number, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET crl_number = crl_number + 1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	uint64_t number;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql, NO_VALUES, NULL, fault) < 0 ||
	    query_crl_number(&transaction, &number, fault) < 0 ||
	    commit_transaction(&transaction, fault) < 0)
		return -1;
	*ret_number = number;
	return 0;
}

int record_crl(struct transaction *transaction, const struct crl_state *state, const char *detail,
	       int64_t now_s, struct fault *fault)
{
	static const char sql[] = "UPDATE issuer SET crl_revision = ?1, crl_this_update = ?2,"
				  " crl_next_update = ?3, crl_standing = ?4, crl_cut = ?5"
				  " WHERE id = ?6";
	const struct event event = {.kind = EVENT_CRL,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .detail = detail,
				    .number = (int64_t)state->current_number};

	if (run_statement(transaction, sql,
			  VALUES(number_value(state->crl_revision),
				 number_value(state->this_update_s),
				 number_value(state->next_update_s),
				 number_value((int64_t)state->current_number),
				 number_value(state->cut_s), number_value(state->issuer)),
			  NULL, fault) < 0)
		return -1;
	return append_event(transaction, &event, fault);
}

int64_t choose_crl_cut(const struct crl_state *before, int64_t validity_s, int64_t now_s)
{
	int64_t cut_s = now_s - validity_s;

	return before->this_update_s < cut_s ? before->this_update_s : cut_s;
}

int list_revoked(struct store *store, unsigned int issuer, int64_t ends_from_s,
		 crl_entry_function *function, void *context, int64_t *ret_revision,
		 struct fault *fault)
{
	/* SQLite has all of it in the index certificate_revoked and in the table revoked_serial,
	   in this order, and merges the two. */
	static const char sql[] =
		"SELECT serial, revoked_at, reason FROM certificate"
		" WHERE revoked_at IS NOT NULL AND issuer = ?2 AND not_after >= ?1"
		" UNION ALL SELECT serial, revoked_at, reason FROM revoked_serial"
		" WHERE issuer IN (0, ?2) AND not_after >= ?1 ORDER BY serial";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	struct crl_state state;
	bool row;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_crl_state(&transaction, issuer, &state, fault) < 0 ||
	    query_rows(&transaction, sql, VALUES(number_value(ends_from_s), number_value(issuer)),
		       &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		uint8_t serial[SERIAL_MAX];
		int64_t revoked_at_s = row_number(&rows, 1);
		int reason = (int)row_number(&rows, 2);

		row_octets(&rows, 0, serial, SERIAL_MAX);
		if (check_row(&rows, fault) < 0 ||
		    function(context, serial, revoked_at_s, reason, fault) < 0 ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
	}
	*ret_revision = state.revision;
	return 0;
}

int find_end(struct store *store, const uint8_t serial[static SERIAL_MAX], bool *ret_found,
	     int64_t *ret_end_s, struct fault *fault)
{
	static const char sql[] =
		"SELECT not_after FROM certificate WHERE serial = ?1"
		" UNION ALL SELECT not_after FROM revoked_serial WHERE serial = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool found;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(octets_value(serial, SERIAL_MAX)), &rows, &found,
		      fault) < 0)
		return -1;
	if (found)
		*ret_end_s = row_number(&rows, 0);
	if (check_row(&rows, fault) < 0)
		return -1;
	*ret_found = found;
	return 0;
}

int raise_revision(struct transaction *transaction, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET revision = revision + 1";

	return run_statement(transaction, sql, NO_VALUES, NULL, fault);
}

int forget_crl(struct transaction *transaction, int64_t number_from, uint64_t *ret_number,
	       struct fault *fault)
{
	static const char state_sql[] = "UPDATE state SET revision = revision + 1,"
					" crl_number = CASE WHEN crl_number < ?1 THEN ?1"
					" ELSE crl_number END";
	static const char issuer_sql[] = "UPDATE issuer SET crl_revision = -1, crl_cut = 0";

	if (run_statement(transaction, state_sql, VALUES(number_value(number_from)), NULL, fault) <
		    0 ||
	    run_statement(transaction, issuer_sql, NO_VALUES, NULL, fault) < 0)
		return -1;
	return query_crl_number(transaction, ret_number, fault);
}
