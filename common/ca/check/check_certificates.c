#include "common/ca/check/findings.h"

#include "common/base/workers.h"
#include "common/ca/store/certificate_row.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 1024 };

/* Some rows, which several threads look at. */
struct rows {
	const struct checking *checking;
	struct issued_certificate records[ROWS_MAX];
	struct verdict verdicts[ROWS_MAX];
	size_t count;
};

static void clear_rows(struct rows **rows)
{
	for (size_t i = 0; *rows != NULL && i < (*rows)->count; i++)
		clear_issued_certificate(&(*rows)->records[i]);
	free(*rows);
	*rows = NULL;
}

static void compare_row(const struct issued_certificate *record,
			const struct certificate *certificate, struct verdict *verdict)
{
	uint8_t digest[SHA256_LEN];

	public_key_sha256(certificate_public_key(certificate), digest);
	if (!equal_bytes(certificate_serial(certificate),
			 (struct bytes){record->serial, SERIAL_MAX}))
		reject_because(verdict, "expected the serial of its row, found another");
	if (memcmp(digest, record->key_sha256, SHA256_LEN) != 0)
		reject_because(verdict, "expected the public key of its row, found another");
	if (strcmp(certificate_subject(certificate), record->subject) != 0)
		reject_because(verdict, "expected the subject of its row, %s, found %s",
			       record->subject, certificate_subject(certificate));
	if (certificate_not_before(certificate) != record->not_before_s ||
	    certificate_not_after(certificate) != record->not_after_s)
		reject_because(verdict, "expected the validity of its row, found another");
}

/* The one of the CA's certificates that it names. */
static const struct certificate *find_signer(const struct checking *checking,
					     const struct certificate *certificate)
{
	for (size_t i = 0; i < checking->issuer_count; i++)
		if (equal_bytes(certificate_fields(checking->issuers[i])->subject,
				certificate_raw_issuer(certificate)))
			return checking->issuers[i];
	return NULL;
}

static int check_signature(const struct checking *checking, const struct certificate *certificate,
			   struct verdict *verdict, struct fault *fault)
{
	const struct certificate *signer = find_signer(checking, certificate);

	if (signer == NULL) {
		reject_because(verdict, "expected the CA's subject as its issuer, found %s",
			       certificate_issuer(certificate));
		return 0;
	}
	if (certificate_not_after(certificate) > certificate_not_after(signer))
		reject_because(verdict, "expected an end within that of the CA's certificate");
	return verify_signed_object(&certificate_fields(certificate)->signed_object,
				    certificate_public_key(signer), "by the CA", verdict, fault);
}

static int check_row(size_t index, void *context, struct fault *fault)
{
	struct rows *rows = context;
	const struct issued_certificate *record = &rows->records[index];
	struct verdict *verdict = &rows->verdicts[index];
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct fault found = {0};

	if (parse_certificate_der(bytes_of_buffer(&record->der), &certificate, &found) < 0) {
		reject_because(verdict, "expected a certificate, found: %s", found.text);
		return 0;
	}
	compare_row(record, certificate, verdict);
	if (!verdict->invalid && check_profile(certificate, PROFILE_MEMBER, verdict, fault) < 0)
		return -1;
	return verdict->invalid || rows->checking->issuer_count == 0
		       ? 0
		       : check_signature(rows->checking, certificate, verdict, fault);
}

static int report_row(struct checking *checking, const struct issued_certificate *record,
		      const struct verdict *verdict, struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	char serial[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){record->serial, SERIAL_MAX}, serial);
	if (asprintf(&where, "%s: certificate %s of %s/%s", store_path(checking->terms->store),
		     serial, record->client, record->member) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	return report(checking, where, ADVICE_RESTORE, fault, "%s", verdict->reason);
}

/* What stands in none of our rows. */
static int report_unreadable(struct checking *checking, int64_t id, struct fault *fault)
{
	char where[64];

	(void)snprintf(where, sizeof(where), "the record: row %" PRId64 " of certificate", id);
	return report(checking, where, ADVICE_RESTORE, fault,
		      "expected serial, key, names and DER, found something else");
}

/* Reads up to ROWS_MAX further ones. *ret_more: there may be more. */
static int read_rows(struct session *session, sqlite3_stmt *statement, struct checking *checking,
		     struct rows *rows, bool *ret_more, struct fault *fault)
{
	bool row = true;

	while (rows->count < ROWS_MAX) {
		struct fault found = {0};

		if (step_statement(&session->database, statement, &row, fault) < 0)
			return -1;
		if (!row)
			break;
		/* Counted first, so that it is cleared. */
		if (read_record(&session->database, statement, &rows->records[rows->count++],
				&found) == 0)
			continue;
		clear_issued_certificate(&rows->records[--rows->count]);
		if (report_unreadable(checking,
				      sqlite3_column_int64(statement, RECORD_COLUMN_COUNT),
				      fault) < 0)
			return -1;
	}
	*ret_more = row;
	return 0;
}

static int check_some(struct session *session, sqlite3_stmt *statement, struct checking *checking,
		      bool *ret_more, struct fault *fault)
{
	CLEANUP(clear_rows) struct rows *rows = calloc(1, sizeof(*rows));

	if (rows == NULL)
		return set_memory_fault(fault);
	rows->checking = checking;
	if (read_rows(session, statement, checking, rows, ret_more, fault) < 0 ||
	    run_tasks(rows->count, checking->terms->workers, check_row, rows, fault) < 0)
		return -1;
	for (size_t i = 0; i < rows->count; i++)
		if (rows->verdicts[i].invalid &&
		    report_row(checking, &rows->records[i], &rows->verdicts[i], fault) < 0)
			return -1;
	checking->summary.certificates += rows->count;
	return 0;
}

int check_certificates(struct session *session, struct checking *checking, struct fault *fault)
{
	static const char sql[] = "SELECT " RECORD_COLUMNS ", id FROM certificate ORDER BY id";
	const struct check_options *terms = checking->terms;
	sqlite3_stmt *statement;
	int64_t total;
	bool more = true;

	if (query_integer(&session->database, "SELECT COUNT(*) FROM certificate", &total, fault) <
		    0 ||
	    get_statement(session, sql, &statement, fault) < 0)
		return -1;
	while (more) {
		if (check_some(session, statement, checking, &more, fault) < 0)
			return -1;
		if (terms->progress != NULL && total > 0)
			terms->progress(terms->progress_context, checking->summary.certificates,
					(size_t)total);
	}
	return 0;
}
