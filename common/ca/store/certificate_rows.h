#ifndef CERTPOOL_CA_STORE_CERTIFICATE_ROWS_H
#define CERTPOOL_CA_STORE_CERTIFICATE_ROWS_H

#include "common/ca/store/certificates.h"
#include "common/ca/store/statement.h"

/* After an insertion whose outcome was unknown, and that was done again: what the first attempt
   recorded after all is there under the same serials, and is INSERTED. */
int find_own_insertions(struct store *store, const struct insertion *insertion,
			enum insert_result *results, struct fault *fault) MUST_CHECK;

/* For the insertion of rows. The values' texts and octets stay the record's. */
extern const struct table certificate_table;

void append_certificate_row(const struct issued_certificate *record, struct value *values);

/* Which of the keys had a certificate that was pruned, and which have one. */
struct lookup look_for_spent(struct values keys, bool *ret_found);
struct lookup look_for_recorded(struct values keys, bool *ret_found);

/* Rows of the table certificate, for store/ and check/. */
#define CERTIFICATE_COLUMNS                                                                        \
	"id, serial, key_sha256, client, member, subject, issued_at, not_before, not_after, "      \
	"revoked_at, reason, issuer"
#define CERTIFICATE_COLUMNS_AND_DER CERTIFICATE_COLUMNS ", der"

enum certificate_column {
	COLUMN_ID,
	COLUMN_SERIAL,
	COLUMN_KEY_SHA256,
	COLUMN_CLIENT,
	COLUMN_MEMBER,
	COLUMN_SUBJECT,
	COLUMN_ISSUED_AT,
	COLUMN_NOT_BEFORE,
	COLUMN_NOT_AFTER,
	COLUMN_REVOKED_AT,
	COLUMN_REASON,
	COLUMN_ISSUER,
	COLUMN_DER,
};

/* Copies the current row, with those columns. *ret_certificate is empty on failure. Errors: damage,
   when a column holds anything that insert_certificates would not have written. */
int read_certificate_row(struct rows *rows, bool with_der,
			 struct issued_certificate *ret_certificate,
			 struct fault *fault) MUST_CHECK;

/*
 * Begins "SELECT columns FROM certificate WHERE …" for all conditions of the query but the subject,
 * after a position. ordered: by id. The query must remain until the rows are closed.
 */
struct certificate_selection {
	const struct certificate_query *query;
	int64_t after;
	bool ordered;
};

int select_certificates(struct transaction *transaction, const char *columns,
			const struct certificate_selection *selection, struct rows *rows,
			struct fault *fault) MUST_CHECK;

/* Goes to the next row that the query's subject matches. The subject is in that column. */
int next_selected(struct rows *rows, const struct certificate_query *query, int subject_column,
		  bool *ret_row, struct fault *fault) MUST_CHECK;

#endif
