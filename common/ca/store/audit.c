#include "common/ca/store/audit.h"

#include "common/ca/store/session.h"

#include <inttypes.h>
#include <string.h>

/* The last line, as the record's state has it. */
struct head {
	int64_t sequence;
	uint8_t sha256[SHA256_LEN];
};

static int read_head(struct session *session, struct head *ret_head, struct fault *fault)
{
	static const char sql[] = "SELECT audit_count, audit_head FROM state";
	sqlite3_stmt *statement;
	const void *digest;
	bool row;

	if (get_statement(session, sql, &statement, fault) < 0 ||
	    step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	digest = row ? sqlite3_column_blob(statement, 1) : NULL;
	if (digest == NULL || sqlite3_column_bytes(statement, 1) != SHA256_LEN) {
		reset_statement(statement);
		return set_database_fault(&session->database, SQLITE_CORRUPT, fault);
	}
	ret_head->sequence = sqlite3_column_int64(statement, 0);
	memcpy(ret_head->sha256, digest, SHA256_LEN);
	reset_statement(statement);
	return 0;
}

static int write_head(struct session *session, const struct head *head, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET audit_count = ?1, audit_head = ?2";
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, head->sequence);
	(void)sqlite3_bind_blob(statement, 2, head->sha256, SHA256_LEN, SQLITE_STATIC);
	return run_statement(session, statement, fault);
}

static int append_line(struct session *session, struct event *event, struct head *head,
		       struct fault *fault)
{
	static const char sql[] = "INSERT INTO audit (sequence, line) VALUES (?1, ?2)";
	CLEANUP(clear_buffer) struct buffer line = {0};
	sqlite3_stmt *statement;

	event->sequence = ++head->sequence;
	memcpy(event->previous, head->sha256, SHA256_LEN);
	if (format_event(event, &line, fault) < 0 ||
	    get_statement(session, sql, &statement, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(&line), head->sha256);
	(void)sqlite3_bind_int64(statement, 1, event->sequence);
	(void)sqlite3_bind_text64(statement, 2, (const char *)line.data, line.len, SQLITE_STATIC,
				  SQLITE_UTF8);
	return run_statement(session, statement, fault);
}

int append_event(struct session *session, const struct event *event, struct fault *fault)
{
	struct event part = *event;
	size_t left = event->serial_count;
	struct head head = {0};

	if (read_head(session, &head, fault) < 0)
		return -1;
	do {
		part.serial_count = left < EVENT_SERIALS_MAX ? left : EVENT_SERIALS_MAX;
		if (append_line(session, &part, &head, fault) < 0)
			return -1;
		left -= part.serial_count;
		if (left > 0)
			part.serials += part.serial_count;
	} while (left > 0);
	return write_head(session, &head, fault);
}

static int append_one(struct session *session, void *context, struct fault *fault)
{
	return append_event(session, context, fault);
}

int record_event(struct store *store, const struct event *event, struct fault *fault)
{
	struct event copy = *event;

	return run_transaction(store, append_one, &copy, fault);
}

struct event refusal_event(const char *client, const char *member, const struct refusal *refusal,
			   int64_t now_s)
{
	return (struct event){.kind = EVENT_REFUSED,
			      .time_s = now_s,
			      .by = client,
			      .member = member,
			      .type = refusal->type,
			      .detail = refusal->detail};
}

int record_refusal(struct store *store, const char *client, const char *member,
		   const struct refusal *refusal, int64_t now_s, struct fault *fault)
{
	struct event event = refusal_event(client, member, refusal, now_s);

	return record_event(store, &event, fault);
}

/* A walk over the lines. */
struct walk {
	int64_t first;
	line_function *function;
	void *context;
	struct head head; /* what the record says of the last line, at the same moment */
};

static int walk_lines(struct session *session, void *context, struct fault *fault)
{
	static const char sql[] =
		"SELECT sequence, line FROM audit WHERE sequence >= ?1 ORDER BY sequence";
	struct walk *walk = context;
	sqlite3_stmt *statement;
	bool row;

	if (read_head(session, &walk->head, fault) < 0 ||
	    get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, walk->first);
	while (step_statement(&session->database, statement, &row, fault) == 0) {
		const char *line = row ? (const char *)sqlite3_column_text(statement, 1) : NULL;

		if (!row)
			return 0;
		if (line == NULL ||
		    walk->function(walk->context, sqlite3_column_int64(statement, 0), line, fault) <
			    0) {
			reset_statement(statement);
			return set_fault(fault, FAULT_FAILED, "the audit log cannot be read");
		}
	}
	return -1;
}

int list_audit(struct store *store, int64_t first, line_function *function, void *context,
	       struct fault *fault)
{
	struct walk walk = {.first = first, .function = function, .context = context};

