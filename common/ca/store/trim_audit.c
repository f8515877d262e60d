#include "common/ca/store/trim_audit.h"

#include "common/base/clock.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"

#include <inttypes.h>

enum { BATCH_LINES = 5000, PAUSE_US = 20000 };

static int select_extent(struct transaction *transaction, int64_t front_end,
			 struct audit_extent *ret_extent, struct fault *fault)
{
	static const char sql[] =
		"SELECT lines, trimmed, exported FROM audit_chain WHERE front_end = ?1";
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, sql, VALUES(number_value(front_end)), &rows, NULL, fault) < 0)
		return -1;
	ret_extent->lines = row_number(&rows, 0);
	ret_extent->trimmed = row_number(&rows, 1);
	ret_extent->exported = row_number(&rows, 2);
	return check_row(&rows, fault);
}

int read_audit_extent(struct store *store, int64_t front_end, struct audit_extent *ret_extent,
		      struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct audit_extent extent = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    select_extent(&transaction, front_end, &extent, fault) < 0)
		return -1;
	*ret_extent = extent;
	return 0;
}

/* The event of a change of another front end's log names that front end. */
static int name_other(struct transaction *transaction, int64_t front_end,
		      char ret_name[static NAME_SIZE], struct fault *fault)
{
	static const char sql[] = "SELECT name FROM front_end WHERE id = ?1";
	CLEANUP(close_rows) struct rows rows = {0};

	ret_name[0] = '\0';
	if (front_end == store_front_end(transaction->store))
		return 0;
	if (query_row(transaction, sql, VALUES(number_value(front_end)), &rows, NULL, fault) < 0)
		return -1;
	row_name(&rows, 0, ret_name);
	return check_row(&rows, fault);
}

int note_audit_export(struct store *store, const struct audit_export *exported, struct fault *fault)
{
	static const char sql[] =
		"UPDATE audit_chain SET exported = ?2 WHERE front_end = ?1 AND exported < ?2";
	char other[NAME_SIZE];
	const struct event event = {.kind = EVENT_EXPORTED,
				    .time_s = exported->now_s,
				    .by = CA_NAME,
				    .type = other,
				    .number = exported->last,
				    .detail = exported->file};
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    name_other(&transaction, exported->front_end, other, fault) < 0 ||
	    run_statement(&transaction, sql,
			  VALUES(number_value(exported->front_end), number_value(exported->last)),
			  NULL, fault) < 0 ||
	    append_event(&transaction, &event, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

/* Finds the last line before the first one that is not older. */
struct trim_search {
	int64_t before_s;
	int64_t last;
	bool ended;
};

static int look_at_time(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct trim_search *search = context;
	int64_t time_s;

	if (search->ended)
		return 0;
	if (parse_event_time(bytes_of_string(line), &time_s, fault) < 0)
		return prefix_fault(fault, "line %" PRId64, sequence);
	search->ended = time_s >= search->before_s;
	if (!search->ended)
		search->last = sequence;
	return 0;
}

/* A line that was changed must not go before anybody has seen it. */
static int check_whole(struct store *store, struct fault *fault)
{
	struct audit_verdict verdict = {0};

	if (verify_audit(store, &verdict, fault) < 0)
		return -1;
	if (!verdict.verdict.invalid)
		return 0;
	return set_fault(fault, FAULT_UNVERIFIED, "the audit log: %s; nothing was trimmed",
			 verdict.verdict.reason);
}

static int read_line_digest(struct transaction *transaction, int64_t front_end, int64_t sequence,
			    uint8_t ret_sha256[static SHA256_LEN], struct fault *fault)
{
	static const char sql[] = "SELECT line FROM audit WHERE id = ?1";
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, sql, VALUES(number_value(line_id(front_end, sequence))), &rows,
		      NULL, fault) < 0)
		return -1;
	digest_sha256(bytes_of_string(row_text(&rows, 0)), ret_sha256);
	return check_row(&rows, fault);
}

static int append_trim_event(struct transaction *transaction, const struct trim_options *options,
			     int64_t last, struct fault *fault)
{
	uint8_t sha256[SHA256_LEN];
	char text[SHA256_TEXT_SIZE];
	char other[NAME_SIZE];
	const struct event event = {.kind = EVENT_TRIMMED,
				    .time_s = options->now_s,
				    .by = CA_NAME,
				    .type = other,
				    .number = last,
				    .detail = text};

	if (name_other(transaction, options->front_end, other, fault) < 0 ||
	    read_line_digest(transaction, options->front_end, last, sha256, fault) < 0)
		return -1;
	format_sha256(sha256, text);
	return append_event(transaction, &event, fault);
}

/* Removes the lines up to `end`, which remain the beginning of the chain by their digest. */
static int remove_lines(struct transaction *transaction, int64_t front_end, int64_t end,
			struct fault *fault)
{
	static const char remove_sql[] = "DELETE FROM audit WHERE id >= ?1 AND id <= ?2";
	static const char chain_sql[] = "UPDATE audit_chain SET trimmed = ?2, trimmed_head = ?3"
					" WHERE front_end = ?1";
	const struct value chain = number_value(front_end);
	uint8_t sha256[SHA256_LEN];

	if (read_line_digest(transaction, front_end, end, sha256, fault) < 0 ||
	    run_statement(transaction, remove_sql,
			  VALUES(number_value(line_id(front_end, 1)),
				 number_value(line_id(front_end, end))),
			  NULL, fault) < 0)
		return -1;
	return run_statement(transaction, chain_sql,
			     VALUES(chain, number_value(end), octets_value(sha256, SHA256_LEN)),
			     NULL, fault);
}

static int remove_batch(struct store *store, const struct trim_options *options, int64_t end,
			int64_t last, bool first, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    (first && append_trim_event(&transaction, options, last, fault) < 0) ||
	    remove_lines(&transaction, options->front_end, end, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int trim_audit(struct store *store, const struct trim_options *options, int64_t *ret_first,
	       int64_t *ret_last, struct fault *fault)
{
	struct trim_search search = {.before_s = options->before_s};
	struct audit_extent extent;
	int64_t end;

	if (check_whole(store, fault) < 0 ||
	    read_audit_extent(store, options->front_end, &extent, fault) < 0 ||
	    list_audit(store, options->front_end, 1, look_at_time, &search, fault) < 0)
		return -1;
	if (search.last > extent.exported && !options->unexported)
		return set_fault(fault, FAULT_REFUSED,
				 "lines %" PRId64 " to %" PRId64
				 " of the audit log were not exported: run certpool audit export "
				 "FILE first, or trim them for good with --unexported",
				 extent.exported > extent.trimmed ? extent.exported + 1
								  : extent.trimmed + 1,
				 search.last);
	for (end = extent.trimmed; end < search.last;) {
		bool first = end == extent.trimmed;

		end = search.last - end > BATCH_LINES ? end + BATCH_LINES : search.last;
		if (remove_batch(store, options, end, search.last, first, fault) < 0)
			return -1;
		if (end < search.last)
			sleep_us(PAUSE_US);
	}
	*ret_first = search.last > 0 ? extent.trimmed + 1 : 0;
	*ret_last = search.last;
	return 0;
}
