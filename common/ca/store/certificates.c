#include "common/ca/store/certificates.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/certificate_rows.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/subject_pattern.h"
#include "common/ca/store/unrecorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void clear_issued_certificate(struct issued_certificate *certificate)
{
	free(certificate->subject);
	clear_buffer(&certificate->der);
	*certificate = (struct issued_certificate){0};
}

int describe_certificate(const struct certificate *certificate, unsigned int issuer,
			 const char *client, const char *member, int64_t issued_at_s,
			 struct issued_certificate *ret_record, struct fault *fault)
{
	CLEANUP(clear_issued_certificate)
	struct issued_certificate record = {.issuer = issuer, .issued_at_s = issued_at_s};
	struct bytes serial = certificate_serial(certificate);

	if (serial.len != SERIAL_MAX)
		return set_fault(fault, FAULT_REFUSED,
				 "expected a serial of %d octets, as this CA's are, found one of "
				 "%zu",
				 SERIAL_MAX, serial.len);
	memcpy(record.serial, serial.data, SERIAL_MAX);
	public_key_sha256(certificate_public_key(certificate), record.key_sha256);
	(void)snprintf(record.client, sizeof(record.client), "%s", client);
	(void)snprintf(record.member, sizeof(record.member), "%s", member);
	record.not_before_s = certificate_not_before(certificate);
	record.not_after_s = certificate_not_after(certificate);
	append_bytes(&record.der, certificate_der(certificate));
	record.subject = strdup(certificate_subject(certificate));
	if (record.subject == NULL)
		return set_memory_fault(fault);
	if (check_buffer(&record.der, fault) < 0)
		return -1;
	MOVE(ret_record, record);
	return 0;
}

int read_certificate_row(struct rows *rows, bool with_der,
			 struct issued_certificate *ret_certificate, struct fault *fault)
{
	struct issued_certificate *certificate = ret_certificate;

	*certificate = (struct issued_certificate){0};
	row_octets(rows, COLUMN_SERIAL, certificate->serial, SERIAL_MAX);
	row_octets(rows, COLUMN_KEY_SHA256, certificate->key_sha256, SHA256_LEN);
	row_name(rows, COLUMN_CLIENT, certificate->client);
	row_name(rows, COLUMN_MEMBER, certificate->member);
	certificate->issued_at_s = row_number(rows, COLUMN_ISSUED_AT);
	certificate->not_before_s = row_number(rows, COLUMN_NOT_BEFORE);
	certificate->not_after_s = row_number(rows, COLUMN_NOT_AFTER);
	certificate->revoked = !row_is_null(rows, COLUMN_REVOKED_AT);
	if (certificate->revoked) {
		certificate->revoked_at_s = row_number(rows, COLUMN_REVOKED_AT);
		certificate->reason = (int)row_number(rows, COLUMN_REASON);
	}
	certificate->issuer = (unsigned int)row_number(rows, COLUMN_ISSUER);
	certificate->subject = strdup(row_text(rows, COLUMN_SUBJECT));
	if (with_der)
		append_bytes(&certificate->der, row_bytes(rows, COLUMN_DER));
	if (certificate->subject == NULL)
		(void)set_memory_fault(fault);
	else if (check_row(rows, fault) == 0 && check_buffer(&certificate->der, fault) == 0)
		return 0;
	clear_issued_certificate(certificate);
	return -1;
}

static int find_certificate(struct store *store, const char *sql, struct values key,
			    struct issued_certificate *ret_certificate, bool *ret_found,
			    struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, key, &rows, ret_found, fault) < 0)
		return -1;
	if (*ret_found)
		return read_certificate_row(&rows, true, ret_certificate, fault);
	*ret_certificate = (struct issued_certificate){0};
	return 0;
}

int find_by_key(struct store *store, const uint8_t key_sha256[static SHA256_LEN],
		struct issued_certificate *ret_certificate, bool *ret_found, struct fault *fault)
{
	static const char sql[] =
		"SELECT " CERTIFICATE_COLUMNS_AND_DER " FROM certificate WHERE key_sha256 = ?1";

	return find_certificate(store, sql, VALUES(octets_value(key_sha256, SHA256_LEN)),
				ret_certificate, ret_found, fault);
}

int find_by_serial(struct store *store, const uint8_t serial[static SERIAL_MAX],
		   struct issued_certificate *ret_certificate, bool *ret_found, struct fault *fault)
{
	static const char sql[] =
		"SELECT " CERTIFICATE_COLUMNS_AND_DER " FROM certificate WHERE serial = ?1";

