#ifndef CERTPOOL_CA_STORE_SQLITE_SCHEMA_H
#define CERTPOOL_CA_STORE_SQLITE_SCHEMA_H

#include "common/base/bytes.h"
#include "common/ca/store/sqlite/database.h"

/* The tables of the CA's record in SQLite, and the signs by which a file is recognised as one. */

/* Makes the content of the file of an empty record. */
int format_empty_store(struct buffer *ret_image, struct fault *fault) MUST_CHECK;

/*
 * Refuses a file that is not a record, or that a newer certpool made. Reads only the header,
 * however many certificates there are. *ret_old: an older certpool made the file, and
 * upgrade_schema must run.
 */
int check_schema(struct database *database, bool *ret_old, struct fault *fault) MUST_CHECK;

/* Refuses a record that lacks a table. */
int check_tables(struct database *database, struct fault *fault) MUST_CHECK;

/* Adds the tables and columns of newer versions, inside a transaction. No row changes. */
int upgrade_schema(struct database *database, struct fault *fault) MUST_CHECK;

#endif