	return run_scan(store, walk_lines, &walk, fault);
}

/* Lines that are held against each other, one after the other. */
struct verification {
	struct audit_verdict result;
	struct bytes copy; /* what is left of it */
};

static void verify_line(struct audit_verdict *result, int64_t sequence, struct bytes line)
{
	struct event_link link = {0};
	struct fault found = {0};
	int64_t expected = result->lines + 1;

	if (result->verdict.invalid)
		return;
	if (sequence != expected)
		reject_because(&result->verdict,
			       "line %" PRId64 ": expected, and not there: it was taken away",
			       expected);
	else if (parse_event_link(line, &link, &found) < 0)
		reject_because(&result->verdict, "line %" PRId64 ": changed: %s", sequence,
			       found.text);
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

static int verify_recorded(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct verification *verification = context;

	(void)fault;
	verify_line(&verification->result, sequence, bytes_of_string(line));
	return 0;
}

int verify_audit(struct store *store, struct audit_verdict *ret_verdict, struct fault *fault)
{
	struct verification verification = {0};
	struct audit_verdict *result = &verification.result;
	struct walk walk = {.function = verify_recorded, .context = &verification};

	if (run_scan(store, walk_lines, &walk, fault) < 0)
		return -1;
	if (!result->verdict.invalid && result->lines < walk.head.sequence)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": expected, and not there: it was taken away from the end",
			       result->lines + 1);
	else if (!result->verdict.invalid && result->lines > walk.head.sequence)
		reject_because(&result->verdict,
			       "line %" PRId64 ": the record knows of %" PRId64
			       " lines: it was put in",
			       walk.head.sequence + 1, walk.head.sequence);
	else if (!result->verdict.invalid &&
		 memcmp(result->head, walk.head.sha256, SHA256_LEN) != 0)
		reject_because(&result->verdict,
			       "line %" PRId64 ": changed: not what was written last",
			       result->lines);
	*ret_verdict = *result;
	return 0;
}

/* Takes the next line off the copy. False for one without its line end. */
static bool take_copied(struct bytes *copy, struct bytes *ret_line)
{
	const uint8_t *end = copy->len > 0 ? memchr(copy->data, '\n', copy->len) : NULL;

	if (end == NULL)
		return false;
	*ret_line = (struct bytes){copy->data, (size_t)(end - copy->data)};
	copy->data = end + 1;
	copy->len -= ret_line->len + 1;
	return true;
}

/* The line of the copy in the same place must be the same. A copy that ends earlier is no fault. */
static int compare_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct verification *verification = context;
	struct audit_verdict *result = &verification->result;
	struct bytes copied;

	(void)fault;
	if (verification->copy.len == 0 || result->verdict.invalid)
		return 0;
	if (!take_copied(&verification->copy, &copied))
		reject_because(&result->verdict, "line %" PRId64 ": cut off", sequence);
	else if (!equal_bytes(copied, bytes_of_string(line)))
		reject_because(&result->verdict,
			       "line %" PRId64 ": the copy and the record have different lines",
			       sequence);
	else
		verify_line(result, sequence, copied);
	return 0;
}

int verify_audit_copy(struct store *store, struct bytes copy, struct audit_verdict *ret_verdict,
		      struct fault *fault)
{
	struct verification verification = {.copy = copy};
	struct audit_verdict *result = &verification.result;

	if (list_audit(store, 1, compare_line, &verification, fault) < 0)
		return -1;
	if (verification.copy.len > 0)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": in the copy, and not in the record: it was taken away",
			       result->lines + 1);
	*ret_verdict = *result;
	return 0;
}
