#include "common/ca/store/revoke.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/certificate_query.h"
#include "common/ca/store/certificate_row.h"
#include "common/ca/store/session.h"
#include "common/x509/revocation/crl_reason.h"

#include <stdlib.h>
#include <string.h>

/* A revocation while it is done. */
struct revoking {
	const struct revocation *revocation;
	revoked_function *function;
	void *context;
	struct revocation_summary summary;
	struct buffer serials; /* of what was revoked now, for the audit log */
};

static void clear_revoking(struct revoking *revoking)
{
	clear_buffer(&revoking->serials);
}

static int mark_row(struct session *session, const struct revocation *revocation,
		    const struct issued_certificate *record, struct fault *fault)
{
	static const char sql[] = "UPDATE certificate SET revoked_at = ?1, reason = ?2"
				  " WHERE serial = ?3 AND revoked_at IS NULL";
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, revocation->now_s);
	(void)sqlite3_bind_int(statement, 2, revocation->reason);
	(void)sqlite3_bind_blob(statement, 3, record->serial, SERIAL_MAX, SQLITE_STATIC);
	return run_statement(session, statement, fault);
}

static int tell(struct revoking *revoking, const struct issued_certificate *record,
		struct fault *fault)
{
	struct revoked_certificate told = {
		.already = record->revoked,
		.revoked_at_s =
			record->revoked ? record->revoked_at_s : revoking->revocation->now_s,
		.reason = record->revoked ? record->reason : revoking->revocation->reason,
	};

	memcpy(told.serial, record->serial, SERIAL_MAX);
	memcpy(told.client, record->client, NAME_SIZE);
	memcpy(told.member, record->member, NAME_SIZE);
	return revoking->function != NULL ? revoking->function(revoking->context, &told, fault) : 0;
}

/* One certificate. What was revoked before keeps its first date and reason. */
static int revoke_record(struct session *session, struct revoking *revoking,
			 const struct issued_certificate *record, struct fault *fault)
{
	if (record->revoked) {
		revoking->summary.already++;
		return tell(revoking, record, fault);
	}
	revoking->summary.revoked++;
	append_bytes(&revoking->serials, (struct bytes){record->serial, SERIAL_MAX});
	if (!revoking->revocation->dry_run &&
	    mark_row(session, revoking->revocation, record, fault) < 0)
		return -1;
	return tell(revoking, record, fault);
}

static int check_owner(const struct revocation *revocation, const struct issued_certificate *record,
		       struct fault *fault)
{
	char serial[SERIAL_TEXT_SIZE];

	if (strcmp(revocation->by, CA_NAME) == 0 || strcmp(revocation->by, record->client) == 0)
		return 0;
	format_serial((struct bytes){record->serial, SERIAL_MAX}, serial);
	return set_fault(fault, FAULT_REFUSED, "certificate %s is not one of %s's: it stays",
			 serial, revocation->by);
}

