#include "common/ca/store/revoke.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/certificate_rows.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/unrecorded.h"
#include "common/x509/revocation/crl_reason.h"

#include <string.h>

struct revoke_context {
	const struct revocation *revocation;
	struct revocation_summary summary;
	bool listed;           /* the caller has a function for what follows */
	struct buffer revoked; /* a struct revoked_certificate each */
	struct buffer serials; /* of the certificates revoked by this call, for the audit log */
};

static void clear_revoke_context(struct revoke_context *context)
{
	clear_buffer(&context->revoked);
	clear_buffer(&context->serials);
}

/* The time that a certificate gets; the audit log has that of the revocation. */
static int64_t published_time(const struct revocation *revocation)
{
	const struct revocation_rounding *rounding = &revocation->rounding;

	if (rounding->round_s == 0 ||
	    (revocation->reason == REASON_KEY_COMPROMISE && !rounding->rounds_compromised))
		return revocation->now_s;
	return revocation->now_s - revocation->now_s % rounding->round_s;
}

static int append_revoked(struct revoke_context *context, const struct revoked_certificate *revoked,
			  struct fault *fault)
{
	if (!context->listed)
		return 0;
	append_bytes(&context->revoked,
		     (struct bytes){(const uint8_t *)(const void *)revoked, sizeof(*revoked)});
	return check_buffer(&context->revoked, fault);
}

static int report_revoked(struct revoke_context *context,
			  const struct issued_certificate *certificate, struct fault *fault)
{
	const struct revocation *revocation = context->revocation;
	struct revoked_certificate revoked = {
		.already = certificate->revoked,
		.revoked_at_s = certificate->revoked ? certificate->revoked_at_s
						     : published_time(revocation),
		.reason = certificate->revoked ? certificate->reason : revocation->reason,
	};

	memcpy(revoked.serial, certificate->serial, SERIAL_MAX);
	memcpy(revoked.client, certificate->client, NAME_SIZE);
	memcpy(revoked.member, certificate->member, NAME_SIZE);
	return append_revoked(context, &revoked, fault);
}

static int check_owner(const struct revocation *revocation,
		       const struct issued_certificate *certificate, struct fault *fault)
{
	char serial[SERIAL_TEXT_SIZE];

	if (strcmp(revocation->by, CA_NAME) == 0 ||
	    strcmp(revocation->by, certificate->client) == 0)
		return 0;
	format_serial((struct bytes){certificate->serial, SERIAL_MAX}, serial);
	return set_fault(fault, FAULT_REFUSED, "certificate %s is not one of %s's: it stays",
			 serial, revocation->by);
}

static int revoke_certificate(struct transaction *transaction, struct revoke_context *context,
			      const struct issued_certificate *certificate, struct fault *fault)
{
	static const char sql[] = "UPDATE certificate SET revoked_at = ?1, reason = ?2"
				  " WHERE serial = ?3 AND revoked_at IS NULL";
	const struct revocation *revocation = context->revocation;

	if (check_owner(revocation, certificate, fault) < 0)
		return -1;
	if (certificate->revoked) {
		context->summary.already++;
		return report_revoked(context, certificate, fault);
	}
	context->summary.revoked++;
	append_bytes(&context->serials, (struct bytes){certificate->serial, SERIAL_MAX});
	if (!revocation->dry_run &&
	    run_statement(transaction, sql,
			  VALUES(number_value(published_time(revocation)),
				 number_value(revocation->reason),
				 octets_value(certificate->serial, SERIAL_MAX)),
			  NULL, fault) < 0)
		return -1;
	return report_revoked(context, certificate, fault);
}

/* A serial without a row keeps its first revocation, as a certificate does. */
static int revoke_unrecorded(struct transaction *transaction, struct revoke_context *context,
			     unsigned int issuer, const uint8_t serial[static SERIAL_MAX],
			     int64_t not_after_s, struct fault *fault)
{
	const struct revocation *revocation = context->revocation;
	struct revoked_certificate revoked = {0};
	struct unrecorded entry = {.issuer = issuer,
				   .not_after_s = not_after_s,
				   .revoked_at_s = published_time(revocation),
				   .reason = revocation->reason};
	bool added;

	memcpy(entry.serial, serial, SERIAL_MAX);
	memcpy(revoked.serial, serial, SERIAL_MAX);
	if (find_unrecorded(transaction, serial, &entry, &revoked.already, fault) < 0)
		return -1;
	context->summary.already += revoked.already;
	context->summary.revoked += !revoked.already;
	if (!revoked.already)
		append_bytes(&context->serials, (struct bytes){serial, SERIAL_MAX});
	if (!revoked.already && !revocation->dry_run &&
	    add_unrecorded(transaction, &entry, &added, fault) < 0)
		return -1;
	revoked.revoked_at_s = entry.revoked_at_s;
	revoked.reason = entry.reason;
	return append_revoked(context, &revoked, fault);
}

