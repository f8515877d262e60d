#ifndef CERTPOOL_CA_STORE_SQLITE_SQLITE_STORE_H
#define CERTPOOL_CA_STORE_SQLITE_SQLITE_STORE_H

#include "common/ca/store/driver.h"

/*
 * The driver for SQLite: one file, write-ahead log, synchronous=FULL. One connection writes, a few
 * are shared by the readers. A location is the file's path.
 *
 * Not done: a look at every page when the record is opened, which would take longer the more
 * certificates there are. Damage is found by the statement that meets it.
 */

/* Three functions of it, for the page copy. */
int begin_sqlite(struct store *store, enum transaction_mode mode,
		 struct store_connection **ret_connection, struct fault *fault) MUST_CHECK;
int commit_sqlite(struct store_connection *connection, struct fault *fault) MUST_CHECK;
void rollback_sqlite(struct store_connection *connection);

#endif
