#include "common/ca/store/postgresql/postgresql_statement.h"

#include "common/ca/store/postgresql/parameters.h"
#include "common/ca/store/postgresql/pg_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FETCH_ROWS = 2000,
	/* More rows than these are inserted before the COMMIT, which has its own deadline. */
	LATER_ROWS_MAX = 1000,
};

struct pg_cursor {
	struct store_cursor cursor;
	const void *key;          /* address of a static text; NULL: the text was composed */
	struct pg_result *result; /* NULL: not read yet */
	int row;                  /* the current one of the result; -1: before the first */
	unsigned int number;      /* of the cursor in the server; 0: the result is all there is */
	struct pg_cursor *next;
};

/* Each driver's structs begin with the ones of driver.h. */
static struct pg_connection *pg_connection_of(struct store_connection *connection)
{
	return (struct pg_connection *)connection;
}

static struct pg_cursor *pg_cursor_of(struct store_cursor *cursor)
{
	return (struct pg_cursor *)cursor;
}

static const struct libpq *libpq_of(const struct pg_cursor *cursor)
{
	return pg_connection_of(cursor->cursor.connection)->libpq;
}

static int fill_parameters(const struct pg_connection *connection,
			   const struct pg_statement *statement, struct values values,
			   struct pg_parameters *parameters, struct fault *fault)
{
	const char *name = connection->connection.store->name;

	if (values.count != statement->parameter_count || values.count > PARAMETERS_MAX)
		return set_fault(fault, FAULT_FAILED,
				 "%s: expected %zu values for a statement, found %zu: %s", name,
				 statement->parameter_count, values.count, statement->sql);
	for (size_t i = 0; i < values.count; i++)
		if (add_parameter(parameters, &values.values[i], fault) < 0)
			return prefix_fault(fault, "%s", name);
	return 0;
}

/* A statement of a READ is a transaction of its own: it is repeated when the connection was lost
   since the last one. */
static int run_again(struct pg_connection *connection, struct pg_statement *statement,
		     const struct pg_parameters *parameters, struct pg_result **ret_result,
		     struct fault *fault)
{
	struct fault problem = {0};

	if (run_pg_statement(connection, statement, parameters, ret_result, &problem) == 0)
		return 0;
	if (connection->mode != TRANSACTION_READ || connection->handle != NULL)
		return pass_fault(&problem, fault);
	if (renew_pg_reader(connection, fault) < 0)
		return -1;
	return run_pg_statement(connection, statement, parameters, ret_result, fault);
}

/* later: in a WRITE with the statements that follow. */
static int run_with(struct pg_connection *connection, struct pg_statement *statement,
		    struct values values, bool later, struct pg_result **ret_result,
		    struct fault *fault)
{
	struct pg_parameters parameters = {0};

	if (fill_parameters(connection, statement, values, &parameters, fault) < 0)
		return -1;
	if (later && connection->mode == TRANSACTION_WRITE)
		return run_pg_later(connection, statement, &parameters, ret_result, fault);
	return run_again(connection, statement, &parameters, ret_result, fault);
}

/* The type of a NULL is what the text says, and may be another one than that of a value. */
static bool has_null(struct values values)
{
	for (size_t i = 0; i < values.count; i++)
		if (values.values[i].kind == VALUE_NONE)
			return true;
	return false;
}

/* A statement in the common language, and its values. */
struct request {
	const void *key; /* sql, if that is static */
	const char *prefix;
	const char *sql;
	struct values values;
};

static int run_request(struct pg_connection *connection, const struct request *request, bool later,
		       struct pg_result **ret_result, struct fault *fault)
{
	const void *key = has_null(request->values) ? NULL : request->key;
	struct pg_statement *statement = find_pg_statement(connection, key);
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct pg_statement unkept = {0};

	if (statement == NULL) {
		append_string(&text, request->prefix);
		translate_sql(request->sql, &text, &unkept.parameter_count);
		if (check_buffer(&text, fault) < 0)
			return -1;
		unkept.sql = (const char *)text.data;
		statement = keep_pg_statement(connection, key, &unkept);
	}
	return run_with(connection, statement, request->values, later, ret_result, fault);
}

int run_pg(struct store_connection *base, const char *sql, struct values values,
	   int64_t *ret_changed, struct fault *fault)
{
	struct pg_connection *connection = pg_connection_of(base);
	const struct request request = {sql, "", sql, values};
	struct pg_result *result = NULL;

	if (ret_changed == NULL)
		return run_request(connection, &request, true, NULL, fault);
	if (run_request(connection, &request, false, &result, fault) < 0)
		return -1;
	*ret_changed = strtoll(connection->libpq->cmd_tuples(result), NULL, 10);
	connection->libpq->clear(result);
	return 0;
}

