#include "common/ca/shared/lease.h"

#include "common/ca/store/statement.h"

struct lease_row {
	int64_t token; /* 0: nobody has ever had it */
	int64_t ends_s;
	int64_t holder;
};

static int read_lease_row(struct transaction *transaction, const char *name,
			  struct lease_row *ret_row, struct fault *fault)
{
	static const char sql[] = "SELECT token, ends_at, holder FROM lease WHERE name = ?1";
	CLEANUP(close_rows) struct rows rows = {0};
	struct lease_row lease = {0};
	bool found;

	if (query_row(transaction, sql, VALUES(text_value(name)), &rows, &found, fault) < 0)
		return -1;
	if (found)
		lease = (struct lease_row){row_number(&rows, 0), row_number(&rows, 1),
					   row_number(&rows, 2)};
	if (check_row(&rows, fault) < 0)
		return -1;
	*ret_row = lease;
	return 0;
}

static int write_lease_row(struct transaction *transaction, const struct lease *lease,
			   int64_t ends_s, struct fault *fault)
{
	static const char sql[] =
		"INSERT INTO lease (name, holder, token, ends_at) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (name) DO UPDATE SET holder = ?2, token = ?3, ends_at = ?4";

	return run_statement(transaction, sql,
			     VALUES(text_value(lease->name),
				    number_value(store_front_end(transaction->store)),
				    number_value(lease->token), number_value(ends_s)),
			     NULL, fault);
}

int take_lease_within(struct transaction *transaction, const char *name, int64_t length_s,
		      struct lease *ret_lease, bool *ret_taken, struct fault *fault)
{
	struct lease lease = {.name = name};
	struct lease_row row;
	int64_t now_s;

	if (read_lease_row(transaction, name, &row, fault) < 0 ||
	    read_store_clock(transaction, &now_s, fault) < 0)
		return -1;
	*ret_taken = false;
	/* A lease never is for longer than length_s: a later end is of a clock that went back. */
	if (row.ends_s > now_s && row.ends_s <= now_s + length_s)
		return 0;
	lease.token = row.token + 1;
	if (write_lease_row(transaction, &lease, now_s + length_s, fault) < 0)
		return -1;
	*ret_lease = lease;
	*ret_taken = true;
	return 0;
}

int take_lease(struct store *store, const char *name, int64_t length_s, struct lease *ret_lease,
	       bool *ret_taken, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool taken;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    take_lease_within(&transaction, name, length_s, ret_lease, &taken, fault) < 0 ||
	    (taken && commit_transaction(&transaction, fault) < 0))
		return -1;
	*ret_taken = taken;
	return 0;
}

int spend_lease(struct transaction *transaction, const struct lease *lease, struct fault *fault)
{
	struct lease_row row;
	int64_t now_s;

	if (read_lease_row(transaction, lease->name, &row, fault) < 0 ||
	    read_store_clock(transaction, &now_s, fault) < 0)
		return -1;
	if (row.token != lease->token || row.ends_s <= now_s)
		return set_fault(fault, FAULT_BUSY,
				 "the lease \"%s\" ended before its work was done: another front "
				 "end may do it, and here nothing was changed",
				 lease->name);
	return write_lease_row(transaction, lease, 0, fault);
}

static int try_to_drop(struct store *store, const struct lease *lease, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    spend_lease(&transaction, lease, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

void drop_lease(struct store *store, const struct lease *lease)
{
	struct fault ignored = {0};

	/* It ends by itself, too. */
	(void)!try_to_drop(store, lease, &ignored);
}

int read_lease_holder(struct store *store, const char *name, int64_t *ret_holder,
		      struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct lease_row row;
	int64_t now_s;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    read_lease_row(&transaction, name, &row, fault) < 0 ||
	    read_store_clock(&transaction, &now_s, fault) < 0)
		return -1;
	*ret_holder = row.ends_s > now_s ? row.holder : 0;
	return 0;
}
