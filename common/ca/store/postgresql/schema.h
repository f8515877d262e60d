#ifndef CERTPOOL_CA_STORE_POSTGRESQL_SCHEMA_H
#define CERTPOOL_CA_STORE_POSTGRESQL_SCHEMA_H

#include "common/ca/store/postgresql/connection.h"

/*
 * The tables of the CA's record in PostgreSQL: those of sqlite/schema.c, in a schema (name space)
 * called "certpool", so that nothing else in the database can take their place. A text is compared
 * by octets (COLLATE "C").
 */
enum { PG_SCHEMA_VERSION = 7 };

/* Whether the database has a record, of whatever version. */
int find_pg_schema(struct pg_connection *connection, bool *ret_found,
		   struct fault *fault) MUST_CHECK;

/* Makes the tables, unless they are there. The connection is in no transaction. */
int create_pg_schema(struct pg_connection *connection, struct fault *fault) MUST_CHECK;

/* Brings a record of an older version to this one, in one transaction. Refuses a database without a
   record, and a record of a newer version. */
int check_pg_schema(struct pg_connection *connection, struct fault *fault) MUST_CHECK;

/* Refuses the version of the record. */
int check_pg_version(const struct pg_connection *connection, int64_t version,
		     struct fault *fault) MUST_CHECK;

#endif
