#include "common/ca/store/sqlite/sqlite_statement.h"

#include <stdlib.h>

/* Each driver's structs begin with the ones of driver.h. */
static struct sqlite_connection *sqlite_connection_of(struct store_connection *connection)
{
	return (struct sqlite_connection *)connection;
}

static struct sqlite_statement *statement_of(struct store_cursor *cursor)
{
	return (struct sqlite_statement *)cursor;
}

void close_sqlite_connection(struct sqlite_connection *connection)
{
	for (size_t i = 0; i < connection->statement_count; i++)
		free_statement(&connection->statements[i].handle);
	connection->statement_count = 0;
	close_database(&connection->database);
}

/* The cached statement, in use from now on; NULL when it is not cached yet. */
static struct sqlite_statement *find_cached(struct sqlite_connection *connection, const void *key)
{
	for (size_t i = 0; i < connection->statement_count; i++)
		if (connection->statements[i].key == key)
			return &connection->statements[i];
	return NULL;
}

static int add_cached(struct sqlite_connection *connection, const void *key, const char *sql,
		      struct sqlite_statement **ret_statement, struct fault *fault)
{
	struct sqlite_statement *statement = &connection->statements[connection->statement_count];

	if (connection->statement_count == STATEMENTS_MAX)
		return set_fault(fault, FAULT_FAILED, "%s: more than %d statements are cached",
				 connection->connection.store->name, STATEMENTS_MAX);
	if (prepare_statement(&connection->database, sql, &statement->handle, fault) < 0)
		return -1;
	connection->statement_count++;
	statement->cursor.connection = &connection->connection;
	statement->key = key;
	*ret_statement = statement;
	return 0;
}

static int take_cached(struct sqlite_connection *connection, const char *sql,
		       struct sqlite_statement **ret_statement, struct fault *fault)
{
	struct sqlite_statement *statement = find_cached(connection, sql);

	if (statement == NULL && add_cached(connection, sql, sql, &statement, fault) < 0)
		return -1;
	if (statement->in_use)
		return set_fault(fault, FAULT_FAILED, "%s: the rows of this query are open: %s",
				 connection->connection.store->name, sql);
	*ret_statement = statement;
	return 0;
}

static int bind_value(sqlite3_stmt *handle, int index, const struct value *value)
{
	/* A NULL pointer would be bound as NULL. */
	const void *data = value->bytes.data != NULL ? (const void *)value->bytes.data : "";

	switch (value->kind) {
	case VALUE_NONE:
		return sqlite3_bind_null(handle, index);
	case VALUE_NUMBER:
		return sqlite3_bind_int64(handle, index, value->number);
	case VALUE_TEXT:
		return sqlite3_bind_text64(handle, index, data, value->bytes.len, SQLITE_STATIC,
					   SQLITE_UTF8);
	case VALUE_OCTETS:
		return sqlite3_bind_blob64(handle, index, data, value->bytes.len, SQLITE_STATIC);
	case VALUE_OTHER:
		break;
	}
	return SQLITE_MISMATCH;
}

static int bind_values(struct sqlite_connection *connection, sqlite3_stmt *handle,
		       struct values values, struct fault *fault)
{
	int expected = sqlite3_bind_parameter_count(handle);
	int code = SQLITE_OK;

	if ((size_t)expected != values.count)
		return set_fault(fault, FAULT_FAILED,
				 "%s: expected %d values for a statement, found %zu: %s",
				 connection->connection.store->name, expected, values.count,
				 sqlite3_sql(handle));
	for (int i = 0; i < expected && code == SQLITE_OK; i++)
		code = bind_value(handle, i + 1, &values.values[i]);
	return code == SQLITE_OK ? 0 : set_database_fault(&connection->database, code, fault);
}

/* Binds, runs to the first row, if any, and resets. */
static int run_once(struct sqlite_connection *connection, sqlite3_stmt *handle,
		    struct values values, bool *ret_row, struct fault *fault)
{
	int result = bind_values(connection, handle, values, fault);

	if (result == 0)
		result = step_statement(&connection->database, handle, ret_row, fault);
	reset_statement(handle);
	return result;
}

int run_sqlite(struct store_connection *base, const char *sql, struct values values,
	       int64_t *ret_changed, struct fault *fault)
{
	struct sqlite_connection *connection = sqlite_connection_of(base);
	struct sqlite_statement *statement;
	bool row;

	if (take_cached(connection, sql, &statement, fault) < 0 ||
	    run_once(connection, statement->handle, values, &row, fault) < 0)
		return -1;
	if (ret_changed != NULL)
		*ret_changed = sqlite3_changes64(connection->database.handle);
	return 0;
}

static int prepare_once(struct sqlite_connection *connection, const char *sql,
			struct sqlite_statement **ret_statement, struct fault *fault)
{
	struct sqlite_statement *statement = calloc(1, sizeof(*statement));

	if (statement == NULL)
		return set_memory_fault(fault);
	if (prepare_statement(&connection->database, sql, &statement->handle, fault) < 0) {
		free(statement);
		return -1;
	}
	statement->cursor.connection = &connection->connection;
	*ret_statement = statement;
	return 0;
}

int open_sqlite_cursor(struct store_connection *base, const char *sql, bool cached,
		       struct values values, struct store_cursor **ret_cursor, struct fault *fault)
{
	struct sqlite_connection *connection = sqlite_connection_of(base);
	struct sqlite_statement *statement;
	int result = cached ? take_cached(connection, sql, &statement, fault)
			    : prepare_once(connection, sql, &statement, fault);

	if (result < 0)
		return -1;
	statement->in_use = true;
	if (bind_values(connection, statement->handle, values, fault) < 0) {
		close_sqlite_cursor(&statement->cursor);
		return -1;
	}
	*ret_cursor = &statement->cursor;
	return 0;
}

