#include "common/ca/store/certificate_query.h"

/* Conditions with their parameters; the numbers are those of bind_values. */
static void append_conditions(struct buffer *sql, const struct selection *selection)
{
	const struct certificate_query *query = selection->query;

	append_string(sql, " WHERE id > ?1");
	if (query->client != NULL)
		append_string(sql, " AND client = ?2");
	if (query->member != NULL)
		append_string(sql, " AND member = ?3");
	if (query->subject != NULL)
		append_string(sql, " AND subject GLOB ?4");
	if (query->issued_before_s != 0)
		append_string(sql, " AND issued_at < ?5");
	if (query->expires_before_s != 0)
		append_string(sql, " AND not_after < ?6");
	switch (query->state) {
	case STATE_ANY:
		break;
	case STATE_VALID:
		append_string(sql, " AND revoked_at IS NULL AND not_after >= ?7");
		break;
	case STATE_EXPIRED:
		append_string(sql, " AND not_after < ?7");
		break;
	case STATE_REVOKED:
		append_string(sql, " AND revoked_at IS NOT NULL");
		break;
	}
}

/* Binding a parameter that the text does not have changes nothing. */
static void bind_values(sqlite3_stmt *statement, const struct selection *selection)
{
	const struct certificate_query *query = selection->query;

	(void)sqlite3_bind_int64(statement, 1, selection->after);
	(void)sqlite3_bind_text(statement, 2, query->client, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, query->member, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 4, query->subject, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 5, query->issued_before_s);
	(void)sqlite3_bind_int64(statement, 6, query->expires_before_s);
	(void)sqlite3_bind_int64(statement, 7, query->now_s);
}

int prepare_selection(struct session *session, const char *columns,
		      const struct selection *selection, sqlite3_stmt **ret_statement,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer sql = {0};

	append_format(&sql, "SELECT %s FROM certificate", columns);
	append_conditions(&sql, selection);
	append_string(&sql, " ORDER BY id");
	if (check_buffer(&sql, fault) < 0 ||
	    prepare_statement(&session->database, (const char *)sql.data, ret_statement, fault) < 0)
		return -1;
	bind_values(*ret_statement, selection);
	return 0;
}
