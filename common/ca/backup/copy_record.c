#include "common/ca/backup/copy_record.h"

#include "common/base/file.h"
#include "common/ca/backup/copy_plan.h"
#include "common/ca/backup/restore_target.h"
#include "common/ca/revocation/recorded_crl.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/shared/front_ends.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_ROWS = 500, BATCH_OCTETS = 1 << 20 };

static const char staged_name[] = "." STORE_FILE ".new";

/* --- rows --- */

/* Rows, whose texts and octets are copied behind each other. */
struct batch {
	struct value *values;
	size_t *offsets;
	size_t rows;
	struct buffer octets;
};

static void clear_batch(struct batch *batch)
{
	free(batch->values);
	free(batch->offsets);
	clear_buffer(&batch->octets);
}

static int init_batch(struct batch *batch, struct fault *fault)
{
	const size_t most = (size_t)BATCH_ROWS * TABLE_COLUMNS_MAX;

	batch->values = calloc(most, sizeof(*batch->values));
	batch->offsets = calloc(most, sizeof(*batch->offsets));
	if (batch->values == NULL || batch->offsets == NULL)
		return set_memory_fault(fault);
	return 0;
}

static void append_row(struct batch *batch, struct rows *rows, size_t columns)
{
	for (size_t i = 0; i < columns; i++) {
		const size_t at = batch->rows * columns + i;
		const struct value value = row_value(rows, (int)i);

		batch->values[at] = value;
		batch->offsets[at] = batch->octets.len;
		append_bytes(&batch->octets, value.bytes);
	}
	batch->rows++;
}

/* The octets do not move any more. */
static int settle_batch(struct batch *batch, size_t columns, struct fault *fault)
{
	for (size_t i = 0; i < batch->rows * columns; i++)
		if (batch->values[i].bytes.len > 0)
			batch->values[i].bytes.data = batch->octets.data + batch->offsets[i];
	return check_buffer(&batch->octets, fault);
}

/* The transactions of a copy. */
struct copying {
	struct transaction held;   /* a WRITE on the source, which keeps other writers away */
	struct transaction source; /* one snapshot */
	struct transaction target;
	struct batch batch;
};

static void end_copying(struct copying *copying)
{
	end_transaction(&copying->target);
	end_transaction(&copying->source);
	end_transaction(&copying->held);
	clear_batch(&copying->batch);
}

static int write_batch(struct copying *copying, const struct table_plan *plan, struct fault *fault)
{
	struct batch *batch = &copying->batch;
	const size_t columns = plan->table.column_count;
	int64_t ignored;
	int result;

	if (settle_batch(batch, columns, fault) < 0)
		return -1;
	if (plan->one_row)
		result = batch->rows == 0
				 ? 0
				 : run_statement(&copying->target, (const char *)plan->update.data,
						 (struct values){batch->values, columns}, NULL,
						 fault);
	else
		result = insert_rows(&copying->target, &plan->table, batch->values, batch->rows,
				     NULL, fault);
	batch->rows = 0;
	clear_buffer(&batch->octets);
	if (result < 0)
		return -1;
	/* The server ends a transaction that is idle for seconds, and with it the lock. */
	return query_number(&copying->held, "SELECT revision FROM state WHERE id = 1", NO_VALUES,
			    &ignored, fault);
}

static int copy_table(struct copying *copying, const struct table_plan *plan, int64_t *ret_count,
		      struct fault *fault)
{
	CLEANUP(close_rows) struct rows rows = {0};
	struct batch *batch = &copying->batch;
	int64_t count = 0;
	bool row;