static int refuse_open_cursor(const struct pg_connection *connection, const char *sql,
			      struct fault *fault)
{
	for (const struct pg_cursor *open = connection->cursors; open != NULL; open = open->next)
		if (open->key == sql)
			return set_fault(fault, FAULT_FAILED,
					 "%s: the rows of this query are open: %s",
					 connection->connection.store->name, sql);
	return 0;
}

static int fetch_rows(struct pg_connection *connection, unsigned int number,
		      struct pg_result **ret_result, struct fault *fault)
{
	static const struct pg_parameters none = {0};
	char sql[64];
	struct pg_statement statement = {.sql = sql};

	(void)snprintf(sql, sizeof(sql), "FETCH %d FROM c%u", FETCH_ROWS, number);
	return run_pg_statement(connection, &statement, &none, ret_result, fault);
}

/* The server forgets a cursor with its transaction. */
static int declare_cursor(struct pg_connection *connection, const char *sql, struct values values,
			  struct pg_cursor *cursor, struct fault *fault)
{
	char prefix[64];
	const struct request request = {NULL, prefix, sql, values};
	struct pg_result *declared = NULL;

	(void)snprintf(prefix, sizeof(prefix), "DECLARE c%u NO SCROLL CURSOR FOR ",
		       ++connection->cursor_number);
	if (run_request(connection, &request, false, &declared, fault) < 0)
		return -1;
	connection->libpq->clear(declared);
	cursor->number = connection->cursor_number;
	return fetch_rows(connection, cursor->number, &cursor->result, fault);
}

int open_pg_cursor(struct store_connection *base, const char *sql, bool cached,
		   struct values values, struct store_cursor **ret_cursor, struct fault *fault)
{
	struct pg_connection *connection = pg_connection_of(base);
	bool long_one = connection->mode == TRANSACTION_SCAN ||
			(connection->mode == TRANSACTION_WRITE && !cached);
	const struct request request = {cached ? sql : NULL, "", sql, values};
	struct pg_cursor *cursor;

	if (cached && refuse_open_cursor(connection, sql, fault) < 0)
		return -1;
	cursor = calloc(1, sizeof(*cursor));
	if (cursor == NULL)
		return set_memory_fault(fault);
	cursor->cursor.connection = base;
	cursor->key = request.key;
	cursor->row = -1;
	if ((long_one ? declare_cursor(connection, sql, values, cursor, fault)
		      : run_request(connection, &request, true, &cursor->result, fault)) < 0) {
		free(cursor);
		return -1;
	}
	cursor->next = connection->cursors;
	connection->cursors = cursor;
	*ret_cursor = &cursor->cursor;
	return 0;
}

int step_pg_cursor(struct store_cursor *base, bool *ret_row, struct fault *fault)
{
	struct pg_cursor *cursor = pg_cursor_of(base);
	struct pg_connection *connection = pg_connection_of(base->connection);
	const struct libpq *libpq = connection->libpq;
	struct pg_result *next = NULL;

	if (cursor->result == NULL && collect_pg(connection, fault) < 0)
		return -1;
	if (cursor->result == NULL)
		return set_fault(fault, FAULT_FAILED,
				 "%s: this query was not run, as a statement before it failed",
				 connection->connection.store->name);
	if (cursor->row + 1 >= libpq->ntuples(cursor->result) && cursor->number != 0 &&
	    libpq->ntuples(cursor->result) == FETCH_ROWS) {
		if (fetch_rows(connection, cursor->number, &next, fault) < 0)
			return -1;
		libpq->clear(cursor->result);
		cursor->result = next;
		cursor->row = -1;
	}
	*ret_row = cursor->row + 1 < libpq->ntuples(cursor->result);
	cursor->row += *ret_row;
	return 0;
}

struct value get_pg_column(struct store_cursor *base, int column)
{
	const struct pg_cursor *cursor = pg_cursor_of(base);
	const struct libpq *libpq = libpq_of(cursor);

	if (cursor->row < 0 || cursor->row >= libpq->ntuples(cursor->result) ||
	    column >= libpq->nfields(cursor->result) ||
	    libpq->getisnull(cursor->result, cursor->row, column) != 0)
		return no_value();
	return read_pg_value(libpq->ftype(cursor->result, column),
			     libpq->getvalue(cursor->result, cursor->row, column),
			     libpq->getlength(cursor->result, cursor->row, column));
}

