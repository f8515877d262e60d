#include "common/ca/store/audit.h"

#include "common/ca/store/statement.h"

#include <inttypes.h>
#include <string.h>

/* The last line, as the record's state has it. */
struct audit_head {
	int64_t sequence;
	uint8_t sha256[SHA256_LEN];
};

static int read_head(struct transaction *transaction, struct audit_head *ret_head,
		     struct fault *fault)
{
	static const char sql[] = "SELECT audit_count, audit_head FROM state";
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, sql, NO_VALUES, &rows, NULL, fault) < 0)
		return -1;
	ret_head->sequence = row_number(&rows, 0);
	row_octets(&rows, 1, ret_head->sha256, SHA256_LEN);
	return check_row(&rows, fault);
}

static int append_line(struct transaction *transaction, struct event *event,
		       struct audit_head *head, struct fault *fault)
{
	static const char sql[] = "INSERT INTO audit (sequence, line) VALUES (?1, ?2)";
	CLEANUP(clear_buffer) struct buffer line = {0};

	event->sequence = ++head->sequence;
	memcpy(event->previous, head->sha256, SHA256_LEN);
	if (format_event(event, &line, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(&line), head->sha256);
	return run_statement(
		transaction, sql,
		VALUES(number_value(event->sequence), text_value((const char *)line.data)), NULL,
		fault);
}

int append_event(struct transaction *transaction, const struct event *event, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET audit_count = ?1, audit_head = ?2";
	struct event part = *event;
	size_t left = event->serial_count;
	struct audit_head head = {0};

	if (read_head(transaction, &head, fault) < 0)
		return -1;
	do {
		part.serial_count = left < EVENT_SERIALS_MAX ? left : EVENT_SERIALS_MAX;
		if (append_line(transaction, &part, &head, fault) < 0)
			return -1;
		left -= part.serial_count;
		if (left > 0)
			part.serials += part.serial_count;
	} while (left > 0);
	return run_statement(
		transaction, sql,
		VALUES(number_value(head.sequence), octets_value(head.sha256, SHA256_LEN)), NULL,
		fault);
}

int record_event(struct store *store, const struct event *event, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    append_event(&transaction, event, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

static int select_lines(struct transaction *transaction, int64_t first, struct rows *rows,
			struct fault *fault)
{
	static const char sql[] =
		"SELECT sequence, line FROM audit WHERE sequence >= ?1 ORDER BY sequence";

	return query_rows(transaction, sql, VALUES(number_value(first)), rows, fault);
}

/* *ret_line, borrowed from the row, is NULL after the last line. */
static int read_line(struct rows *rows, int64_t *ret_sequence, const char **ret_line,
		     struct fault *fault)
{
	bool row;

	*ret_line = NULL;
	if (next_row(rows, &row, fault) < 0)
		return -1;
	if (!row)
		return 0;
	*ret_sequence = row_number(rows, 0);
	*ret_line = row_text(rows, 1);
	return check_row(rows, fault);
}

int list_audit(struct store *store, int64_t first, line_function *function, void *context,
	       struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	int64_t sequence;
	const char *line;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    select_lines(&transaction, first, &rows, fault) < 0 ||
	    read_line(&rows, &sequence, &line, fault) < 0)
		return -1;
	while (line != NULL)
		if (function(context, sequence, line, fault) < 0 ||
		    read_line(&rows, &sequence, &line, fault) < 0)
			return -1;
	return 0;
}

/* One line, after the lines that result counts. */
static void verify_line(struct audit_verdict *result, int64_t sequence, struct bytes line)
{
	struct event_link link = {0};
	struct fault problem = {0};
	int64_t expected = result->lines + 1;

	if (result->verdict.invalid)
		return;
	if (sequence != expected)
		reject_because(&result->verdict,
			       "line %" PRId64 ": expected, and not there: it was taken away",
			       expected);
	else if (parse_event_link(line, &link, &problem) < 0)
		reject_because(&result->verdict, "line %" PRId64 ": changed: %s", sequence,
			       problem.text);
	else if (link.sequence != sequence)
		reject_because(&result->verdict,
			       "line %" PRId64 ": changed: it says it is line %" PRId64, sequence,
			       link.sequence);
	else if (memcmp(link.previous, result->head, SHA256_LEN) != 0)
		reject_because(&result->verdict,
			       "line %" PRId64 ": it does not follow from line %" PRId64
			       ": one of the two was changed",
			       sequence, sequence - 1);
	if (result->verdict.invalid)
		return;
	digest_sha256(line, result->head);
	result->lines = sequence;
}

/* The end of the log against what the record's state says of it. */
static void verify_end(struct audit_verdict *result, const struct audit_head *head)
{
	if (result->verdict.invalid)
		return;
	if (result->lines < head->sequence)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": expected, and not there: it was taken away from the end",
			       result->lines + 1);
	else if (result->lines > head->sequence)
		reject_because(&result->verdict,
			       "line %" PRId64 ": the record knows of %" PRId64
			       " lines: it was put in",
			       head->sequence + 1, head->sequence);
	else if (memcmp(result->head, head->sha256, SHA256_LEN) != 0)
		reject_because(&result->verdict,
			       "line %" PRId64 ": changed: not what was written last",
			       result->lines);
}

/* The last line that was trimmed, from which the chain goes on. */
static int read_trimmed(struct transaction *transaction, struct audit_head *ret_trimmed,
			struct fault *fault)
{
	static const char sql[] = "SELECT audit_trimmed, audit_trimmed_head FROM state";
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, sql, NO_VALUES, &rows, NULL, fault) < 0)
		return -1;
	ret_trimmed->sequence = row_number(&rows, 0);
	row_octets(&rows, 1, ret_trimmed->sha256, SHA256_LEN);
	return check_row(&rows, fault);
}

