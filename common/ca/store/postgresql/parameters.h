#ifndef CERTPOOL_CA_STORE_POSTGRESQL_PARAMETERS_H
#define CERTPOOL_CA_STORE_POSTGRESQL_PARAMETERS_H

#include "common/ca/store/postgresql/pipeline.h"

/* Values and SQL in the form that PostgreSQL's protocol has for them: numbers are bigint, octets
   bytea, all in binary (the send functions of PostgreSQL's types). */

/* The object identifiers of types, pg_type.dat. */
enum {
	TYPE_BOOL = 16,
	TYPE_BYTEA = 17,
	TYPE_NAME = 19,
	TYPE_INT8 = 20,
	TYPE_INT2 = 21,
	TYPE_INT4 = 23,
	TYPE_TEXT = 25,
	TYPE_VARCHAR = 1043,
	TYPE_BYTEA_ARRAY = 1001,
	TYPE_TEXT_ARRAY = 1009,
	TYPE_INT8_ARRAY = 1016,
};

/*
 * Appends the text with $1 for ?1. *ret_count is the greatest number of a parameter. The texts of
 * ca/store have no question mark but those.
 */
void translate_sql(const char *sql, struct buffer *ret_sql, size_t *ret_count);

/* Adds a value. Borrowed until the statement was sent. Errors: FAULT_FAILED for another kind. */
int add_parameter(struct pg_parameters *parameters, const struct value *value,
		  struct fault *fault) MUST_CHECK;

/*
 * Appends an array of `count` values of the kind, the first at `values` and each `stride` values
 * after the one before. Errors: FAULT_FAILED for a value of another kind, but no_value().
 */
int append_array(struct buffer *buffer, enum value_kind kind, const struct value *values,
		 size_t stride, size_t count, struct fault *fault) MUST_CHECK;

/* Adds an array that append_array made. */
void add_array_parameter(struct pg_parameters *parameters, enum value_kind kind,
			 const struct buffer *array);

/* A column of a result in binary. A text is followed by a NUL, which libpq adds. */
struct value read_pg_value(unsigned int type, const char *data, int len);
int64_t read_pg_number(const struct libpq *libpq, const struct pg_result *result, int row,
		       int column);

#endif
