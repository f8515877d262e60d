#include "common/ca/store/certificate_row.h"

#include <stdlib.h>
#include <string.h>

void bind_record(sqlite3_stmt *statement, const struct issued_certificate *record)
{
	(void)sqlite3_bind_blob(statement, 1, record->serial, SERIAL_MAX, SQLITE_STATIC);
	(void)sqlite3_bind_blob(statement, 2, record->key_sha256, SHA256_LEN, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, record->client, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 4, record->member, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 5, record->subject, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 6, record->issued_at_s);
	(void)sqlite3_bind_int64(statement, 7, record->not_before_s);
	(void)sqlite3_bind_int64(statement, 8, record->not_after_s);
	if (record->revoked) {
		(void)sqlite3_bind_int64(statement, 9, record->revoked_at_s);
		(void)sqlite3_bind_int(statement, 10, record->reason);
	}
	(void)sqlite3_bind_blob64(statement, 11, record->der.data, record->der.len, SQLITE_STATIC);
}

/* Copies a text column that must be a node's or a member's name. */
static int copy_name(sqlite3_stmt *row, int column, char ret_name[static NAME_SIZE])
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	if (text == NULL || strlen(text) >= NAME_SIZE || !valid_name(text))
		return -1;
	memcpy(ret_name, text, strlen(text) + 1);
	return 0;
}

static int copy_blob(sqlite3_stmt *row, int column, uint8_t *ret_data, size_t len)
{
	const void *data = sqlite3_column_blob(row, column);

	if (data == NULL || (size_t)sqlite3_column_bytes(row, column) != len)
		return -1;
	memcpy(ret_data, data, len);
	return 0;
}

int read_record(struct database *database, sqlite3_stmt *row, struct issued_certificate *ret_record,
		struct fault *fault)
{
	const char *subject = (const char *)sqlite3_column_text(row, 4);
	const void *der = sqlite3_column_blob(row, 10);

	if (copy_blob(row, 0, ret_record->serial, SERIAL_MAX) < 0 ||
	    copy_blob(row, 1, ret_record->key_sha256, SHA256_LEN) < 0 ||
	    copy_name(row, 2, ret_record->client) < 0 ||
	    copy_name(row, 3, ret_record->member) < 0 || subject == NULL ||
	    sqlite3_column_type(row, 10) != SQLITE_BLOB)
		return set_database_fault(database, SQLITE_CORRUPT, fault);
	ret_record->issued_at_s = sqlite3_column_int64(row, 5);
	ret_record->not_before_s = sqlite3_column_int64(row, 6);
	ret_record->not_after_s = sqlite3_column_int64(row, 7);
	ret_record->revoked = sqlite3_column_type(row, 8) != SQLITE_NULL;
	ret_record->revoked_at_s = sqlite3_column_int64(row, 8);
	ret_record->reason = sqlite3_column_int(row, 9);
	append_bytes(&ret_record->der, (struct bytes){der, (size_t)sqlite3_column_bytes(row, 10)});
	ret_record->subject = strdup(subject);
	if (ret_record->subject == NULL)
		return set_memory_fault(fault);
	return check_buffer(&ret_record->der, fault);
}
