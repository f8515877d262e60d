#include "common/ca/store/audit.h"

#include "common/ca/store/statement.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int64_t line_id(int64_t front_end, int64_t sequence)
{
	const int64_t front_ends_max = INT64_MAX / (SEQUENCE_MAX + 1);

	if (front_end < FIRST_FRONT_END || front_end > front_ends_max || sequence > SEQUENCE_MAX)
		return INT64_MAX;
	return (front_end - FIRST_FRONT_END) * (SEQUENCE_MAX + 1) + sequence;
}

int query_chains(struct transaction *transaction, struct rows *rows, struct fault *fault)
{
	static const char sql[] = "SELECT c.front_end, c.lines, c.head,"
				  " COALESCE(f.removed_at, CASE WHEN f.id IS NULL THEN 0 END)"
				  " FROM audit_chain c LEFT JOIN front_end f ON f.id = c.front_end"
				  " ORDER BY c.front_end";

	return query_rows(transaction, sql, NO_VALUES, rows, fault);
}

/* This process's front end may have been removed while it was serving, also without a trace. */
int read_chains(struct rows *rows, struct chain_state *ret_state, struct fault *fault)
{
	struct transaction *transaction = rows->transaction;
	struct store *store = transaction->store;
	CLEANUP(clear_buffer) struct buffer others = {0};
	struct chain_state state = {0};
	bool row;

	if (next_row(rows, &row, fault) < 0)
		return -1;
	while (row) {
		struct chain_head head = {.front_end = row_number(rows, 0),
					  .sequence = row_number(rows, 1)};

		row_octets(rows, 2, head.sha256, SHA256_LEN);
		if (head.front_end != store_front_end(store))
			append_bytes(&others, (struct bytes){(uint8_t *)&head, sizeof(head)});
		else if (row_is_null(rows, 3))
			state.own = head;
		else
			bar_store(store);
		if (next_row(rows, &row, fault) < 0)
			return -1;
	}
	if (check_buffer(&others, fault) < 0 || check_not_barred(store, fault) < 0)
		return -1;
	if (state.own.front_end == 0)
		return report_damage(transaction, "expected the last line of this front end's log",
				     fault);
	digest_sha256(bytes_of_buffer(&others), state.others_sha256);
	*ret_state = state;
	return 0;
}

bool same_chains(const struct chain_state *a, const struct chain_state *b)
{
	return a->own.front_end == b->own.front_end && a->own.sequence == b->own.sequence &&
	       memcmp(a->own.sha256, b->own.sha256, SHA256_LEN) == 0 &&
	       memcmp(a->others_sha256, b->others_sha256, SHA256_LEN) == 0;
}

static const struct table audit_table = {.name = "audit",
					 .column_count = 2,
					 .columns = {{"id", VALUE_NUMBER}, {"line", VALUE_TEXT}}};

/* Lines that were formatted, and their rows. */
struct new_lines {
	struct buffer *lines;
	struct value *values;
	size_t count;
};

static void clear_new_lines(struct new_lines *new)
{
	for (size_t i = 0; new->lines != NULL &&i < new->count; i++)
		clear_buffer(&new->lines[i]);
	free(new->lines);
	free(new->values);
}

static int add_line(struct new_lines *new, struct event *event, struct chain_head *head,
		    struct fault *fault)
{
	struct buffer *line = &new->lines[new->count];
	struct value *row = &new->values[new->count *audit_table.column_count];

	new->count++;
	event->sequence = ++head->sequence;
	event->front_end = head->front_end;
	memcpy(event->previous, head->sha256, SHA256_LEN);
	if (format_event(event, line, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(line), head->sha256);
	row[0] = number_value(line_id(event->front_end, event->sequence));
	row[1] = text_value((const char *)line->data);
	return 0;
}

/* One with many serials makes several lines. */
static int add_event(struct new_lines *new, const struct event *event, struct chain_head *head,
		     struct fault *fault)
{
	struct event part = *event;
	size_t left = event->serial_count;

	do {
		part.serial_count = left < EVENT_SERIALS_MAX ? left : EVENT_SERIALS_MAX;
		if (add_line(new, &part, head, fault) < 0)
			return -1;
		left -= part.serial_count;
		if (left > 0)
			part.serials += part.serial_count;
	} while (left > 0);
	return 0;
}

int append_events(struct transaction *transaction, const struct event *events, size_t count,
		  struct chain_head *head, struct fault *fault)
{
	static const char sql[] =
		"UPDATE audit_chain SET lines = ?2, head = ?3 WHERE front_end = ?1";
	CLEANUP(clear_new_lines) struct new_lines new = {0};
	size_t most = 0;

