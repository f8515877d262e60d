#include "common/ca/store/issuers.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"
#include "common/crypto/digest.h"

#include <stdio.h>

#define ISSUER_COLUMNS "id, not_after, serves_until, der"
enum { ID, NOT_AFTER, SERVES_UNTIL, DER };

void clear_issuer_record(struct issuer_record *record)
{
	clear_buffer(&record->der);
}

static int read_issuer_row(struct rows *rows, struct issuer_record *ret_record, struct fault *fault)
{
	CLEANUP(clear_issuer_record) struct issuer_record record = {0};

	record.number = (unsigned int)row_number(rows, ID);
	if (!row_is_null(rows, DER)) {
		record.not_after_s = row_number(rows, NOT_AFTER);
		record.serves_until_s = record.not_after_s;
		append_bytes(&record.der, row_bytes(rows, DER));
	}
	if (!row_is_null(rows, SERVES_UNTIL))
		record.serves_until_s = row_number(rows, SERVES_UNTIL);
	if (check_row(rows, fault) < 0 || check_buffer(&record.der, fault) < 0)
		return -1;
	MOVE(ret_record, record);
	return 0;
}

int list_issuers(struct store *store, issuer_function *function, void *context, struct fault *fault)
{
	static const char sql[] = "SELECT " ISSUER_COLUMNS " FROM issuer ORDER BY id";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		CLEANUP(clear_issuer_record) struct issuer_record record = {0};

		if (read_issuer_row(&rows, &record, fault) < 0 ||
		    function(context, &record, fault) < 0 || next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return 0;
}

int describe_issuers(struct store *store, struct issuer_summary ret_issuers[static ISSUERS_MAX],
		     size_t *ret_count, struct fault *fault)
{
	static const char sql[] =
		"SELECT id, not_after, serves_until, crl_standing FROM issuer ORDER BY id";
	enum { NUMBER, END, SERVICE_END, CRL_NUMBER };
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	size_t count = 0;
	bool row;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	for (; row && count < ISSUERS_MAX; count++) {
		struct issuer_summary summary = {
			.number = (unsigned int)row_number(&rows, NUMBER),
			.not_after_s = row_is_null(&rows, END) ? 0 : row_number(&rows, END),
			.crl_number = (uint64_t)row_number(&rows, CRL_NUMBER)};

		summary.serves_until_s = row_is_null(&rows, SERVICE_END)
						 ? summary.not_after_s
						 : row_number(&rows, SERVICE_END);
		ret_issuers[count] = summary;
		if (check_row(&rows, fault) < 0 || next_row(&rows, &row, fault) < 0)
			return -1;
	}
	*ret_count = count;
	return 0;
}

/* One pass, whatever the number of issuers: a GROUP BY would have SQLite sort all certificates. */
static void compose_counts(const struct issuer_summary *issuers, size_t count, struct buffer *sql)
{
	append_string(sql, "SELECT");
	for (size_t i = 0; i < count; i++)
		append_format(sql,
			      "%s COUNT(*) FILTER (WHERE issuer = %u), COUNT(*) FILTER (WHERE"
			      " issuer = %u AND revoked_at IS NULL AND not_after >= ?1)",
			      i > 0 ? "," : "", issuers[i].number, issuers[i].number);
	append_string(sql, " FROM certificate");
}

int summarize_issuers(struct store *store, int64_t now_s,
		      struct issuer_summary ret_issuers[static ISSUERS_MAX], size_t *ret_count,
		      struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	CLEANUP(clear_buffer) struct buffer sql = {0};
	size_t count;
	bool row;

	if (describe_issuers(store, ret_issuers, &count, fault) < 0)
		return -1;
	compose_counts(ret_issuers, count, &sql);
	if (check_buffer(&sql, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_rows_once(&transaction, (const char *)sql.data, VALUES(number_value(now_s)),
			    &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	for (size_t i = 0; row && i < count; i++) {
		ret_issuers[i].certificates = row_size(&rows, (int)(2 * i));
		ret_issuers[i].valid = row_size(&rows, (int)(2 * i) + 1);
	}
	if (check_row(&rows, fault) < 0)
		return -1;
	*ret_count = count;
	return 0;
}

static int query_newest(struct transaction *transaction, unsigned int *ret_number,
			struct fault *fault)
{
	int64_t newest;

	if (query_number(transaction, "SELECT MAX(id) FROM issuer", NO_VALUES, &newest, fault) < 0)
		return -1;
	*ret_number = (unsigned int)newest;
	return 0;
}

int read_newest_issuer(struct store *store, unsigned int *ret_number, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0)
		return -1;
	return query_newest(&transaction, ret_number, fault);
}

/* *ret_known: the record has this certificate under the number. */
static int find_recorded(struct transaction *transaction, const struct new_issuer *issuer,
			 bool *ret_known, struct fault *fault)
{
	static const char sql[] = "SELECT " ISSUER_COLUMNS " FROM issuer WHERE id = ?1";
	CLEANUP(close_rows) struct rows rows = {0};
	CLEANUP(clear_issuer_record) struct issuer_record record = {0};
	bool found;

	if (query_row(transaction, sql, VALUES(number_value(issuer->number)), &rows, &found,
		      fault) < 0 ||
	    (found && read_issuer_row(&rows, &record, fault) < 0))
		return -1;
	*ret_known = record.der.len > 0;
	if (!*ret_known ||
	    equal_bytes(bytes_of_buffer(&record.der), certificate_der(issuer->certificate)))
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "issuer %u: the record has another certificate than %s: put the right one "
			 "back, from a backup",
			 issuer->number, certificate_subject(issuer->certificate));
}

static int insert_issuer(struct transaction *transaction, const struct new_issuer *issuer,
			 struct fault *fault)
{
	static const char insert_sql[] = "INSERT INTO issuer (id) VALUES (?1)";
	static const char fill_sql[] =
		"UPDATE issuer SET key_sha256 = ?2, not_after = ?3, der = ?4 WHERE id = ?1";
	const struct bytes der = certificate_der(issuer->certificate);
	const struct value number = number_value(issuer->number);
	uint8_t key_sha256[SHA256_LEN];

	public_key_sha256(certificate_public_key(issuer->certificate), key_sha256);
	if (issuer->number != FIRST_ISSUER &&
	    run_statement(transaction, insert_sql, VALUES(number), NULL, fault) < 0)
		return -1;
	return run_statement(transaction, fill_sql,
			     VALUES(number, octets_value(key_sha256, SHA256_LEN),
				    number_value(certificate_not_after(issuer->certificate)),
				    octets_value(der.data, der.len)),
			     NULL, fault);
}

/* Until that time, or its own end if that is earlier. */
static const char serve_until_sql[] = "UPDATE issuer SET serves_until ="
				      " CASE WHEN not_after < ?1 THEN not_after ELSE ?1 END"
				      " WHERE id = ?2";

/* Nothing is issued any more under the one before. */
static int end_predecessor(struct transaction *transaction, const struct new_issuer *issuer,
			   struct fault *fault)
{
	static const char last_sql[] = "SELECT COALESCE(MAX(not_after), 0) FROM certificate";
	int64_t last_s;

	if (query_number(transaction, last_sql, NO_VALUES, &last_s, fault) < 0)
		return -1;
	if (last_s < issuer->last_end_s)
		last_s = issuer->last_end_s;
	return run_statement(transaction, serve_until_sql,
			     VALUES(number_value(last_s + issuer->after_s),
				    number_value((int64_t)issuer->number - 1)),
			     NULL, fault);
}

static int add_issuer_row(struct transaction *transaction, const struct new_issuer *issuer,
			  struct fault *fault)
{
	char detail[256];
	const struct event event = {.kind = EVENT_ISSUER,
				    .time_s = issuer->now_s,
				    .by = CA_NAME,
				    .detail = detail,
				    .number = issuer->number};
	unsigned int newest;

	if (query_newest(transaction, &newest, fault) < 0)
		return -1;
	if (issuer->number > newest + 1)
		return set_fault(fault, FAULT_REFUSED,
				 "issuer %u, %s: expected issuer %u before it, found none",
				 issuer->number, certificate_subject(issuer->certificate),
				 newest + 1);
	(void)snprintf(detail, sizeof(detail), "%s", certificate_subject(issuer->certificate));
	if (insert_issuer(transaction, issuer, fault) < 0 ||
	    (issuer->number > FIRST_ISSUER && end_predecessor(transaction, issuer, fault) < 0))
		return -1;
	/* Issuer 1 is as old as the record. */
	return issuer->number > FIRST_ISSUER ? append_event(transaction, &event, fault) : 0;
}

int record_issuer_within(struct transaction *transaction, const struct new_issuer *issuer,
			 bool *ret_recorded, struct fault *fault)
{
	bool known;

	if (find_recorded(transaction, issuer, &known, fault) < 0 ||
	    (!known && add_issuer_row(transaction, issuer, fault) < 0))
		return -1;
	*ret_recorded = !known;
	return 0;
}

int record_issuer(struct store *store, const struct new_issuer *issuer, bool *ret_recorded,
		  struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool recorded;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    record_issuer_within(&transaction, issuer, &recorded, fault) < 0 ||
	    commit_transaction(&transaction, fault) < 0)
		return -1;
	*ret_recorded = recorded;
	return 0;
}

int replace_issuer_certificate(struct store *store, unsigned int number,
			       const struct certificate *certificate, struct fault *fault)
{
	/* Issuer 1 of a CA that was never opened has no certificate in its row yet. */
	static const char sql[] = "UPDATE issuer SET not_after = ?2, der = ?3, serves_until ="
				  " CASE WHEN serves_until > ?2 THEN ?2 ELSE serves_until END"
				  " WHERE id = ?1 AND key_sha256 = ?4";
	const struct bytes der = certificate_der(certificate);
	CLEANUP(end_transaction) struct transaction transaction = {0};
	uint8_t key_sha256[SHA256_LEN];

	public_key_sha256(certificate_public_key(certificate), key_sha256);
	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(
		    &transaction, sql,
		    VALUES(number_value(number), number_value(certificate_not_after(certificate)),
			   octets_value(der.data, der.len), octets_value(key_sha256, SHA256_LEN)),
		    NULL, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int end_issuer(struct store *store, unsigned int number, int64_t after_s, struct fault *fault)
{
	static const char last_sql[] =
		"SELECT COALESCE(MAX(not_after), 0) FROM certificate WHERE issuer = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t last_s;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    query_number(&transaction, last_sql, VALUES(number_value(number)), &last_s, fault) <
		    0 ||
	    run_statement(&transaction, serve_until_sql,
			  VALUES(number_value(last_s + after_s), number_value(number)), NULL,
			  fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}
