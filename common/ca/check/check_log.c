#include "common/ca/check/checks.h"

#include "common/ca/store/statement.h"
#include "common/wire/event.h"

#include <stdlib.h>
#include <string.h>

/*
 * The audit log against the record: a certificate that was certified by the log is in the record,
 * unless it was pruned since; one that was revoked by the log is revoked.
 */
struct log_context {
	struct transaction *transaction;
	struct check_context *check;
	struct buffer missing; /* serials that were certified and are not in the record */
	struct buffer pruned;  /* serials that were pruned */
};

static void clear_log_context(struct log_context *context)
{
	clear_buffer(&context->missing);
	clear_buffer(&context->pruned);
}

static int report_serial(struct check_context *check, const uint8_t serial[static SERIAL_MAX],
			 const char *text, struct fault *fault)
{
	char digits[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){serial, SERIAL_MAX}, digits);
	return report_finding(check, store_name(check->options->store), ADVICE_RESTORE, fault,
			      "certificate %s: %s", digits, text);
}

static int check_serial(struct log_context *context, enum event_kind kind,
			const uint8_t serial[static SERIAL_MAX], struct fault *fault)
{
	static const char sql[] = "SELECT revoked_at FROM certificate WHERE serial = ?1";
	CLEANUP(close_rows) struct rows rows = {0};
	bool found;

	if (query_row(context->transaction, sql, VALUES(octets_value(serial, SERIAL_MAX)), &rows,
		      &found, fault) < 0)
		return -1;
	if (kind == EVENT_CERTIFIED && !found)
		append_bytes(&context->missing, (struct bytes){serial, SERIAL_MAX});
	if (kind == EVENT_REVOKED && found && row_is_null(&rows, 0))
		return report_serial(context->check, serial,
				     "expected it revoked, as the audit log has "
				     "it, found it not revoked",
				     fault);
	return 0;
}

static int check_line(struct log_context *context, const char *line, struct fault *fault)
{
	CLEANUP(clear_event_serials) struct event_serials event = {0};
	struct fault malformed = {0};

	/* verify_audit reports a malformed line. */
	if (parse_event_serials(bytes_of_string(line), &event, &malformed) < 0)
		return 0;
	if (event.kind == EVENT_PRUNED)
		append_bytes(&context->pruned, (struct bytes){(const uint8_t *)event.serials,
							      event.count * SERIAL_MAX});
	if (event.kind != EVENT_CERTIFIED && event.kind != EVENT_REVOKED)
		return 0;
	for (size_t i = 0; i < event.count; i++)
		if (check_serial(context, event.kind, event.serials[i], fault) < 0)
			return -1;
	return 0;
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

static int report_missing(struct log_context *context, struct fault *fault)
{
	size_t pruned_count = context->pruned.len / SERIAL_MAX;

	if (check_buffer(&context->missing, fault) < 0 || check_buffer(&context->pruned, fault) < 0)
		return -1;
	if (pruned_count > 0)
		qsort(context->pruned.data, pruned_count, SERIAL_MAX, compare_serials);
	for (size_t at = 0; at < context->missing.len; at += SERIAL_MAX) {
		const uint8_t *serial = context->missing.data + at;

		if (pruned_count > 0 && bsearch(serial, context->pruned.data, pruned_count,
						SERIAL_MAX, compare_serials) != NULL)
			continue;
		if (report_serial(context->check, serial,
				  "expected in the record, as the audit log has "
				  "it, found none",
				  fault) < 0)
			return -1;
	}
	return 0;
}

int check_log(struct transaction *transaction, struct check_context *check, struct fault *fault)
{
	static const char sql[] = "SELECT line FROM audit ORDER BY id";
	CLEANUP(clear_log_context)
	struct log_context context = {.transaction = transaction, .check = check};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (query_rows(transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row)
		if (check_line(&context, row_text(&rows, 0), fault) < 0 ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
	return report_missing(&context, fault);
}