const char *get_pg_column_name(struct store_cursor *base, int column)
{
	const struct pg_cursor *cursor = pg_cursor_of(base);

	return libpq_of(cursor)->fname(cursor->result, column);
}

void close_pg_cursor(struct store_cursor *base)
{
	struct pg_cursor *cursor = pg_cursor_of(base);
	struct pg_cursor **link = &pg_connection_of(base->connection)->cursors;

	while (*link != cursor)
		link = &(*link)->next;
	*link = cursor->next;
	forget_pending(pg_connection_of(base->connection), &cursor->result);
	libpq_of(cursor)->clear(cursor->result);
	free(cursor);
}

static void compose_insert(const struct table *table, struct buffer *sql)
{
	static const char *const types[] = {
		[VALUE_NUMBER] = "bigint", [VALUE_TEXT] = "text", [VALUE_OCTETS] = "bytea"};

	append_format(sql, "INSERT INTO %s (", table->name);
	for (size_t i = 0; i < table->column_count; i++)
		append_format(sql, "%s%s", i > 0 ? ", " : "", table->columns[i].name);
	append_string(sql, ") SELECT * FROM unnest(");
	for (size_t i = 0; i < table->column_count; i++)
		append_format(sql, "%s$%zu::%s[]", i > 0 ? ", " : "", i + 1,
			      types[table->columns[i].kind]);
	append_string(sql, ")");
	if (table->conflict != NULL)
		append_format(sql, " ON CONFLICT (%s) DO NOTHING RETURNING %s", table->conflict,
			      table->conflict);
}

static size_t find_conflict_column(const struct table *table)
{
	size_t column = 0;

	while (column + 1 < table->column_count &&
	       strcmp(table->columns[column].name, table->conflict) != 0)
		column++;
	return column;
}

static bool equal_values(const struct value *a, const struct value *b)
{
	return a->kind == b->kind &&
	       (a->kind == VALUE_NUMBER ? a->number == b->number : equal_bytes(a->bytes, b->bytes));
}

/* The rows come back in the order in which they were given, without those that were left out. */
static int match_inserted(const struct pg_connection *connection, const struct table *table,
			  const struct value *values, size_t row_count,
			  const struct pg_result *result, bool *ret_inserted, struct fault *fault)
{
	const struct libpq *libpq = connection->libpq;
	size_t column = find_conflict_column(table);
	int at = 0;

	for (size_t i = 0; i < row_count; i++) {
		struct value key;

		ret_inserted[i] = false;
		if (at >= libpq->ntuples(result))
			continue;
		key = read_pg_value(libpq->ftype(result, 0), libpq->getvalue(result, at, 0),
				    libpq->getlength(result, at, 0));
		ret_inserted[i] = equal_values(&key, &values[i * table->column_count + column]);
		at += ret_inserted[i];
	}
	if (at == libpq->ntuples(result))
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: the database says that it inserted other rows than it was given",
			 connection->connection.store->name);
}

/* An array for each column. */
struct batch_arrays {
	struct buffer columns[TABLE_COLUMNS_MAX];
};

static void clear_arrays(struct batch_arrays *arrays)
{
	for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
		clear_buffer(&arrays->columns[i]);
}

/* The arrays are the parameters'. */
static int fill_arrays(const struct pg_connection *connection, const struct table *table,
		       const struct value *values, size_t row_count, struct batch_arrays *arrays,
		       struct pg_parameters *parameters, struct fault *fault)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (append_array(&arrays->columns[i], table->columns[i].kind, values + i,
				 table->column_count, row_count, fault) < 0)
			return prefix_fault(fault, "%s: column %s of table %s",
					    connection->connection.store->name,
					    table->columns[i].name, table->name);
		add_array_parameter(parameters, table->columns[i].kind, &arrays->columns[i]);
	}
	return 0;
}

/* One statement, whatever the number of rows. Rows keep their order: with one writer at a time no
   order of keys is needed against deadlocks. */
int insert_pg_rows(struct store_connection *base, const struct table *table,
		   const struct value *values, size_t row_count, bool *ret_inserted,
		   struct fault *fault)
{
	struct pg_connection *connection = pg_connection_of(base);
	struct pg_statement *statement = find_pg_statement(connection, table);
	CLEANUP(clear_buffer) struct buffer sql = {0};
	CLEANUP(clear_arrays) struct batch_arrays arrays = {0};
	struct pg_parameters parameters = {0};
	struct pg_statement unkept = {0};
	struct pg_result *result = NULL;
	int matched = 0;

