#include "common/ca/check/check_ca.h"

#include "common/ca/check/checks.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/statement.h"
#include "common/x509/certificate.h"

#include <string.h>

static void clear_check_context(struct check_context *context)
{
	free_certificate(&context->root);
	for (unsigned int i = 0; i < context->issuer_count; i++)
		free_certificate(&context->issuers[i]);
}

static int report_page(void *context, const char *text, struct fault *fault)
{
	struct check_context *check = context;

	return report_finding(check, store_name(check->options->store), ADVICE_RESTORE, fault,
			      "expected whole pages and indexes, found: %s", text);
}

/* How rows must be related: each row of a query is a finding. */
static const struct {
	const char *sql;
	bool has_serial; /* the row is a serial; otherwise a text */
	bool has_now;    /* parameter 1 is the time */
	const char *subject;
	const char *text;
	const char *advice;
} relations[] = {
	{"SELECT serial FROM certificate GROUP BY serial HAVING COUNT(*) > 1", true, false,
	 "certificate", "expected its serial once, found it more than once", ADVICE_RESTORE},
	{"SELECT serial FROM certificate WHERE key_sha256 IN (SELECT key_sha256 FROM certificate"
	 " GROUP BY key_sha256 HAVING COUNT(*) > 1)",
	 true, false, "certificate", "expected its public key once, found it more than once",
	 ADVICE_RESTORE},
	{"SELECT serial FROM certificate JOIN spent_key USING (key_sha256)", true, false,
	 "certificate",
	 "its public key is also among those that were pruned: it was certified twice",
	 "revoke it, and restore the record from a backup"},
	{"SELECT DISTINCT client FROM certificate WHERE client <> '" CA_NAME "'"
	 " AND EXISTS (SELECT 1 FROM client) AND client NOT IN (SELECT name FROM client)",
	 false, false, "client", "has certificates, and is not among the clients", ADVICE_RESTORE},
	{"SELECT name FROM client WHERE revoked_at IS NOT NULL AND EXISTS (SELECT 1 FROM"
	 " certificate WHERE client = name AND certificate.revoked_at IS NULL"
	 " AND not_after >= ?1)",
	 false, true, "client", "is revoked, and has certificates that are not",
	 "revoke them: certpool revoke --client CLIENT"},
};

static int check_relation(struct transaction *transaction, struct check_context *context, size_t i,
			  struct fault *fault)
{
	const struct value now = number_value(context->options->now_s);
	const struct values values = {&now, relations[i].has_now ? 1 : 0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (query_rows(transaction, relations[i].sql, values, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		char digits[SERIAL_TEXT_SIZE];
		const char *name = digits;

		if (relations[i].has_serial)
			format_serial(row_bytes(&rows, 0), digits);
		else
			name = row_text(&rows, 0);
		if (check_row(&rows, fault) < 0 ||
		    report_finding(context, store_name(context->options->store),
				   relations[i].advice, fault, "%s %s: %s", relations[i].subject,
				   name, relations[i].text) < 0 ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return 0;
}

static int check_rows(struct transaction *transaction, struct check_context *context,
		      struct fault *fault)
{
	for (size_t i = 0; i < COUNT_OF(relations); i++)
		if (check_relation(transaction, context, i, fault) < 0)
			return -1;
	if (check_certificates(transaction, context, fault) < 0)
		return -1;
	if (check_log(transaction, context, fault) < 0)
		return -1;
	return check_signed_log(transaction, context, fault);
}

/* All of it as of one moment. A part that damage makes impossible to check is a finding, too. */
static int check_record(struct check_context *context, struct fault *fault)
{
	const char *where = store_name(context->options->store);
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct fault problem = {0};

	if (begin_transaction(context->options->store, TRANSACTION_SCAN, &transaction, fault) < 0)
		return -1;
	if (check_integrity(&transaction, report_page, context, &problem) < 0 &&
	    report_finding(context, where, ADVICE_RESTORE, fault, "cannot be read: %s",
			   problem.text) < 0)
		return -1;
	problem = (struct fault){0};
	if (check_rows(&transaction, context, &problem) == 0)
		return 0;
	return report_finding(context, where, ADVICE_RESTORE, fault,
			      "cannot be looked at to its end: %s", problem.text);
}

static int check_audit(struct check_context *context, struct fault *fault)
{
	struct audit_verdict verdict = {0};
	struct fault problem = {0};
	const char *advice = "find out who wrote to the record; a copy of the log tells what it "
			     "was: certpool audit verify COPY";

	if (verify_audit(context->options->store, &verdict, &problem) < 0)
		reject_because(&verdict.verdict, "cannot be read: %s", problem.text);
	context->summary.audit_lines = (size_t)verdict.all_lines;
	return verdict.verdict.invalid ? report_finding(context, "the audit log", advice, fault,
							"%s", verdict.verdict.reason)
				       : 0;
}

static int check_challenged(struct check_context *context, struct fault *fault)
{
	const struct check_options *options = context->options;
	CLEANUP(clear_buffer) struct buffer unknown = {0};
	struct fault problem = {0};

	/* A record that cannot be read is a finding already. */
	if (find_unknown_challenged(options->store, options->ca, &unknown, &problem) < 0 ||
	    unknown.len == 0)
		return 0;
	return report_finding(context, "ca.acme.http_01",
			      "correct the name in the manifest, or add the client: certpool "
			      "client add CLIENT",
			      fault, "%s", (const char *)unknown.data);
}

int check_ca(const struct check_options *options, struct check_summary *ret_summary,
	     struct fault *fault)
{
	CLEANUP(clear_check_context) struct check_context context = {.options = options};

	if (check_files(&context, fault) < 0 || check_ca_identity(&context, fault) < 0 ||
	    check_record(&context, fault) < 0 || check_audit(&context, fault) < 0 ||
	    check_challenged(&context, fault) < 0 || check_current_crls(&context, fault) < 0)
		return -1;
	*ret_summary = context.summary;
	return 0;
}