	return find_certificate(store, sql, VALUES(octets_value(serial, SERIAL_MAX)),
				ret_certificate, ret_found, fault);
}

/* A revocation that came after the first statement makes its revision old: nobody keeps that. */
static int read_unrecorded_status(struct transaction *transaction, unsigned int issuer,
				  const uint8_t serial[static SERIAL_MAX],
				  struct certificate_status *status, struct fault *fault)
{
	struct unrecorded revocation = {0};
	bool found;

	if (find_unrecorded(transaction, serial, &revocation, &found, fault) < 0)
		return -1;
	if (!found || (issuer != ANY_ISSUER && revocation.issuer != ANY_ISSUER &&
		       revocation.issuer != issuer))
		return 0;
	status->found = true;
	status->revoked = true;
	status->revoked_at_s = revocation.revoked_at_s;
	status->reason = revocation.reason;
	return 0;
}

int read_certificate_status(struct store *store, unsigned int issuer, struct bytes serial,
			    struct certificate_status *ret_status, struct fault *fault)
{
	/* One statement, so that the certificate and the revision are of one moment. */
	static const char sql[] = "SELECT state.revision, issuer, revoked_at, reason"
				  " FROM state LEFT JOIN certificate ON serial = ?1";
	enum { REVISION, ISSUER, REVOKED_AT, REASON };
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	struct certificate_status status = {0};
	bool recorded;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(octets_value(serial.data, serial.len)), &rows, NULL,
		      fault) < 0)
		return -1;
	status.revision = row_number(&rows, REVISION);
	recorded = !row_is_null(&rows, ISSUER);
	status.found = recorded && (issuer == ANY_ISSUER || row_number(&rows, ISSUER) == issuer);
	status.revoked = status.found && !row_is_null(&rows, REVOKED_AT);
	if (status.revoked) {
		status.revoked_at_s = row_number(&rows, REVOKED_AT);
		status.reason = (int)row_number(&rows, REASON);
	}
	if (check_row(&rows, fault) < 0 ||
	    (!recorded && serial.len == SERIAL_MAX &&
	     read_unrecorded_status(&transaction, issuer, serial.data, &status, fault) < 0))
		return -1;
	*ret_status = status;
	return 0;
}

static int read_own_status(struct transaction *transaction, const char *client,
			   const uint8_t serial[static SERIAL_MAX],
			   struct certificate_status *ret_status, struct fault *fault)
{
	static const char sql[] =
		"SELECT client, revoked_at, reason FROM certificate WHERE serial = ?1";
	enum { CLIENT, REVOKED_AT, REASON };
	CLEANUP(close_rows) struct rows rows = {0};
	struct certificate_status status = {0};
	bool row;

	if (query_row(transaction, sql, VALUES(octets_value(serial, SERIAL_MAX)), &rows, &row,
		      fault) < 0)
		return -1;
	if (!row)
		return read_unrecorded_status(transaction, ANY_ISSUER, serial, ret_status, fault);
	status.found = strcmp(row_text(&rows, CLIENT), client) == 0;
	status.revoked = status.found && !row_is_null(&rows, REVOKED_AT);
	if (status.revoked) {
		status.revoked_at_s = row_number(&rows, REVOKED_AT);
		status.reason = (int)row_number(&rows, REASON);
	}
	*ret_status = status;
	return check_row(&rows, fault);
}

int read_own_statuses(struct store *store, const char *client, const uint8_t (*serials)[SERIAL_MAX],
		      size_t count, struct certificate_status *ret_statuses, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		ret_statuses[i] = (struct certificate_status){0};
		if (read_own_status(&transaction, client, serials[i], &ret_statuses[i], fault) < 0)
			return -1;
	}
	return 0;
}

/* The text and the values of a query with conditions. */
enum { CONDITIONS_MAX = 7 };

struct conditions {
	struct buffer sql;
	struct value values[CONDITIONS_MAX];
	size_t count;
};

static void clear_conditions(struct conditions *conditions)
{
	clear_buffer(&conditions->sql);
}

/* condition ends where its parameter belongs. */
static void add_condition(struct conditions *conditions, const char *condition, struct value value)
{
	conditions->values[conditions->count++] = value;
	append_format(&conditions->sql, "%s?%zu", condition, conditions->count);
}