	if (!plan->one_row && run_statement(&copying->target, (const char *)plan->empty.data,
					    NO_VALUES, NULL, fault) < 0)
		return -1;
	if (query_rows_once(&copying->source, (const char *)plan->select.data, NO_VALUES, &rows,
			    fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	for (; row; count++) {
		append_row(batch, &rows, plan->table.column_count);
		if ((batch->rows == BATCH_ROWS || batch->octets.len >= BATCH_OCTETS) &&
		    write_batch(copying, plan, fault) < 0)
			return -1;
		if (next_row(&rows, &row, fault) < 0)
			return -1;
	}
	*ret_count = count;
	return write_batch(copying, plan, fault);
}

/* --- checks --- */

static int count_rows(struct transaction *transaction, const char *table, int64_t *ret_count,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer sql = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	append_format(&sql, "SELECT COUNT(*) FROM %s", table);
	if (check_buffer(&sql, fault) < 0 ||
	    query_rows_once(transaction, (const char *)sql.data, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	*ret_count = row ? row_number(&rows, 0) : 0;
	return check_row(&rows, fault);
}

static int check_counts(struct copying *copying, const struct copied_record *copied,
			struct fault *fault)
{
	for (size_t i = 0; i < copied->count; i++) {
		const struct copied_table *table = &copied->tables[i];
		int64_t there;
		int64_t here;

		if (count_rows(&copying->source, table->name, &there, fault) < 0 ||
		    count_rows(&copying->target, table->name, &here, fault) < 0)
			return -1;
		if (there != table->rows || here != table->rows)
			return set_fault(
				fault, FAULT_FAILED,
				"table %s: expected the same number of rows, found %" PRId64
				" in %s and %" PRId64 " in %s: nothing was copied",
				table->name, there, store_name(copying->source.store), here,
				store_name(copying->target.store));
	}
	return 0;
}

static int check_logs(struct copying *copying, struct copied_record *copied, struct fault *fault)
{
	struct audit_verdict verdict;

	if (verify_audit_within(&copying->target, &verdict, fault) < 0)
		return -1;
	if (verdict.verdict.invalid)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: the audit log is not whole: %s: nothing was copied: look at "
				 "certpool audit verify",
				 store_name(copying->source.store), verdict.verdict.reason);
	copied->audit_lines = verdict.all_lines;
	copied->audit_logs = verdict.chains;
	return 0;
}

/* A record to which nothing ever happened. Every change has its line in an audit log. */
static int check_empty(struct transaction *transaction, struct fault *fault)
{
	static const char sql[] = "SELECT (SELECT COUNT(*) FROM certificate),"
				  " (SELECT COUNT(*) FROM client),"
				  " (SELECT CAST(SUM(lines) AS BIGINT) FROM audit_chain),"
				  " (SELECT COUNT(*) FROM issuer WHERE der IS NOT NULL)";
	CLEANUP(close_rows) struct rows rows = {0};
	int64_t found = 0;

	if (query_row(transaction, sql, NO_VALUES, &rows, NULL, fault) < 0)
		return -1;
	for (int i = 0; i < 4; i++)
		found += row_number(&rows, i);
	if (check_row(&rows, fault) < 0)
		return -1;
	if (found == 0)
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s: expected a database without a record, found the record of a CA, "
			 "with %" PRId64 " certificates, %" PRId64 " clients and %" PRId64
			 " audit lines: it is not overwritten: name another database",
			 store_name(transaction->store), row_number(&rows, 0), row_number(&rows, 1),
			 row_number(&rows, 2));
}

/* No front end serves the source, on whatever host. */
static int check_unserved(struct transaction *held, struct fault *fault)
{
	static const char sql[] = "SELECT name, heartbeat_at FROM front_end"
				  " WHERE place IS NOT NULL AND heartbeat_at > ?1 ORDER BY id";
	CLEANUP(close_rows) struct rows rows = {0};
	int64_t now_s;
	bool found;

	if (!is_shared_store(held->store))
		return 0;
	if (read_store_clock(held, &now_s, fault) < 0 ||
	    query_row(held, sql, VALUES(number_value(now_s - HEARTBEAT_LOST_S)), &rows, &found,
		      fault) < 0)
		return -1;
	if (!found)
		return 0;
	return set_fault(fault, FAULT_BUSY,
			 "%s: the front end %s serves it, with a heartbeat %" PRId64
			 " s ago: stop it first",
			 store_name(held->store), row_text(&rows, 0), now_s - row_number(&rows, 1));
}

/* A record in a file is of one host. */
static int check_alone(struct transaction *held, struct fault *fault)
{
	static const char sql[] = "SELECT name FROM front_end WHERE id <> ?1"
				  " AND joined_at IS NOT NULL AND removed_at IS NULL ORDER BY id";
	CLEANUP(close_rows) struct rows rows = {0};
	bool found;

	if (query_row(held, sql, VALUES(number_value(store_front_end(held->store))), &rows, &found,
		      fault) < 0)
		return -1;
	if (!found)
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "a record in a file is of one host, and %s is a front end of %s, too: run "
			 "certpool front-end remove %s first",
			 row_text(&rows, 0), store_name(held->store), row_text(&rows, 0));
}

/* --- the copy --- */

static int begin_copying(struct copying *copying, struct store *source, struct store *target,
			 struct fault *fault)
{
	struct fault problem = {0};