/* What the record lacks is the operator's alone: it is not known whose it is. */
static int revoke_without_row(struct transaction *transaction, struct revoke_context *context,
			      const uint8_t serial[static SERIAL_MAX], struct fault *fault)
{
	const struct revocation *revocation = context->revocation;
	bool by_operator = strcmp(revocation->by, CA_NAME) == 0;
	struct unrecorded ignored;
	bool known = false;
	char text[SERIAL_TEXT_SIZE];

	if (by_operator && find_unrecorded(transaction, serial, &ignored, &known, fault) < 0)
		return -1;
	if (known || (by_operator && revocation->unrecorded_until_s != 0))
		return revoke_unrecorded(transaction, context, ANY_ISSUER, serial,
					 revocation->unrecorded_until_s, fault);
	format_serial((struct bytes){serial, SERIAL_MAX}, text);
	return set_fault(
		fault, FAULT_NOT_FOUND, "serial %s: no certificate of this CA has it%s", text,
		by_operator ? " in the record: if it was issued after the backup from which "
			      "the record was restored, say --unrecorded"
			    : "");
}

static int revoke_serial(struct transaction *transaction, struct revoke_context *context,
			 const uint8_t serial[static SERIAL_MAX], struct fault *fault)
{
	static const char sql[] =
		"SELECT " CERTIFICATE_COLUMNS " FROM certificate WHERE serial = ?1";
	CLEANUP(close_rows) struct rows rows = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate certificate = {0};
	bool row;

	if (query_row(transaction, sql, VALUES(octets_value(serial, SERIAL_MAX)), &rows, &row,
		      fault) < 0)
		return -1;
	if (!row)
		return revoke_without_row(transaction, context, serial, fault);
	if (read_certificate_row(&rows, false, &certificate, fault) < 0)
		return -1;
	return revoke_certificate(transaction, context, &certificate, fault);
}

int insert_recovered(struct transaction *transaction, const struct issued_certificate *record,
		     int64_t now_s, bool *ret_inserted, struct fault *fault)
{
	const struct event event = {.kind = EVENT_CERTIFIED,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .client = record->client,
				    .type = "recovered",
				    .serials = &record->serial,
				    .serial_count = 1};
	const struct value key = octets_value(record->key_sha256, SHA256_LEN);
	struct value values[TABLE_COLUMNS_MAX];
	bool is_spent;
	bool is_recorded;
	const struct lookup lookups[] = {look_for_spent((struct values){&key, 1}, &is_spent),
					 look_for_recorded((struct values){&key, 1}, &is_recorded)};

	append_certificate_row(record, values);
	if (look_up(transaction, lookups, COUNT_OF(lookups), fault) < 0)
		return -1;
	*ret_inserted = !is_spent && !is_recorded;
	if (!*ret_inserted)
		return 0;
	if (insert_rows(transaction, &certificate_table, values, 1, NULL, fault) < 0)
		return -1;
	return append_event(transaction, &event, fault);
}

/* Gives the certificate a row first, unless its serial is revoked already, or its public key is
   another certificate's. */
static int revoke_recovered(struct transaction *transaction, struct revoke_context *context,
			    const struct issued_certificate *record, struct fault *fault)
{
	const struct revocation *revocation = context->revocation;
	struct unrecorded ignored;
	bool revoked;
	bool inserted = false;

	if (find_unrecorded(transaction, record->serial, &ignored, &revoked, fault) < 0 ||
	    (!revoked && !revocation->dry_run &&
	     insert_recovered(transaction, record, revocation->now_s, &inserted, fault) < 0))
		return -1;
	return inserted ? revoke_serial(transaction, context, record->serial, fault)
			: revoke_unrecorded(transaction, context, record->issuer, record->serial,
					    record->not_after_s, fault);
}

/*
 * Revokes the query's certificates that are not expired. Rows change while they are listed in the
 * order of their ids, which no revocation changes.
 */