/* Begins after the line of the head. */
static struct audit_verdict begin_verdict(const struct audit_head *trimmed)
{
	struct audit_verdict result = {.lines = trimmed->sequence, .trimmed = trimmed->sequence};

	memcpy(result.head, trimmed->sha256, SHA256_LEN);
	return result;
}

int verify_audit(struct store *store, struct audit_verdict *ret_verdict, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	struct audit_verdict result;
	struct audit_head trimmed = {0};
	struct audit_head head = {0};
	int64_t sequence;
	const char *line;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    read_head(&transaction, &head, fault) < 0 ||
	    read_trimmed(&transaction, &trimmed, fault) < 0 ||
	    select_lines(&transaction, 1, &rows, fault) < 0 ||
	    read_line(&rows, &sequence, &line, fault) < 0)
		return -1;
	result = begin_verdict(&trimmed);
	while (line != NULL) {
		verify_line(&result, sequence, bytes_of_string(line));
		if (read_line(&rows, &sequence, &line, fault) < 0)
			return -1;
	}
	verify_end(&result, &head);
	*ret_verdict = result;
	return 0;
}

/* Takes the next line off the copy. False for a line without its line end. */
static bool cut_copied_line(struct bytes *copy, struct bytes *ret_line)
{
	const uint8_t *end = copy->len > 0 ? memchr(copy->data, '\n', copy->len) : NULL;

	if (end == NULL)
		return false;
	*ret_line = (struct bytes){copy->data, (size_t)(end - copy->data)};
	copy->data = end + 1;
	copy->len -= ret_line->len + 1;
	return true;
}

/* The lines of a copy, the next one first, and the record's beside them. */
struct audit_comparison {
	struct transaction *transaction;
	struct rows rows; /* from the first line that both may have */
	bool open;
	struct audit_head trimmed;
	struct bytes copy;
	struct audit_verdict result;
};

/*
 * Begins with the line before the copy's first: none, the last that was trimmed, one of the record,
 * or one that only its digest in the copy tells of: then the trimmed one, later in the copy, proves
 * it, as it has all lines before it in its digest.
 */