	if (begin_transaction(target, TRANSACTION_READ, &copying->target, fault) < 0 ||
	    check_empty(&copying->target, fault) < 0)
		return -1;
	end_transaction(&copying->target);
	if (begin_transaction(source, TRANSACTION_WRITE, &copying->held, &problem) < 0)
		return set_fault(fault, problem.class, "%s: nothing was copied", problem.text);
	if (check_unserved(&copying->held, fault) < 0 ||
	    (is_shared_store(source) && !is_shared_store(target) &&
	     check_alone(&copying->held, fault) < 0) ||
	    begin_transaction(source, TRANSACTION_SCAN, &copying->source, fault) < 0 ||
	    begin_transaction(target, TRANSACTION_WRITE, &copying->target, fault) < 0)
		return -1;
	return check_empty(&copying->target, fault);
}

/* What a record in a file has in files. */
static int forget_shared(struct transaction *target, struct fault *fault)
{
	static const char *const statements[] = {
		"DELETE FROM shared_key",
		"DELETE FROM issuer_key",
		"DELETE FROM store_key",
		"DELETE FROM lease",
		"UPDATE state SET store_kid = NULL",
		"UPDATE issuer SET crl_der = NULL",
		"UPDATE front_end SET public_key = NULL, place = NULL",
	};

	for (size_t i = 0; i < COUNT_OF(statements); i++)
		if (run_statement(target, statements[i], NO_VALUES, NULL, fault) < 0)
			return -1;
	return 0;
}

static int note_copy(struct copying *copying, int64_t now_s, struct fault *fault)
{
	const struct event event = {.kind = EVENT_COPIED,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .detail = store_name(copying->source.store)};

	return append_event(&copying->target, &event, fault);
}

static int copy_tables(struct copying *copying, const struct copy_plan *plan, int64_t now_s,
		       struct copied_record *copied, struct fault *fault)
{
	struct transaction *target = &copying->target;

	for (size_t i = 0; i < plan->count; i++) {
		struct copied_table *table = &copied->tables[copied->count++];

		memcpy(table->name, plan->tables[i].name, sizeof(table->name));
		if (copy_table(copying, &plan->tables[i], &table->rows, fault) < 0)
			return -1;
	}
	if (check_counts(copying, copied, fault) < 0 || check_logs(copying, copied, fault) < 0 ||
	    resume_ids(target, fault) < 0)
		return -1;
	if (is_shared_store(copying->source.store) && !is_shared_store(target->store) &&
	    forget_shared(target, fault) < 0)
		return -1;
	if (note_copy(copying, now_s, fault) < 0)
		return -1;
	return commit_transaction(target, fault);
}

/* The plan outlives the target. */
static int copy_into(const struct record_copy *copy, struct store *target, struct copy_plan *plan,
		     struct copied_record *copied, struct fault *fault)
{
	CLEANUP(end_copying) struct copying copying = {0};
	CLEANUP(clear_copy_plan) struct copy_plan expected = {0};

