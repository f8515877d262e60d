#ifndef CERTPOOL_CA_STORE_SQLITE_SCHEMA_H
#define CERTPOOL_CA_STORE_SQLITE_SCHEMA_H

#include "common/base/bytes.h"
#include "common/ca/store/sqlite/database.h"

/* The tables of the CA's record, and how a file is recognised as one. */

/* The octets of an empty record. */
int format_empty_store(struct buffer *ret_image, struct fault *fault) MUST_CHECK;

/*
 * Refuses a file that is not a record, or that a newer certpool made. Looks at the header alone, so
 * that it takes as long for a million certificates as for none. *ret_old: an older certpool made
 * it, and it is to be upgraded.
 */
int check_schema(struct database *database, bool *ret_old, struct fault *fault) MUST_CHECK;

/* Refuses a record that lacks a table. */
int check_tables(struct database *database, struct fault *fault) MUST_CHECK;

/* Adds what is missing, inside a transaction. Nothing that is there changes. */
int upgrade_schema(struct database *database, struct fault *fault) MUST_CHECK;

#endif