static int find_row(struct session *session, const uint8_t serial[static SERIAL_MAX],
		    struct issued_certificate *ret_record, struct fault *fault)
{
	static const char sql[] =
		"SELECT " RECORD_COLUMNS_WITHOUT_DER " FROM certificate WHERE serial = ?1";
	sqlite3_stmt *statement;
	char text[SERIAL_TEXT_SIZE];
	int result;
	bool row;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_blob(statement, 1, serial, SERIAL_MAX, SQLITE_STATIC);
	if (step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	if (!row) {
		format_serial((struct bytes){serial, SERIAL_MAX}, text);
		return set_fault(fault, FAULT_NOT_FOUND,
				 "serial %s: no certificate of this CA has it", text);
	}
	result = read_record(&session->database, statement, ret_record, fault);
	reset_statement(statement);
	return result;
}

static int revoke_serials(struct session *session, struct revoking *revoking, struct fault *fault)
{
	const struct revocation *revocation = revoking->revocation;

	for (size_t i = 0; i < revocation->serial_count; i++) {
		CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

		if (find_row(session, revocation->serials[i], &record, fault) < 0 ||
		    check_owner(revocation, &record, fault) < 0 ||
		    revoke_record(session, revoking, &record, fault) < 0)
			return -1;
	}
	return 0;
}

/*
 * Rows are marked while they are listed in the order of their ids, which marking does not change.
 */
static int revoke_found(struct session *session, struct revoking *revoking,
			const struct certificate_query *query, struct fault *fault)
{
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	struct certificate_query live = *query;
	const struct selection selection = {.query = &live};
	bool row = true;

	live.state = STATE_VALID;
	live.now_s = revoking->revocation->now_s;
	if (prepare_selection(session, RECORD_COLUMNS_WITHOUT_DER, &selection, &statement, fault) <
	    0)
		return -1;
	while (row) {
		CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

		if (step_statement(&session->database, statement, &row, fault) < 0)
			return -1;
		if (!row)
			break;
		if (read_record(&session->database, statement, &record, fault) < 0 ||
		    check_owner(revoking->revocation, &record, fault) < 0 ||
		    revoke_record(session, revoking, &record, fault) < 0)
			return -1;
	}
	return 0;
}

/* Takes its right to enroll, unless it has none any more. */
static int bar_client(struct session *session, struct revoking *revoking, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET revoked_at = ?1, reason = ?2"
				  " WHERE name = ?3 AND revoked_at IS NULL";
	static const char find_sql[] = "SELECT revoked_at FROM client WHERE name = ?1";
	const struct revocation *revocation = revoking->revocation;
	sqlite3_stmt *statement;
	bool row;

	if (get_statement(session, find_sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_text(statement, 1, revocation->client, -1, SQLITE_STATIC);
	if (step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	if (!row)
		return set_fault(fault, FAULT_NOT_FOUND, "the CA's record has no client \"%s\"",
				 revocation->client);
	revoking->summary.client_barred = sqlite3_column_type(statement, 0) == SQLITE_NULL;
	reset_statement(statement);
	if (revocation->dry_run)
		return 0;
	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, revocation->now_s);
	(void)sqlite3_bind_int(statement, 2, revocation->reason);
	(void)sqlite3_bind_text(statement, 3, revocation->client, -1, SQLITE_STATIC);
	return run_statement(session, statement, fault);
}

static int revoke_client(struct session *session, struct revoking *revoking, struct fault *fault)
{
	const struct certificate_query query = {.client = revoking->revocation->client};

	if (bar_client(session, revoking, fault) < 0)
		return -1;
	return revoke_found(session, revoking, &query, fault);
}

static int note_revocation(struct session *session, const struct revoking *revoking,
			   struct fault *fault)
{
	static const char sql[] = "UPDATE state SET revision = revision + 1";
	const struct revocation *revocation = revoking->revocation;
	const struct event event = {
		.kind = EVENT_REVOKED,
		.time_s = revocation->now_s,
		.by = revocation->by,
		.client = revocation->client,
		.type = format_crl_reason(revocation->reason),
		.serials = (void *)revoking->serials.data,
		.serial_count = revoking->serials.len / SERIAL_MAX,
	};
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0 ||
	    run_statement(session, statement, fault) < 0)
		return -1;
	return append_event(session, &event, fault);
}

static int revoke_all(struct session *session, void *context, struct fault *fault)
{
	struct revoking *revoking = context;
	const struct revocation *revocation = revoking->revocation;

	if (revocation->client != NULL && revoke_client(session, revoking, fault) < 0)
		return -1;
	if (revocation->query != NULL &&
	    revoke_found(session, revoking, revocation->query, fault) < 0)
		return -1;
	if (revoke_serials(session, revoking, fault) < 0 ||
	    check_buffer(&revoking->serials, fault) < 0)
		return -1;
	if (revocation->dry_run ||
	    (revoking->summary.revoked == 0 && !revoking->summary.client_barred))
		return 0;
	return note_revocation(session, revoking, fault);
}

int revoke_certificates(struct store *store, const struct revocation *revocation,
			revoked_function *function, void *context,
			struct revocation_summary *ret_summary, struct fault *fault)
{
	CLEANUP(clear_revoking)
	struct revoking revoking = {
		.revocation = revocation, .function = function, .context = context};

	if (run_transaction(store, revoke_all, &revoking, fault) < 0)
		return -1;
	*ret_summary = revoking.summary;
	return 0;
}
