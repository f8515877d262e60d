#include "common/ca/backup/adopt_record.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/sqlite/page_copy.h"

/*
 * What was given out since the backup is not known. A CRL a second is more than anybody makes, so
 * that the time is higher than any number (RFC 5280 section 5.2.3 wants them to grow, not to
 * count). The record has no CRL that stands: the next one is made as soon as it is asked for.
 */
static int raise_crl_number(struct session *session, int64_t now_s, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET crl_number = max(crl_number, ?1),"
				  " crl_revision = -1, revision = revision + 1";
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, now_s);
	return run_statement(session, statement, fault);
}

struct restoring {
	const char *name;
	int64_t now_s;
};

static int note_restored(struct session *session, void *context, struct fault *fault)
{
	const struct restoring *restoring = context;
	struct event event = {.kind = EVENT_RESTORED,
			      .time_s = restoring->now_s,
			      .by = CA_NAME,
			      .detail = restoring->name};

	if (raise_crl_number(session, restoring->now_s, fault) < 0 ||
	    query_integer(&session->database, "SELECT crl_number FROM state", &event.number,
			  fault) < 0)
		return -1;
	return append_event(session, &event, fault);
}

static int check_pages(struct session *session, void *context, struct fault *fault)
{
	(void)context;
	return check_integrity(session, fault);
}

static int prepare(struct store *store, const char *name, int64_t now_s,
		   struct restore_summary *summary, struct fault *fault)
{
	struct restoring restoring = {name, now_s};
	struct store_summary figures;
	struct crl_state state;

	if (run_scan(store, check_pages, NULL, fault) < 0 ||
	    run_transaction(store, note_restored, &restoring, fault) < 0 ||
	    summarize_store(store, now_s, &figures, fault) < 0 ||
	    read_crl_state(store, &state, fault) < 0)
		return -1;
	summary->certificates = figures.certificates;
	summary->revoked = figures.revoked;
	summary->crl_number = state.number;
	return 0;
}

int adopt_record(const char *path, const char *name, int64_t now_s, struct restore_summary *summary,
		 struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (open_store(path, &store, fault) < 0)
		return -1;
	return prepare(store, name, now_s, summary, fault);
}