	for (size_t i = 0; i < count; i++)
		most += events[i].serial_count / EVENT_SERIALS_MAX + 1;
	new.lines = calloc(most, sizeof(*new.lines));
	new.values = calloc(most, audit_table.column_count * sizeof(*new.values));
	if (new.lines == NULL || new.values == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < count; i++)
		if (add_event(&new, &events[i], head, fault) < 0)
			return -1;
	transaction->line_id = line_id(head->front_end, head->sequence);
	memcpy(transaction->line_sha256, head->sha256, SHA256_LEN);
	if (insert_rows(transaction, &audit_table, new.values, new.count, NULL, fault) < 0)
		return -1;
	return run_later(transaction, sql,
			 VALUES(number_value(head->front_end), number_value(head->sequence),
				octets_value(head->sha256, SHA256_LEN)),
			 fault);
}

int append_event(struct transaction *transaction, const struct event *event, struct fault *fault)
{
	CLEANUP(close_rows) struct rows rows = {0};
	struct chain_state state = {0};

	if (query_chains(transaction, &rows, fault) < 0 || read_chains(&rows, &state, fault) < 0)
		return -1;
	return append_events(transaction, event, 1, &state.own, fault);
}

int record_event(struct store *store, const struct event *event, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    append_event(&transaction, event, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

/* The last line of every chain, and a digest of all of them. */
static int list_heads(struct transaction *transaction, struct buffer *ret_heads,
		      uint8_t ret_sha256[static SHA256_LEN], struct fault *fault)
{
	static const char sql[] =
		"SELECT front_end, lines, head FROM audit_chain ORDER BY front_end";
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (query_rows(transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		struct chain_head head = {.front_end = row_number(&rows, 0),
					  .sequence = row_number(&rows, 1)};

		row_octets(&rows, 2, head.sha256, SHA256_LEN);
		append_bytes(ret_heads, (struct bytes){(uint8_t *)&head, sizeof(head)});
		if (next_row(&rows, &row, fault) < 0)
			return -1;
	}
	if (check_buffer(ret_heads, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(ret_heads), ret_sha256);
	return 0;
}

/* Of the heads right after the last checkpoint; zeros: there was none. */
static int read_checked_heads(struct transaction *transaction,
			      uint8_t ret_sha256[static SHA256_LEN], struct fault *fault)
{
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, "SELECT checked_heads FROM state", NO_VALUES, &rows, NULL,
		      fault) < 0)
		return -1;
	row_octets(&rows, 0, ret_sha256, SHA256_LEN);
	return check_row(&rows, fault);
}

int append_checkpoint(struct transaction *transaction, int64_t now_s, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET checked_heads = ?1";
	CLEANUP(clear_buffer) struct buffer heads = {0};
	CLEANUP(clear_buffer) struct buffer after = {0};
	uint8_t before_sha256[SHA256_LEN];
	uint8_t sha256[SHA256_LEN];
	struct event event = {.kind = EVENT_CHECKPOINT, .time_s = now_s, .by = CA_NAME};

	if (list_heads(transaction, &heads, sha256, fault) < 0 ||
	    read_checked_heads(transaction, before_sha256, fault) < 0)
		return -1;
	event.head_count = heads.len / sizeof(struct chain_head);
	if (event.head_count < 2 || memcmp(sha256, before_sha256, SHA256_LEN) == 0)
		return 0;
	event.heads = (const struct chain_head *)(const void *)heads.data;
	if (append_event(transaction, &event, fault) < 0 ||
	    list_heads(transaction, &after, sha256, fault) < 0)
		return -1;
	return run_statement(transaction, sql, VALUES(octets_value(sha256, SHA256_LEN)), NULL,
			     fault);
}

int select_lines(struct transaction *transaction, int64_t front_end, int64_t first,
		 struct rows *rows, struct fault *fault)
{
	static const char sql[] =
		"SELECT id, line FROM audit WHERE id >= ?1 AND id <= ?2 ORDER BY id";

	return query_rows(transaction, sql,
			  VALUES(number_value(line_id(front_end, first)),
				 number_value(line_id(front_end, SEQUENCE_MAX))),
			  rows, fault);
}

int read_line(struct rows *rows, int64_t *ret_sequence, const char **ret_line, struct fault *fault)
{
	bool row;

	*ret_line = NULL;
	if (next_row(rows, &row, fault) < 0)
		return -1;
	if (!row)
		return 0;
	*ret_sequence = row_number(rows, 0) & SEQUENCE_MAX;
	*ret_line = row_text(rows, 1);
	return check_row(rows, fault);
}

int list_audit(struct store *store, int64_t front_end, int64_t first, line_function *function,
	       void *context, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	int64_t sequence;
	const char *line;
	int ended = 0;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    select_lines(&transaction, front_end, first, &rows, fault) < 0 ||
	    read_line(&rows, &sequence, &line, fault) < 0)
		return -1;
	while (line != NULL && ended == 0) {
		ended = function(context, sequence, line, fault);
		if (ended == 0 && read_line(&rows, &sequence, &line, fault) < 0)
			return -1;
	}
	return ended < 0 ? -1 : 0;
}

/* --- what checkpoints say --- */

static void reject_head(const struct chain_head *head, struct verdict *verdict)
{
	reject_because(verdict,
		       "front end %" PRId64 ": line %" PRId64
		       ": not what a checkpoint says of it: the log was written anew",
		       head->front_end, head->sequence);
}

/* What checkpoints say of one chain, in the order of its lines. */
struct chain_heads {
	const struct chain_head *heads;
	size_t count;
};

/* Passes over the heads up to that line, whose digest it is; those before it have no line. */
static void compare_heads(struct chain_heads *left, int64_t sequence,
			  const uint8_t sha256[static SHA256_LEN], struct verdict *verdict)
{
	for (; left->count > 0 && left->heads->sequence <= sequence; left->heads++, left->count--)
		if (left->heads->sequence < sequence ||
		    memcmp(left->heads->sha256, sha256, SHA256_LEN) != 0)
			reject_head(left->heads, verdict);
}

/* Of the lines that were trimmed, only the last has its digest left. trimmed is NULL for a chain of
   which the record does not know. */
static int verify_heads_of(struct transaction *transaction, const struct chain_head *trimmed,
			   struct chain_heads left, struct verdict *verdict, struct fault *fault)
{
	const int64_t last_trimmed = trimmed != NULL ? trimmed->sequence : 0;
	CLEANUP(close_rows) struct rows rows = {0};
	uint8_t sha256[SHA256_LEN];
	int64_t sequence;
	const char *line;

	for (; left.count > 0 && (left.heads->sequence == 0 || left.heads->sequence < last_trimmed);
	     left.count--)
		left.heads++;
	if (trimmed != NULL)
		compare_heads(&left, last_trimmed, trimmed->sha256, verdict);
	if (left.count == 0)
		return 0;
	if (select_lines(transaction, left.heads->front_end, left.heads->sequence, &rows, fault) <
		    0 ||
	    read_line(&rows, &sequence, &line, fault) < 0)
		return -1;
	while (line != NULL && left.count > 0) {
		if (sequence >= left.heads->sequence) {
			digest_sha256(bytes_of_string(line), sha256);
			compare_heads(&left, sequence, sha256, verdict);
		}
		if (read_line(&rows, &sequence, &line, fault) < 0)
			return -1;
	}
	if (left.count > 0)
		reject_head(left.heads, verdict);
	return 0;
}

static int order_heads(const void *a, const void *b)
{
	const struct chain_head *x = a;
	const struct chain_head *y = b;

	if (x->front_end != y->front_end)
		return x->front_end < y->front_end ? -1 : 1;
	return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static const struct chain_head *find_trimmed(struct bytes trimmed, int64_t front_end)
{
	const struct chain_head *heads = (const struct chain_head *)(const void *)trimmed.data;

	for (size_t i = 0; i < trimmed.len / sizeof(*heads); i++)
		if (heads[i].front_end == front_end)
			return &heads[i];
	return NULL;
}

int verify_heads(struct transaction *transaction, struct bytes trimmed, struct buffer *heads,
		 struct verdict *verdict, struct fault *fault)
{
	struct chain_head *all = (struct chain_head *)(void *)heads->data;
	size_t count = heads->len / sizeof(*all);

	if (count > 0)
		qsort(all, count, sizeof(*all), order_heads);
	for (size_t i = 0; i < count && !verdict->invalid;) {
		struct chain_heads group = {&all[i], 0};

		while (i < count && all[i].front_end == group.heads->front_end) {
			group.count++;
			i++;
		}
		if (verify_heads_of(transaction, find_trimmed(trimmed, group.heads->front_end),
				    group, verdict, fault) < 0)
			return -1;
	}
	return 0;
}