const char *name_certificate_state(const struct issued_certificate *certificate, int64_t now_s)
{
	if (certificate->revoked)
		return "revoked";
	if (certificate->not_after_s < now_s)
		return "expired";
	return certificate->not_before_s > now_s ? "not-yet-valid" : "valid";
}

static void add_state(struct conditions *conditions, const struct certificate_query *query)
{
	const struct value now = number_value(query->now_s);

	switch (query->state) {
	case STATE_ANY:
		break;
	case STATE_LIVE:
		add_condition(conditions, " AND revoked_at IS NULL AND not_after >= ", now);
		break;
	case STATE_VALID:
		add_condition(conditions, " AND revoked_at IS NULL AND not_after >= ", now);
		add_condition(conditions, " AND not_before <= ", now);
		break;
	case STATE_NOT_YET:
		add_condition(conditions, " AND revoked_at IS NULL AND not_before > ", now);
		break;
	case STATE_EXPIRED:
		add_condition(conditions, " AND not_after < ", now);
		break;
	case STATE_REVOKED:
		append_string(&conditions->sql, " AND revoked_at IS NOT NULL");
		break;
	}
}

int select_certificates(struct transaction *transaction, const char *columns,
			const struct certificate_selection *selection, struct rows *rows,
			struct fault *fault)
{
	const struct certificate_query *query = selection->query;
	CLEANUP(clear_conditions) struct conditions where = {0};

	append_format(&where.sql, "SELECT %s FROM certificate WHERE", columns);
	add_condition(&where, " id > ", number_value(selection->after));
	if (query->client != NULL)
		add_condition(&where, " AND client = ", text_value(query->client));
	if (query->member != NULL)
		add_condition(&where, " AND member = ", text_value(query->member));
	if (query->issued_before_s != 0)
		add_condition(&where, " AND issued_at < ", number_value(query->issued_before_s));
	if (query->expires_before_s != 0)
		add_condition(&where, " AND not_after < ", number_value(query->expires_before_s));
	add_state(&where, query);
	if (selection->ordered)
		append_string(&where.sql, " ORDER BY id");
	if (check_buffer(&where.sql, fault) < 0)
		return -1;
	return query_rows_once(transaction, (const char *)where.sql.data,
			       (struct values){where.values, where.count}, rows, fault);
}

int next_selected(struct rows *rows, const struct certificate_query *query, int subject_column,
		  bool *ret_row, struct fault *fault)
{
	do {
		if (next_row(rows, ret_row, fault) < 0)
			return -1;
	} while (*ret_row && query->subject != NULL &&
		 !matches_pattern(query->subject, row_text(rows, subject_column)));
	return 0;
}

int list_certificates(struct store *store, const struct listing *listing,
		      certificate_function *function, void *context, bool *ret_more,
		      struct fault *fault)
{
	const char *columns =
		listing->without_der ? CERTIFICATE_COLUMNS : CERTIFICATE_COLUMNS_AND_DER;
	const struct certificate_selection selection = {
		.query = &listing->query, .after = listing->after, .ordered = true};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	int ended = 0;
	bool more = false;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    select_certificates(&transaction, columns, &selection, &rows, fault) < 0)
		return -1;
	for (size_t listed = 0; ended == 0; listed++) {
		CLEANUP(clear_issued_certificate) struct issued_certificate certificate = {0};
		bool row;

		if (next_selected(&rows, &listing->query, COLUMN_SUBJECT, &row, fault) < 0)
			return -1;
		more = row && listing->limit > 0 && listed == listing->limit;
		if (!row || more)
			break;
		if (read_certificate_row(&rows, !listing->without_der, &certificate, fault) < 0)
			return -1;
		ended = function(context, &certificate, row_number(&rows, COLUMN_ID), fault);
	}
	if (ended < 0)
		return -1;
	if (ret_more != NULL)
		*ret_more = more;
	return 0;
}

int count_certificates(struct store *store, const struct certificate_query *query,
		       size_t *ret_count, struct fault *fault)
{
	const struct certificate_selection selection = {.query = query};
	bool in_database = query->subject == NULL;
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	size_t count = 0;
	bool row;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    select_certificates(&transaction, in_database ? "COUNT(*)" : "subject", &selection,
				&rows, fault) < 0 ||
	    next_selected(&rows, query, 0, &row, fault) < 0)
		return -1;
	if (in_database && row)
		count = row_size(&rows, 0);
	while (!in_database && row) {
		count++;
		if (next_selected(&rows, query, 0, &row, fault) < 0)
			return -1;
	}
	if (check_row(&rows, fault) < 0)
		return -1;
	*ret_count = count;
	return 0;
}