static int revoke_query(struct transaction *transaction, struct revoke_context *context,
			const struct certificate_query *query, struct fault *fault)
{
	CLEANUP(close_rows) struct rows rows = {0};
	struct certificate_query live = *query;
	const struct certificate_selection selection = {.query = &live, .ordered = true};
	bool row;

	live.state = STATE_LIVE;
	live.now_s = context->revocation->now_s;
	if (select_certificates(transaction, CERTIFICATE_COLUMNS, &selection, &rows, fault) < 0 ||
	    next_selected(&rows, &live, COLUMN_SUBJECT, &row, fault) < 0)
		return -1;
	while (row) {
		CLEANUP(clear_issued_certificate) struct issued_certificate certificate = {0};

		if (read_certificate_row(&rows, false, &certificate, fault) < 0 ||
		    revoke_certificate(transaction, context, &certificate, fault) < 0 ||
		    next_selected(&rows, &live, COLUMN_SUBJECT, &row, fault) < 0)
			return -1;
	}
	return 0;
}

/* Takes the client's right to enroll, unless it has none any more, and revokes its certificates. */
static int revoke_client(struct transaction *transaction, struct revoke_context *context,
			 struct fault *fault)
{
	static const char find_sql[] = "SELECT revoked_at FROM client WHERE name = ?1";
	static const char sql[] = "UPDATE client SET revoked_at = ?1, reason = ?2"
				  " WHERE name = ?3 AND revoked_at IS NULL";
	const struct revocation *revocation = context->revocation;
	const struct certificate_query query = {.client = revocation->client};
	const struct value name = text_value(revocation->client);
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (query_row(transaction, find_sql, VALUES(name), &rows, &row, fault) < 0)
		return -1;
	if (!row)
		return set_fault(fault, FAULT_NOT_FOUND, "the CA's record has no client \"%s\"",
				 revocation->client);
	context->summary.client_barred = row_is_null(&rows, 0);
	if (!revocation->dry_run && run_statement(transaction, sql,
						  VALUES(number_value(revocation->now_s),
							 number_value(revocation->reason), name),
						  NULL, fault) < 0)
		return -1;
	return revoke_query(transaction, context, &query, fault);
}

static int record_revocation(struct transaction *transaction, const struct revoke_context *context,
			     struct fault *fault)
{
	const struct revocation *revocation = context->revocation;
	const struct event event = {
		.kind = EVENT_REVOKED,
		.time_s = revocation->now_s,
		.by = revocation->by,
		.client = revocation->client,
		.type = format_crl_reason(revocation->reason),
		.serials = (void *)context->serials.data,
		.serial_count = context->serials.len / SERIAL_MAX,
	};

	if (raise_revision(transaction, fault) < 0)
		return -1;
	return append_event(transaction, &event, fault);
}

static int revoke_all(struct transaction *transaction, struct revoke_context *context,
		      struct fault *fault)
{
	const struct revocation *revocation = context->revocation;

	if (revocation->client != NULL && revoke_client(transaction, context, fault) < 0)
		return -1;
	if (revocation->query != NULL &&
	    revoke_query(transaction, context, revocation->query, fault) < 0)
		return -1;
	for (size_t i = 0; i < revocation->serial_count; i++)
		if (revoke_serial(transaction, context, revocation->serials[i], fault) < 0)
			return -1;
	for (size_t i = 0; i < revocation->recovered_count; i++)
		if (revoke_recovered(transaction, context, &revocation->recovered[i], fault) < 0)
			return -1;
	if (check_buffer(&context->serials, fault) < 0)
		return -1;
	if (revocation->dry_run ||
	    (context->summary.revoked == 0 && !context->summary.client_barred))
		return 0;
	return record_revocation(transaction, context, fault);
}

static int revoke_once(struct store *store, struct revoke_context *context, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    revoke_all(&transaction, context, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

static int report_all(const struct revoke_context *context, revoked_function *function,
		      void *function_context, struct fault *fault)
{
	const struct revoked_certificate *revoked = (const void *)context->revoked.data;
	size_t count = context->revoked.len / sizeof(*revoked);

	for (size_t i = 0; i < count && function != NULL; i++)
		if (function(function_context, &revoked[i], fault) < 0)
			return -1;
	return 0;
}

int revoke_certificates(struct store *store, const struct revocation *revocation,
			revoked_function *function, void *context,
			struct revocation_summary *ret_summary, struct fault *fault)
{
	unsigned int tries = 0;
	struct fault problem;

	do {
		CLEANUP(clear_revoke_context)
		struct revoke_context revoke_context = {.revocation = revocation,
							.listed = function != NULL};

		problem = (struct fault){0};
		if (revoke_once(store, &revoke_context, &problem) < 0)
			continue;
		/* Also without a change: another process may have revoked them this moment. */
		if (!revocation->dry_run)
			settle_revocations(store);
		*ret_summary = revoke_context.summary;
		return report_all(&revoke_context, function, context, fault);
	} while (should_run_again(&problem, &tries));
	return pass_fault(&problem, fault);
}
