#include "common/ca/shared/front_ends.h"

#include "common/ca/shared/lease.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"

#define FRONT_END_COLUMNS "f.id, f.name, f.removed_at, c.lines, f.heartbeat_at"
#define FRONT_END_TABLES "front_end f JOIN audit_chain c ON c.front_end = f.id"
enum { ID, NAME, REMOVED_AT, LINES, HEARTBEAT_AT };

static int read_front_end_row(struct rows *rows, struct front_end *ret_front_end,
			      struct fault *fault)
{
	struct front_end front_end = {.number = row_number(rows, ID),
				      .lines = row_number(rows, LINES),
				      .heartbeat_s = row_number(rows, HEARTBEAT_AT),
				      .removed = !row_is_null(rows, REMOVED_AT)};

	row_name(rows, NAME, front_end.name);
	if (check_row(rows, fault) < 0)
		return -1;
	*ret_front_end = front_end;
	return 0;
}

int list_front_ends(struct store *store, front_end_function *function, void *context,
		    struct fault *fault)
{
	static const char sql[] =
		"SELECT " FRONT_END_COLUMNS " FROM " FRONT_END_TABLES " ORDER BY f.id";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		struct front_end front_end;

		if (read_front_end_row(&rows, &front_end, fault) < 0 ||
		    function(context, &front_end, fault) < 0 || next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return 0;
}

int find_front_end(struct store *store, const char *name, struct front_end *ret_front_end,
		   struct fault *fault)
{
	static const char sql[] =
		"SELECT " FRONT_END_COLUMNS " FROM " FRONT_END_TABLES " WHERE f.name = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool found;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(text_value(name)), &rows, &found, fault) < 0)
		return -1;
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND, "the CA's record has no front end \"%s\"",
				 name);
	return read_front_end_row(&rows, ret_front_end, fault);
}

int note_heartbeat(struct store *store, struct fault *fault)
{
	static const char sql[] = "UPDATE front_end SET heartbeat_at = ?2 WHERE id = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t now_s;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    read_store_clock(&transaction, &now_s, fault) < 0 ||
	    run_statement(&transaction, sql,
			  VALUES(number_value(store_front_end(store)), number_value(now_s)), NULL,
			  fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

/* The lease is not spent: its end is when the next checkpoint is due. */
int write_checkpoint(struct store *store, int64_t now_s, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct lease lease;
	bool taken;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    take_lease_within(&transaction, "checkpoint", CHECKPOINT_S, &lease, &taken, fault) <
		    0 ||
	    (taken && append_checkpoint(&transaction, now_s, fault) < 0))
		return -1;
	return taken ? commit_transaction(&transaction, fault) : 0;
}
