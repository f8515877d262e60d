#include "common/ca/check/check_ca.h"

#include "common/ca/check/findings.h"
#include "common/ca/store/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void clear_checking(struct checking *checking)
{
	for (size_t i = 0; i < checking->issuer_count; i++)
		free_certificate(&checking->issuers[i]);
}

int report(struct checking *checking, const char *where, const char *advice, struct fault *fault,
	   const char *format, ...)
{
	CLEANUP(free_string) char *text = NULL;
	struct finding finding = {.where = where, .advice = advice};
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (len < 0) {
		text = NULL;
		return set_memory_fault(fault);
	}
	finding.text = text;
	checking->summary.findings++;
	return checking->terms->function(checking->terms->context, &finding, fault);
}

static int check_pages(struct session *session, struct checking *checking, struct fault *fault)
{
	struct database *database = &session->database;
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	struct fault found = {0};
	bool row = true;

	if (prepare_statement(database, "PRAGMA integrity_check", &statement, &found) < 0)
		row = false;
	while (row && step_statement(database, statement, &row, &found) == 0) {
		const char *text = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;

		if (text == NULL || strcmp(text, "ok") == 0)
			break;
		if (report(checking, store_path(checking->terms->store), ADVICE_RESTORE, fault,
			   "expected whole pages and indexes, found: %s", text) < 0)
			return -1;
	}
	if (found.class == FAULT_NONE)
		return 0;
	return report(checking, store_path(checking->terms->store), ADVICE_RESTORE, fault,
		      "cannot be read: %s", found.text);
}

/* What the rows must be to each other: each row that a query gives is a finding. */
static const struct {
	const char *sql; /* gives a text */
	const char *text;
	const char *advice;
} relations[] = {
	{"SELECT lower(hex(serial)) FROM certificate GROUP BY serial HAVING COUNT(*) > 1",
	 "certificate %s: expected its serial once, found it more than once", ADVICE_RESTORE},
	{"SELECT lower(hex(min(serial))) FROM certificate GROUP BY key_sha256 HAVING COUNT(*) > 1",
	 "certificate %s: expected its public key once, found it more than once", ADVICE_RESTORE},
	{"SELECT lower(hex(serial)) FROM certificate JOIN spent_key USING (key_sha256)",
	 "certificate %s: its public key is also among those that were pruned: it was certified "
	 "twice",
	 "revoke it, and restore the record from a backup"},
	{"SELECT DISTINCT client FROM certificate WHERE client <> '" CA_NAME "'"
	 " AND EXISTS (SELECT 1 FROM client) AND client NOT IN (SELECT name FROM client)",
	 "client %s: has certificates, and is not among the clients", ADVICE_RESTORE},
	{"SELECT name FROM client WHERE revoked_at IS NOT NULL AND EXISTS (SELECT 1 FROM"
	 " certificate WHERE client = name AND certificate.revoked_at IS NULL"
	 " AND not_after >= ?1)",
	 "client %s: is revoked, and has certificates that are not",
	 "revoke them: certpool revoke --client CLIENT"},
};

static int report_relation(struct checking *checking, const char *format, const char *name,
			   const char *advice, struct fault *fault)
{
	const char *hole = strstr(format, "%s");

	return report(checking, store_path(checking->terms->store), advice, fault, "%.*s%s%s",
		      (int)(hole - format), format, name, hole + strlen("%s"));
}

static int check_relation(struct session *session, struct checking *checking, size_t i,
			  struct fault *fault)
{
	struct database *database = &session->database;
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	bool row = true;

	if (prepare_statement(database, relations[i].sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, checking->terms->now_s);
	while (step_statement(database, statement, &row, fault) == 0) {
		const char *name = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;

		if (!row)
			return 0;
		if (report_relation(checking, relations[i].text, name != NULL ? name : "?",
				    relations[i].advice, fault) < 0)
			return -1;
	}
	return -1;
}

static int check_rows(struct session *session, struct checking *checking, struct fault *fault)
{
	for (size_t i = 0; i < COUNT_OF(relations); i++)
		if (check_relation(session, checking, i, fault) < 0)
			return -1;
	if (check_certificates(session, checking, fault) < 0)
		return -1;
	return check_log(session, checking, fault);
}

/* All of it as of one moment. What the record's damage makes impossible is a finding too. */
static int check_session(struct session *session, void *context, struct fault *fault)
{
	struct checking *checking = context;
	struct fault found = {0};

	if (check_pages(session, checking, fault) < 0)
		return -1;
	if (check_rows(session, checking, &found) == 0)
		return 0;
	return report(checking, store_path(checking->terms->store), ADVICE_RESTORE, fault,
		      "cannot be looked at to its end: %s", found.text);
}

static int check_audit(struct checking *checking, struct fault *fault)
{
	struct audit_verdict verdict = {0};
	struct fault found = {0};
	const char *advice = "find out who wrote to the record; a copy of the log tells what it "
			     "was: certpool audit verify COPY";

	if (verify_audit(checking->terms->store, &verdict, &found) < 0)
		reject_because(&verdict.verdict, "cannot be read: %s", found.text);
	checking->summary.audit_lines = (size_t)verdict.lines;
	return verdict.verdict.invalid ? report(checking, "the audit log", advice, fault, "%s",
						verdict.verdict.reason)
				       : 0;
}

int check_ca(const struct check_options *terms, struct check_summary *ret_summary,
	     struct fault *fault)
{
	CLEANUP(clear_checking) struct checking checking = {.terms = terms};

	if (check_files(&checking, fault) < 0 || check_identity(&checking, fault) < 0 ||
	    run_scan(terms->store, check_session, &checking, fault) < 0 ||
	    check_audit(&checking, fault) < 0 || check_current_crl(&checking, fault) < 0)
		return -1;
	*ret_summary = checking.summary;
	return 0;
}