	if (row_count == 0)
		return 0;
	if (statement == NULL) {
		compose_insert(table, &sql);
		if (check_buffer(&sql, fault) < 0)
			return -1;
		unkept.sql = (const char *)sql.data;
		statement = keep_pg_statement(connection, table, &unkept);
	}
	if (fill_arrays(connection, table, values, row_count, &arrays, &parameters, fault) < 0)
		return -1;
	if (ret_inserted == NULL && row_count <= LATER_ROWS_MAX)
		return run_pg_later(connection, statement, &parameters, NULL, fault);
	if (run_pg_statement(connection, statement, &parameters, &result, fault) < 0)
		return -1;
	if (ret_inserted != NULL && table->conflict != NULL)
		matched = match_inserted(connection, table, values, row_count, result, ret_inserted,
					 fault);
	connection->libpq->clear(result);
	return matched;
}

/* ?1 is a value of the array, ?2 and those after it are parameters. A plan does not depend on how
   many values there are, as it would on those of an array that is not a query's. */
static void compose_lookup(const struct lookup *lookup, struct buffer *sql)
{
	append_format(sql,
		      "SELECT asked.ordinal, found.* FROM unnest((SELECT $1::%s[])) WITH ORDINALITY"
		      " AS asked (value, ordinal) CROSS JOIN LATERAL (",
		      lookup->kind == VALUE_TEXT ? "text" : "bytea");
	for (const char *at = lookup->sql; *at != '\0'; at++) {
		if (*at == '?' && at[1] == '1') {
			append_string(sql, "asked.value");
			at++;
		} else {
			append_bytes(sql,
				     (struct bytes){(const uint8_t *)(*at == '?' ? "$" : at), 1});
		}
	}
	/* A query with an OFFSET stays one of its own, and is run by its index once a value. */
	append_string(sql, " OFFSET 0) AS found");
}

static int send_lookup(struct pg_connection *connection, const struct lookup *lookup,
		       struct pg_result **result, struct fault *fault)
{
	struct pg_statement *statement = find_pg_statement(connection, lookup->sql);
	CLEANUP(clear_buffer) struct buffer sql = {0};
	CLEANUP(clear_buffer) struct buffer array = {0};
	struct pg_parameters parameters = {0};
	struct pg_statement unkept = {0};

	if (statement == NULL) {
		compose_lookup(lookup, &sql);
		if (check_buffer(&sql, fault) < 0)
			return -1;
		unkept.sql = (const char *)sql.data;
		statement = keep_pg_statement(connection, lookup->sql, &unkept);
	}
	if (append_array(&array, lookup->kind, lookup->values.values, 1, lookup->values.count,
			 fault) < 0)
		return -1;
	add_array_parameter(&parameters, lookup->kind, &array);
	for (size_t i = 0; i < lookup->more.count; i++)
		if (add_parameter(&parameters, &lookup->more.values[i], fault) < 0)
			return -1;
	if (connection->mode != TRANSACTION_WRITE)
		return run_again(connection, statement, &parameters, result, fault);
	return run_pg_later(connection, statement, &parameters, result, fault);
}

static void read_lookup(const struct libpq *libpq, const struct lookup *lookup,
			const struct pg_result *result)
{
	memset(lookup->ret_found, 0, lookup->values.count * sizeof(*lookup->ret_found));
	for (int row = 0; row < libpq->ntuples(result); row++) {
		size_t at = (size_t)read_pg_number(libpq, result, row, 0) - 1;

		lookup->ret_found[at] = true;
		for (size_t i = 0; i < lookup->column_count; i++)
			lookup->ret_numbers[at * lookup->column_count + i] =
				read_pg_number(libpq, result, row, (int)i + 1);
	}
}

int look_up_pg(struct store_connection *base, const struct lookup *lookups, size_t count,
	       struct fault *fault)
{
	struct pg_connection *connection = pg_connection_of(base);
	struct pg_result *results[LOOKUPS_MAX] = {0};
	int sent = 0;

	for (size_t i = 0; i < count && sent == 0; i++)
		if (lookups[i].values.count > 0)
			sent = send_lookup(connection, &lookups[i], &results[i], fault);
	if (sent == 0)
		sent = collect_pg(connection, fault);
	for (size_t i = 0; i < count; i++) {
		forget_pending(connection, &results[i]);
		if (sent == 0 && results[i] != NULL)
			read_lookup(connection->libpq, &lookups[i], results[i]);
		connection->libpq->clear(results[i]);
	}
	return sent;
}