int step_sqlite_cursor(struct store_cursor *cursor, bool *ret_row, struct fault *fault)
{
	struct sqlite_connection *connection = sqlite_connection_of(cursor->connection);

	return step_statement(&connection->database, statement_of(cursor)->handle, ret_row, fault);
}

/* One look at the column: each sqlite3_column_… function would look for it again. What SQLite calls
   an unprotected value may be read, as one thread at a time uses the connection
   (SQLITE_OPEN_NOMUTEX).
 */
struct value get_sqlite_column(struct store_cursor *cursor, int column)
{
	sqlite3_value *found = sqlite3_column_value(statement_of(cursor)->handle, column);
	struct value value = {.kind = VALUE_OTHER};

	switch (sqlite3_value_type(found)) {
	case SQLITE_NULL:
		value.kind = VALUE_NONE;
		break;
	case SQLITE_INTEGER:
		value.kind = VALUE_NUMBER;
		value.number = sqlite3_value_int64(found);
		break;
	case SQLITE_TEXT:
		value.kind = VALUE_TEXT;
		value.bytes.data = sqlite3_value_text(found);
		value.bytes.len = (size_t)sqlite3_value_bytes(found);
		break;
	case SQLITE_BLOB:
		value.kind = VALUE_OCTETS;
		value.bytes.data = sqlite3_value_blob(found);
		value.bytes.len = (size_t)sqlite3_value_bytes(found);
		break;
	default:
		break;
	}
	return value;
}

const char *get_sqlite_column_name(struct store_cursor *cursor, int column)
{
	return sqlite3_column_name(statement_of(cursor)->handle, column);
}

void close_sqlite_cursor(struct store_cursor *cursor)
{
	struct sqlite_statement *statement = statement_of(cursor);

	statement->in_use = false;
	if (statement->key != NULL) {
		reset_statement(statement->handle);
		return;
	}
	free_statement(&statement->handle);
	free(statement);
}

static void compose_insert(const struct table *table, struct buffer *sql)
{
	append_format(sql, "INSERT INTO %s (", table->name);
	for (size_t i = 0; i < table->column_count; i++)
		append_format(sql, "%s%s", i > 0 ? ", " : "", table->columns[i].name);
	append_string(sql, ") VALUES (");
	for (size_t i = 0; i < table->column_count; i++)
		append_format(sql, "%s?%zu", i > 0 ? ", " : "", i + 1);
	append_string(sql, ")");
	if (table->conflict != NULL)
		append_format(sql, " ON CONFLICT (%s) DO NOTHING", table->conflict);
}

/* The statement of a batch, composed when the connection sees the key for the first time. */
static int take_insert(struct sqlite_connection *connection, const struct table *table,
		       struct sqlite_statement **ret_statement, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer sql = {0};

	*ret_statement = find_cached(connection, table);
	if (*ret_statement != NULL)
		return 0;
	compose_insert(table, &sql);
	if (check_buffer(&sql, fault) < 0)
		return -1;
	return add_cached(connection, table, (const char *)sql.data, ret_statement, fault);
}

int insert_sqlite_rows(struct store_connection *base, const struct table *table,
		       const struct value *values, size_t row_count, bool *ret_inserted,
		       struct fault *fault)
{
	struct sqlite_connection *connection = sqlite_connection_of(base);
	struct sqlite_statement *statement;
	bool row;

	if (take_insert(connection, table, &statement, fault) < 0)
		return -1;
	for (size_t i = 0; i < row_count; i++) {
		const struct values next = {values + i * table->column_count, table->column_count};

		if (run_once(connection, statement->handle, next, &row, fault) < 0)
			return -1;
		if (ret_inserted != NULL)
			ret_inserted[i] = sqlite3_changes64(connection->database.handle) > 0;
	}
	return 0;
}

static int look_up_one(struct sqlite_connection *connection, sqlite3_stmt *handle,
		       const struct lookup *lookup, size_t at, struct fault *fault)
{
	struct value parameters[LOOKUP_PARAMETERS_MAX] = {lookup->values.values[at]};
	int result;

	for (size_t i = 0; i < lookup->more.count; i++)
		parameters[i + 1] = lookup->more.values[i];
	result = bind_values(connection, handle,
			     (struct values){parameters, lookup->more.count + 1}, fault);
	if (result == 0)
		result = step_statement(&connection->database, handle, &lookup->ret_found[at],
					fault);
	for (size_t i = 0; i < lookup->column_count && result == 0 && lookup->ret_found[at]; i++)
		lookup->ret_numbers[at * lookup->column_count + i] =
			sqlite3_column_int64(handle, (int)i);
	reset_statement(handle);
	return result;
}

int look_up_sqlite(struct store_connection *base, const struct lookup *lookups, size_t count,
		   struct fault *fault)
{
	struct sqlite_connection *connection = sqlite_connection_of(base);

	for (size_t i = 0; i < count; i++) {
		struct sqlite_statement *statement;

		if (take_cached(connection, lookups[i].sql, &statement, fault) < 0)
			return -1;
		for (size_t at = 0; at < lookups[i].values.count; at++)
			if (look_up_one(connection, statement->handle, &lookups[i], at, fault) < 0)
				return -1;
	}
	return 0;
}

int report_sqlite_damage(struct store_connection *base, const char *text, struct fault *fault)
{
	struct sqlite_connection *connection = sqlite_connection_of(base);

	atomic_store(&connection->database.broken, true);
	return set_fault(fault, FAULT_FAILED,
			 "%s: the CA's record is damaged: %s; nothing is issued from it: restore "
			 "it from a backup",
			 connection->connection.store->name, text);
}
