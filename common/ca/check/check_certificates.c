#include "common/ca/check/checks.h"

#include "common/base/workers.h"
#include "common/ca/revocation/responder_key.h"
#include "common/ca/store/certificate_rows.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 1024 };

/* Some certificates, which several threads check. */
struct check_batch {
	const struct check_context *context;
	struct issued_certificate records[ROWS_MAX];
	struct verdict verdicts[ROWS_MAX];
	size_t count;
};

static void free_check_batch(struct check_batch **batch)
{
	for (size_t i = 0; *batch != NULL && i < (*batch)->count; i++)
		clear_issued_certificate(&(*batch)->records[i]);
	free(*batch);
	*batch = NULL;
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

/* A signer that its root had revoked may have been ended early, before what it had issued
   (rotate_root.h). */
static int check_signature(const struct certificate *signer, const struct certificate *certificate,
			   int64_t now_s, struct verdict *verdict, struct fault *fault)
{
	if (!equal_bytes(certificate_fields(signer)->subject,
			 certificate_raw_issuer(certificate))) {
		reject_because(verdict, "expected the CA's subject as its issuer, %s, found %s",
			       certificate_subject(signer), certificate_issuer(certificate));
		return 0;
	}
	if (certificate_not_after(signer) > now_s &&
	    certificate_not_after(certificate) > certificate_not_after(signer))
		reject_because(verdict, "expected an end within that of the CA's certificate");
	return verify_signed_object(&certificate_fields(certificate)->signed_object,
				    certificate_public_key(signer), "by the CA", verdict, fault);
}

static int check_one(size_t index, void *task_context, struct fault *fault)
{
	struct check_batch *batch = task_context;
	const struct issued_certificate *record = &batch->records[index];
	struct verdict *verdict = &batch->verdicts[index];
	const enum profile profile = strcmp(record->client, CA_NAME) == 0 &&
						     strcmp(record->member, RESPONDER_MEMBER) == 0
					     ? PROFILE_RESPONDER
					     : PROFILE_MEMBER;
	/* NULL: its file cannot be read, which is a finding already. */
	const struct certificate *signer = find_checked_issuer(batch->context, record->issuer);
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct fault problem = {0};

	if (parse_certificate_der(bytes_of_buffer(&record->der), &certificate, &problem) < 0) {
		if (pass_failure(&problem, fault) < 0)
			return -1;
		reject_because(verdict, "expected a certificate, found: %s", problem.text);
		return 0;
	}
	compare_row(record, certificate, verdict);
	if (!verdict->invalid && check_profile(certificate, profile, verdict, fault) < 0)
		return -1;
	if (record->issuer == 0 || record->issuer > batch->context->issuer_count)
		reject_because(verdict, "expected one of the record's issuers, found %u",
			       record->issuer);
	return verdict->invalid || signer == NULL
		       ? 0
		       : check_signature(signer, certificate, batch->context->options->now_s,
					 verdict, fault);
}

static int report_certificate(struct check_context *context,
			      const struct issued_certificate *record,
			      const struct verdict *verdict, struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	char serial[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){record->serial, SERIAL_MAX}, serial);
	if (asprintf(&where, "%s: certificate %s of %s/%s", store_name(context->options->store),
		     serial, record->client, record->member) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	return report_finding(context, where, ADVICE_RESTORE, fault, "%s", verdict->reason);
}

static int report_unreadable(struct check_context *context, int64_t id, struct fault *fault)
{
	char where[64];

	(void)snprintf(where, sizeof(where), "the record: row %" PRId64 " of certificate", id);
	return report_finding(context, where, ADVICE_RESTORE, fault,
			      "expected serial, key, names and DER, found something else");
}

/* Reads up to ROWS_MAX further rows. *ret_more: there may be more. */
static int read_batch(struct rows *rows, struct check_context *context, struct check_batch *batch,
		      bool *ret_more, struct fault *fault)
{
	*ret_more = true;
	while (batch->count < ROWS_MAX) {
		struct fault problem = {0};

		if (next_row(rows, ret_more, fault) < 0)
			return -1;
		if (!*ret_more)
			return 0;
		if (read_certificate_row(rows, true, &batch->records[batch->count], &problem) == 0)
			batch->count++;
		else if (report_unreadable(context, row_number(rows, COLUMN_ID), fault) < 0)
			return -1;
	}
	return 0;
}

static int check_batch(struct rows *rows, struct check_context *context, bool *ret_more,
		       struct fault *fault)
{
	CLEANUP(free_check_batch) struct check_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return set_memory_fault(fault);
	batch->context = context;
	if (read_batch(rows, context, batch, ret_more, fault) < 0 ||
	    run_tasks(batch->count, context->options->workers, check_one, batch, fault) < 0)
		return -1;
	for (size_t i = 0; i < batch->count; i++)
		if (batch->verdicts[i].invalid &&
		    report_certificate(context, &batch->records[i], &batch->verdicts[i], fault) < 0)
			return -1;
	context->summary.certificates += batch->count;
	return 0;
}

int check_certificates(struct transaction *transaction, struct check_context *context,
		       struct fault *fault)
{
	static const char count_sql[] = "SELECT COUNT(*) FROM certificate";
	static const char sql[] =
		"SELECT " CERTIFICATE_COLUMNS_AND_DER " FROM certificate ORDER BY id";
	const struct check_options *options = context->options;
	CLEANUP(close_rows) struct rows rows = {0};
	int64_t total;
	bool more = true;

	if (query_number(transaction, count_sql, NO_VALUES, &total, fault) < 0 ||
	    query_rows(transaction, sql, NO_VALUES, &rows, fault) < 0)
		return -1;
	while (more) {
		if (check_batch(&rows, context, &more, fault) < 0)
			return -1;
		if (options->progress != NULL && total > 0)
			options->progress(options->progress_context, context->summary.certificates,
					  (size_t)total);
	}
	return 0;
}
