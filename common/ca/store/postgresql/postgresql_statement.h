#ifndef CERTPOOL_CA_STORE_POSTGRESQL_POSTGRESQL_STATEMENT_H
#define CERTPOOL_CA_STORE_POSTGRESQL_POSTGRESQL_STATEMENT_H

#include "common/ca/store/postgresql/connection.h"

/*
 * The driver's part that runs statements: functions of struct store_driver (driver.h).
 *
 * A query of a READ, or one of a static text in a WRITE, is read whole; the rows of other queries
 * are fetched some hundred at a time. In a WRITE, queries of a static text and statements that
 * nothing waits for are sent without waiting, and read with the next one that is waited for: a
 * transaction takes as many round trips as it has questions on which its next statement depends,
 * and the COMMIT goes with the last changes. What has a static text, and is run without a NULL, is
 * prepared once a session: planning takes longer than running.
 */
int run_pg(struct store_connection *connection, const char *sql, struct values values,
	   int64_t *ret_changed, struct fault *fault) MUST_CHECK;
int open_pg_cursor(struct store_connection *connection, const char *sql, bool cached,
		   struct values values, struct store_cursor **ret_cursor,
		   struct fault *fault) MUST_CHECK;
int step_pg_cursor(struct store_cursor *cursor, bool *ret_row, struct fault *fault) MUST_CHECK;
struct value get_pg_column(struct store_cursor *cursor, int column);
const char *get_pg_column_name(struct store_cursor *cursor, int column);
void close_pg_cursor(struct store_cursor *cursor);
int insert_pg_rows(struct store_connection *connection, const struct table *table,
		   const struct value *values, size_t row_count, bool *ret_inserted,
		   struct fault *fault) MUST_CHECK;
int look_up_pg(struct store_connection *connection, const struct lookup *lookups, size_t count,
	       struct fault *fault) MUST_CHECK;

#endif