	set_store_front_end(target, store_front_end(copy->source));
	if (init_batch(&copying.batch, fault) < 0 ||
	    begin_copying(&copying, copy->source, target, fault) < 0 ||
	    read_copy_plan(&copying.source, plan, fault) < 0 ||
	    read_copy_plan(&copying.target, &expected, fault) < 0)
		return -1;
	if (!same_tables(plan, &expected))
		return set_fault(fault, FAULT_FAILED,
				 "%s and %s: expected the same tables in both, found others: "
				 "nothing was copied",
				 store_name(copy->source), store_name(target));
	return copy_tables(&copying, plan, copy->now_s, copied, fault);
}

/* The CRLs that the layout has from then on alone. */
static int take_crls(const struct record_copy *copy, struct fault *fault)
{
	struct ca_crl_options options = {.store = copy->source, .layout = copy->layout};
	unsigned int newest;

	if (read_newest_issuer(copy->source, &newest, fault) < 0)
		return -1;
	for (options.number = FIRST_ISSUER; options.number <= newest; options.number++) {
		struct crl_state state;

		if (read_crl_state(copy->source, options.number, &state, fault) < 0 ||
		    take_recorded_crl(&options, &state, fault) < 0)
			return -1;
	}
	return 0;
}

static int copy_to_database(const struct record_copy *copy, struct copied_record *copied,
			    struct fault *fault)
{
	CLEANUP(clear_copy_plan) struct copy_plan plan = {0};
	CLEANUP(free_store) struct store *target = NULL;

	if (create_store(copy->url, fault) < 0 || open_store(copy->url, &target, fault) < 0 ||
	    copy_into(copy, target, &plan, copied, fault) < 0 ||
	    recognise_front_end(target, copy->layout, fault) < 0)
		return -1;
	return take_client_keys(target, copy->layout, fault);
}

/* SQLite has put all into one file when it closed it. */
static int name_copy(const struct layout *layout, struct fault *fault)
{
	bool has_wal;

	if (find_file(layout->state, STAGED_WAL_FILE, &has_wal, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (has_wal)
		return set_fault(fault, FAULT_FAILED,
				 "%s/state/%s: is still open: expected it to be one file, found "
				 "its log beside it",
				 layout->path, staged_name);
	if (rename_file(layout->state, staged_name, STORE_FILE, fault) < 0 ||
	    sync_directory(layout->state, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}

static int write_file_copy(const struct record_copy *copy, const char *path,
			   struct copied_record *copied, struct fault *fault)
{
	CLEANUP(clear_copy_plan) struct copy_plan plan = {0};
	CLEANUP(free_store) struct store *target = NULL;

	if (create_store(path, fault) < 0 || open_store(path, &target, fault) < 0)
		return -1;
	return copy_into(copy, target, &plan, copied, fault);
}

static int copy_to_file(const struct record_copy *copy, struct copied_record *copied,
			struct fault *fault)
{
	const struct layout *layout = copy->layout;
	CLEANUP(free_string) char *path = NULL;
	struct fault ignored = {0};

	if (asprintf(&path, "%s/state/%s", layout->path, staged_name) < 0) {
		path = NULL;
		return set_memory_fault(fault);
	}
	if (check_no_ca(layout, fault) < 0 || sweep_target(layout, fault) < 0 ||
	    take_crls(copy, fault) < 0)
		return -1;
	if (write_file_copy(copy, path, copied, fault) == 0 && name_copy(layout, fault) == 0)
		return 0;
	(void)!sweep_target(layout, &ignored);
	return -1;
}

int copy_record(const struct record_copy *copy, struct copied_record *ret_copied,
		struct fault *fault)
{
	struct copied_record copied = {0};

	if ((copy->url != NULL ? copy_to_database(copy, &copied, fault)
			       : copy_to_file(copy, &copied, fault)) < 0)
		return -1;
	*ret_copied = copied;
	return 0;
}