int summarize_store(struct store *store, int64_t now_s, struct store_summary *ret_summary,
		    struct fault *fault)
{
	static const char sql[] =
		"SELECT COUNT(*), COUNT(revoked_at),"
		" COUNT(*) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1),"
		" MIN(not_after) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1"
		" AND client <> '" CA_NAME "')"
		" FROM certificate";
	enum { ALL, REVOKED, VALID, FIRST_EXPIRY };
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	struct store_summary summary = {0};

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(number_value(now_s)), &rows, NULL, fault) < 0)
		return -1;
	summary.certificates = row_size(&rows, ALL);
	summary.revoked = row_size(&rows, REVOKED);
	summary.valid = row_size(&rows, VALID);
	summary.expired = summary.certificates - summary.revoked - summary.valid;
	if (!row_is_null(&rows, FIRST_EXPIRY))
		summary.first_expiry_s = row_number(&rows, FIRST_EXPIRY);
	if (check_row(&rows, fault) < 0)
		return -1;
	*ret_summary = summary;
	return 0;
}

const struct table certificate_table = {
	.name = "certificate",
	.column_count = 12,
	.columns = {{"serial", VALUE_OCTETS},
		    {"key_sha256", VALUE_OCTETS},
		    {"client", VALUE_TEXT},
		    {"member", VALUE_TEXT},
		    {"subject", VALUE_TEXT},
		    {"issued_at", VALUE_NUMBER},
		    {"not_before", VALUE_NUMBER},
		    {"not_after", VALUE_NUMBER},
		    {"revoked_at", VALUE_NUMBER},
		    {"reason", VALUE_NUMBER},
		    {"issuer", VALUE_NUMBER},
		    {"der", VALUE_OCTETS}},
};

void append_certificate_row(const struct issued_certificate *record, struct value *values)
{
	const struct value row[] = {
		octets_value(record->serial, SERIAL_MAX),
		octets_value(record->key_sha256, SHA256_LEN),
		text_value(record->client),
		text_value(record->member),
		text_value(record->subject),
		number_value(record->issued_at_s),
		number_value(record->not_before_s),
		number_value(record->not_after_s),
		record->revoked ? number_value(record->revoked_at_s) : no_value(),
		record->revoked ? number_value(record->reason) : no_value(),
		number_value(record->issuer),
		octets_value(record->der.data, record->der.len),
	};

	memcpy(values, row, sizeof(row));
}

struct lookup look_for_spent(struct values keys, bool *ret_found)
{
	return (struct lookup){.sql = "SELECT 1 FROM spent_key WHERE key_sha256 = ?1",
			       .kind = VALUE_OCTETS,
			       .values = keys,
			       .ret_found = ret_found};
}

struct lookup look_for_recorded(struct values keys, bool *ret_found)
{
	return (struct lookup){.sql = "SELECT 1 FROM certificate WHERE key_sha256 = ?1",
			       .kind = VALUE_OCTETS,
			       .values = keys,
			       .ret_found = ret_found};
}

int find_recorded_keys(struct store *store, const uint8_t (*keys)[SHA256_LEN], size_t count,
		       bool *ret_found, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct value *values = calloc(count + 1, sizeof(*values));
	const struct lookup lookup = look_for_recorded((struct values){values, count}, ret_found);
	int result;

	if (values == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < count; i++)
		values[i] = octets_value(keys[i], SHA256_LEN);
	result = begin_transaction(store, TRANSACTION_READ, &transaction, fault);
	if (result == 0)
		result = look_up(&transaction, &lookup, 1, fault);
	free(values);
	return result;
}

int find_own_insertions(struct store *store, const struct insertion *insertion,
			enum insert_result *results, struct fault *fault)
{
	for (size_t i = 0; i < insertion->count; i++) {
		const struct issued_certificate *record = &insertion->records[i];
		CLEANUP(clear_issued_certificate) struct issued_certificate present = {0};
		bool found;

		if (results[i] != KEY_EXISTS)
			continue;
		if (find_by_key(store, record->key_sha256, &present, &found, fault) < 0)
			return -1;
		if (found && memcmp(present.serial, record->serial, SERIAL_MAX) == 0)
			results[i] = INSERTED;
	}
	return 0;
}
