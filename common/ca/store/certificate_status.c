#include "common/ca/store/certificate_status.h"

#include "common/ca/store/session.h"

struct question {
	struct bytes serial;
	struct certificate_status standing;
};

/* One statement, so that both come from one snapshot of the record. */
static int ask_record(struct session *session, void *context, struct fault *fault)
{
	static const char sql[] = "SELECT state.revision, certificate.id, revoked_at, reason"
				  " FROM state LEFT JOIN certificate ON serial = ?1";
	struct question *question = context;
	struct certificate_status *standing = &question->standing;
	sqlite3_stmt *statement;
	bool row;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_blob(statement, 1, question->serial.data, (int)question->serial.len,
				SQLITE_STATIC);
	if (step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	standing->revision = sqlite3_column_int64(statement, 0);
	standing->found = sqlite3_column_type(statement, 1) != SQLITE_NULL;
	standing->revoked = sqlite3_column_type(statement, 2) != SQLITE_NULL;
	standing->revoked_at_s = sqlite3_column_int64(statement, 2);
	standing->reason = sqlite3_column_int(statement, 3);
	reset_statement(statement);
	return 0;
}

int read_certificate_status(struct store *store, struct bytes serial,
			    struct certificate_status *ret_standing, struct fault *fault)
{
	struct question question = {.serial = serial};

	if (run_query(store, ask_record, &question, fault) < 0)
		return -1;
	*ret_standing = question.standing;
	return 0;
}
