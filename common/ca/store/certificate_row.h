#ifndef CERTPOOL_CA_STORE_CERTIFICATE_ROW_H
#define CERTPOOL_CA_STORE_CERTIFICATE_ROW_H

#include "common/ca/store/sqlite/database.h"
#include "common/ca/store/store.h"

/* A record as a row of the table certificate, for the files of this folder. */

#define RECORD_COLUMNS_BUT_DER                                                                     \
	"serial, key_sha256, client, member, subject, issued_at, not_before, not_after, "          \
	"revoked_at, reason, "
#define RECORD_COLUMNS RECORD_COLUMNS_BUT_DER "der"
#define RECORD_COLUMNS_WITHOUT_DER RECORD_COLUMNS_BUT_DER "x''"

enum { RECORD_COLUMN_COUNT = 11 };

/* Binds all columns, in the order above, as parameters 1 to 11. The record must stand until the
   statement is reset. */
void bind_record(sqlite3_stmt *statement, const struct issued_certificate *record);

/* Copies a row with those columns. What bind_record would not have written is damage. On failure
 *ret_record holds what there is then, for clear_issued_certificate. */
int read_record(struct database *database, sqlite3_stmt *row, struct issued_certificate *ret_record,
		struct fault *fault) MUST_CHECK;

#endif