static int begin_comparison(struct audit_comparison *comparison, struct fault *fault)
{
	static const char sql[] = "SELECT line FROM audit WHERE sequence = ?1";
	struct audit_verdict *result = &comparison->result;
	CLEANUP(close_rows) struct rows rows = {0};
	struct bytes rest = comparison->copy;
	struct bytes line;
	struct event_link link = {.sequence = 1};
	struct fault malformed = {0};
	bool found = false;

	if (cut_copied_line(&rest, &line))
		(void)!parse_event_link(line, &link, &malformed);
	*result = begin_verdict(&(struct audit_head){0});
	result->trimmed = comparison->trimmed.sequence;
	if (malformed.class != FAULT_NONE || link.sequence <= 1)
		return 0;
	result->lines = link.sequence - 1;
	memcpy(result->head, link.previous, SHA256_LEN);
	if (result->lines == comparison->trimmed.sequence)
		memcpy(result->head, comparison->trimmed.sha256, SHA256_LEN);
	if (result->lines <= comparison->trimmed.sequence)
		return 0;
	if (query_row(comparison->transaction, sql, VALUES(number_value(result->lines)), &rows,
		      &found, fault) < 0)
		return -1;
	if (found)
		digest_sha256(bytes_of_string(row_text(&rows, 0)), result->head);
	else
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": in the copy, and not in the record: it was taken away",
			       link.sequence);
	return found ? check_row(&rows, fault) : 0;
}

/* A line that the record has must be the same there. */
static int compare_line(struct audit_comparison *comparison, struct bytes copied,
			struct fault *fault)
{
	struct audit_verdict *result = &comparison->result;
	int64_t expected = result->lines + 1;
	int64_t sequence;
	const char *line;

	if (!comparison->open) {
		if (select_lines(comparison->transaction, expected, &comparison->rows, fault) < 0)
			return -1;
		comparison->open = true;
	}
	if (read_line(&comparison->rows, &sequence, &line, fault) < 0)
		return -1;
	if (line == NULL)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": in the copy, and not in the record: it was taken away",
			       expected);
	else if (!equal_bytes(copied, bytes_of_string(line)))
		reject_because(&result->verdict,
			       "line %" PRId64 ": the copy and the record have different lines",
			       expected);
	else
		verify_line(result, sequence, copied);
	return 0;
}

static int verify_copied_line(struct audit_comparison *comparison, struct fault *fault)
{
	struct audit_verdict *result = &comparison->result;
	const struct audit_head *trimmed = &comparison->trimmed;
	int64_t expected = result->lines + 1;
	struct bytes copied;

	if (!cut_copied_line(&comparison->copy, &copied)) {
		reject_because(&result->verdict, "line %" PRId64 ": cut off", expected);
		return 0;
	}
	if (expected > trimmed->sequence)
		return compare_line(comparison, copied, fault);
	verify_line(result, expected, copied);
	if (!result->verdict.invalid && expected == trimmed->sequence &&
	    memcmp(result->head, trimmed->sha256, SHA256_LEN) != 0)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": changed, it or a line before it: not what was trimmed",
			       expected);
	return 0;
}

static void close_comparison(struct audit_comparison *comparison)
{
	close_rows(&comparison->rows);
}

int verify_audit_copy(struct store *store, struct bytes copy, struct audit_verdict *ret_verdict,
		      struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_comparison)
	struct audit_comparison comparison = {.transaction = &transaction, .copy = copy};
	struct audit_verdict *result = &comparison.result;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    read_trimmed(&transaction, &comparison.trimmed, fault) < 0 ||
	    begin_comparison(&comparison, fault) < 0)
		return -1;
	/* A copy that ends earlier than the record's log is valid. */
	while (comparison.copy.len > 0 && !result->verdict.invalid)
		if (verify_copied_line(&comparison, fault) < 0)
			return -1;
	if (result->lines < comparison.trimmed.sequence)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": neither in the copy nor in the record: give the files of the "
			       "later exports, too",
			       result->lines + 1);
	*ret_verdict = *result;
	return 0;
}
