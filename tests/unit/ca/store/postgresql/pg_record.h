#ifndef CERTPOOL_TESTS_UNIT_CA_STORE_POSTGRESQL_PG_RECORD_H
#define CERTPOOL_TESTS_UNIT_CA_STORE_POSTGRESQL_PG_RECORD_H

#include "tests/unit/ca/records.h"

/* The fixture of a suite: a record in PostgreSQL, or nothing without a server. */
void open_pg_record(struct scratch_store *scratch, struct store **ret_store);
void close_pg_record(struct scratch_store *scratch, struct store **store);

/* Skips the test without a server. */
void need_postgresql(void);

#endif
