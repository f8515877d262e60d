#include "common/ca/check/findings.h"

#include "common/wire/event.h"

#include <stdlib.h>
#include <string.h>

/*
 * What the audit log says of certificates: one that it says was certified is in the record, unless
 * it was pruned since; one that it says was revoked is revoked.
 */
struct log_check {
	struct checking *checking;
	struct session *session;
	struct buffer missing; /* serials of what was certified and is not there */
	struct buffer pruned;  /* serials, by the log */
};

static void clear_log_check(struct log_check *check)
{
	clear_buffer(&check->missing);
	clear_buffer(&check->pruned);
}

static int report_serial(struct checking *checking, const uint8_t serial[static SERIAL_MAX],
			 const char *text, struct fault *fault)
{
	char digits[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){serial, SERIAL_MAX}, digits);
	return report(checking, store_path(checking->terms->store), ADVICE_RESTORE, fault,
		      "certificate %s: %s", digits, text);
}

static int find_row(struct session *session, const uint8_t serial[static SERIAL_MAX],
		    bool *ret_found, bool *ret_revoked, struct fault *fault)
{
	static const char sql[] =
		"SELECT revoked_at IS NOT NULL FROM certificate WHERE serial = ?1";
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_blob(statement, 1, serial, SERIAL_MAX, SQLITE_STATIC);
	if (step_statement(&session->database, statement, ret_found, fault) < 0)
		return -1;
	*ret_revoked = *ret_found && sqlite3_column_int(statement, 0) != 0;
	reset_statement(statement);
	return 0;
}

static int check_serial(struct log_check *check, enum event_kind kind,
			const uint8_t serial[static SERIAL_MAX], struct fault *fault)
{
	bool found;
	bool revoked;

	if (find_row(check->session, serial, &found, &revoked, fault) < 0)
		return -1;
	if (kind == EVENT_CERTIFIED && !found)
		append_bytes(&check->missing, (struct bytes){serial, SERIAL_MAX});
	if (kind == EVENT_REVOKED && found && !revoked)
		return report_serial(check->checking, serial,
				     "expected it revoked, as the audit log has "
				     "it, found it not revoked",
				     fault);
	return 0;
}

static int check_line(struct log_check *check, const char *line, struct fault *fault)
{
	CLEANUP(clear_event_serials) struct event_serials found = {0};
	struct fault malformed = {0};

	/* verify_audit tells what is wrong with a line that is none. */
	if (parse_event_serials(bytes_of_string(line), &found, &malformed) < 0)
		return 0;
	if (found.kind == EVENT_PRUNED)
		append_bytes(&check->pruned, (struct bytes){(const uint8_t *)found.serials,
							    found.count * SERIAL_MAX});
	if (found.kind != EVENT_CERTIFIED && found.kind != EVENT_REVOKED)
		return 0;
	for (size_t i = 0; i < found.count; i++)
		if (check_serial(check, found.kind, found.serials[i], fault) < 0)
			return -1;
	return 0;
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

static int report_missing(struct log_check *check, struct fault *fault)
{
	size_t pruned_count = check->pruned.len / SERIAL_MAX;

	if (check_buffer(&check->missing, fault) < 0 || check_buffer(&check->pruned, fault) < 0)
		return -1;
	if (pruned_count > 0)
		qsort(check->pruned.data, pruned_count, SERIAL_MAX, compare_serials);
	for (size_t at = 0; at < check->missing.len; at += SERIAL_MAX) {
		const uint8_t *serial = check->missing.data + at;

		if (pruned_count > 0 && bsearch(serial, check->pruned.data, pruned_count,
						SERIAL_MAX, compare_serials) != NULL)
			continue;
		if (report_serial(check->checking, serial,
				  "expected in the record, as the audit log has "
				  "it, found none",
				  fault) < 0)
			return -1;
	}
	return 0;
}

int check_log(struct session *session, struct checking *checking, struct fault *fault)
{
	static const char sql[] = "SELECT line FROM audit ORDER BY sequence";
	CLEANUP(clear_log_check)
	struct log_check check = {.checking = checking, .session = session};
	sqlite3_stmt *statement;
	bool row;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	while (step_statement(&session->database, statement, &row, fault) == 0) {
		const char *line = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;

		if (!row)
			return report_missing(&check, fault);
		if (line != NULL && check_line(&check, line, fault) < 0) {
			reset_statement(statement);
			return -1;
		}
	}
	return -1;
}
