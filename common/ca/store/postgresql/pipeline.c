#include "common/ca/store/postgresql/pipeline.h"

#include "common/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keeps the last result, unless one before it was an error. */
static int collect_results(struct pg_connection *connection, int64_t until_us,
			   struct pg_result **ret_result, struct fault *fault)
{
	const struct libpq *libpq = connection->libpq;
	struct pg_result *kept = NULL;
	struct pg_result *next = NULL;
	int status = LIBPQ_COMMAND_OK;

	do {
		if (next_pg_result(connection, until_us, &next, fault) < 0) {
			libpq->clear(kept);
			return -1;
		}
		if (next == NULL)
			break;
		if (status != LIBPQ_COMMAND_OK && status != LIBPQ_TUPLES_OK) {
			libpq->clear(next);
			continue;
		}
		libpq->clear(kept);
		kept = next;
		status = libpq->result_status(kept);
	} while (true);
	if (kept == NULL)
		return report_pg_lost(connection, libpq->error_message(connection->handle), fault);
	if (status != LIBPQ_COMMAND_OK && status != LIBPQ_TUPLES_OK) {
		(void)set_pg_fault(connection, kept, fault);
		libpq->clear(kept);
		return -1;
	}
	*ret_result = kept;
	return 0;
}

struct pg_statement *find_pg_statement(struct pg_connection *connection, const void *key)
{
	for (size_t i = 0; i < connection->statement_count; i++)
		if (connection->statements[i].key == key)
			return &connection->statements[i];
	return NULL;
}

struct pg_statement *keep_pg_statement(struct pg_connection *connection, const void *key,
				       struct pg_statement *unkept)
{
	struct pg_statement *statement = &connection->statements[connection->statement_count];
	char *copy = NULL;

	if (key != NULL && connection->statement_count < PG_STATEMENTS_MAX)
		copy = strdup(unkept->sql);
	if (copy == NULL)
		return unkept;
	*statement = *unkept;
	statement->key = key;
	statement->sql = statement->owned = copy;
	(void)snprintf(statement->name, sizeof(statement->name), "s%zu",
		       ++connection->statement_count);
	return statement;
}

static struct pg_pending *add_pending(struct pg_connection *connection,
				      struct pg_result **ret_result)
{
	struct pg_pending *pending = calloc(1, sizeof(*pending));

	if (pending == NULL)
		return NULL;
	if (connection->pending == NULL)
		connection->pending_end = &connection->pending;
	pending->ret_result = ret_result;
	*connection->pending_end = pending;
	connection->pending_end = &pending->next;
	return pending;
}

static bool send_statement(struct pg_connection *connection, const struct pg_statement *statement,
			   const struct pg_parameters *parameters)
{
	const struct libpq *libpq = connection->libpq;

	if (statement->key == NULL)
		return libpq->send_query_params(connection->handle, statement->sql,
						parameters->count, parameters->types,
						parameters->values, parameters->lengths,
						parameters->formats, 1) != 0;
	return libpq->send_query_prepared(connection->handle, statement->name, parameters->count,
					  parameters->values, parameters->lengths,
					  parameters->formats, 1) != 0;
}

int run_pg_later(struct pg_connection *connection, struct pg_statement *statement,
		 const struct pg_parameters *parameters, struct pg_result **ret_result,
		 struct fault *fault)
{
	const struct libpq *libpq = connection->libpq;
	bool prepares = statement->key != NULL && !statement->prepared;
	struct pg_pending *preparing;

	if (connection->handle == NULL)
		return report_pg_lost(connection, "before this statement", fault);
	if (connection->pending == NULL && libpq->enter_pipeline(connection->handle) == 0)
		return report_pg_lost(connection, libpq->error_message(connection->handle), fault);
	if (prepares) {
		preparing = add_pending(connection, NULL);
		if (preparing == NULL)
			return report_pg_lost(connection, "out of memory", fault);
		preparing->prepares = statement;
		statement->prepared = true;
	}
	if ((prepares && libpq->send_prepare(connection->handle, statement->name, statement->sql,
					     parameters->count, parameters->types) == 0) ||
	    !send_statement(connection, statement, parameters))
		return report_pg_lost(connection, libpq->error_message(connection->handle), fault);
	if (add_pending(connection, ret_result) == NULL)
		return report_pg_lost(connection, "out of memory", fault);
	return 0;
}

int run_pg_text_later(struct pg_connection *connection, const char *sql,
		      struct pg_result **ret_result, struct fault *fault)
{
	static const struct pg_parameters none = {0};
	struct pg_statement unkept = {.sql = sql};
	struct pg_statement *statement = find_pg_statement(connection, sql);

	if (statement == NULL)
		statement = keep_pg_statement(connection, sql, &unkept);
	return run_pg_later(connection, statement, &none, ret_result, fault);
}

void forget_pending(struct pg_connection *connection, struct pg_result **result)
{
	for (struct pg_pending *at = connection->pending; at != NULL; at = at->next)
		if (at->ret_result == result)
			at->ret_result = NULL;
}

/* Of the first one. The connection is lost, or has gone on to the next. *problem is the first error
   of all. */
static void collect_first(struct pg_connection *connection, int64_t until_us, struct fault *problem)
{
	const struct pg_pending first = *connection->pending;
	const struct libpq *libpq = connection->libpq;
	struct pg_result *result = NULL;
	struct pg_result *end = NULL;
	int status;

	if (next_pg_result(connection, until_us, &result, problem) < 0)
		return;
	if (next_pg_result(connection, until_us, &end, problem) < 0) {
		libpq->clear(result);
		return;
	}
	libpq->clear(end);
	drop_first_pending(connection);
	status = result != NULL ? libpq->result_status(result) : LIBPQ_EMPTY_QUERY;
	if (first.prepares != NULL)
		first.prepares->prepared = status == LIBPQ_COMMAND_OK;
	if (status == LIBPQ_COMMAND_OK || status == LIBPQ_TUPLES_OK) {
		if (first.ret_result != NULL)
			*first.ret_result = TAKE(result);
	} else if (status != LIBPQ_PIPELINE_ABORTED) {
		(void)set_pg_fault(connection, result, problem);
	}
	libpq->clear(result);
}

/* After the last statement's result comes that of the synchronisation. */
static int end_pipeline(struct pg_connection *connection, int64_t until_us, struct fault *fault)
{
	const struct libpq *libpq = connection->libpq;
	struct pg_result *result = NULL;

	if (next_pg_result(connection, until_us, &result, fault) < 0)
		return -1;
	libpq->clear(result);
	if (result == NULL || libpq->exit_pipeline(connection->handle) == 0)
		return report_pg_lost(connection, libpq->error_message(connection->handle), fault);
	return 0;
}

static int collect_for(struct pg_connection *connection, int64_t wait_ms, struct fault *fault)
{
	const int64_t until_us = read_stopwatch_us() + wait_ms * 1000;
	struct fault problem = {0};

	if (connection->pending == NULL)
		return 0;
	if (connection->libpq->pipeline_sync(connection->handle) == 0)
		return report_pg_lost(connection,
				      connection->libpq->error_message(connection->handle), fault);
	if (flush_pg(connection, until_us, fault) < 0)
		return -1;
	while (connection->pending != NULL)
		collect_first(connection, until_us, &problem);
	if (connection->handle != NULL && end_pipeline(connection, until_us, fault) < 0)
		return -1;
	return problem.class == FAULT_NONE ? 0 : pass_fault(&problem, fault);
}

int collect_pg(struct pg_connection *connection, struct fault *fault)
{
	return collect_for(connection, STATEMENT_MS, fault);
}

static int64_t wait_ms_of(const struct pg_connection *connection)
{
	return connection->mode == TRANSACTION_SCAN ? SCAN_MS : STATEMENT_MS;
}

int run_pg_statement(struct pg_connection *connection, struct pg_statement *statement,
		     const struct pg_parameters *parameters, struct pg_result **ret_result,
		     struct fault *fault)
{
	const int64_t before_ms = connection->pending != NULL ? STATEMENT_MS : 0;
	struct pg_result *result = NULL;

	if (run_pg_later(connection, statement, parameters, &result, fault) < 0)
		return -1;
	if (collect_for(connection, before_ms + wait_ms_of(connection), fault) < 0) {
		connection->libpq->clear(result);
		return -1;
	}
	*ret_result = result;
	return 0;
}

static int execute_for(struct pg_connection *connection, int64_t wait_ms, const char *sql,
		       struct pg_result **ret_result, struct fault *fault)
{
	const struct libpq *libpq = connection->libpq;
	struct pg_result *result = NULL;
	int64_t until_us;

	if (connection->handle == NULL)
		return report_pg_lost(connection, "before this statement", fault);
	if (collect_pg(connection, fault) < 0)
		return -1;
	until_us = read_stopwatch_us() + wait_ms * 1000;
	if (libpq->send_query(connection->handle, sql) == 0)
		return report_pg_lost(connection, libpq->error_message(connection->handle), fault);
	if (flush_pg(connection, until_us, fault) < 0 ||
	    collect_results(connection, until_us, &result, fault) < 0)
		return -1;
	if (ret_result != NULL)
		*ret_result = result;
	else
		libpq->clear(result);
	return 0;
}

int execute_pg(struct pg_connection *connection, const char *sql, struct pg_result **ret_result,
	       struct fault *fault)
{
	return execute_for(connection, wait_ms_of(connection), sql, ret_result, fault);
}

int execute_long_pg(struct pg_connection *connection, const char *sql, struct fault *fault)
{
	return execute_for(connection, SCAN_MS, sql, NULL, fault);
}

/* An answer that says neither that the transaction was committed nor that it was not. */
static int report_unknown(const struct pg_connection *connection, const char *why,
			  struct fault *fault)
{
	return set_fault(fault, FAULT_INTERRUPTED,
			 "%s: whether the change was made is not known: ask again, or look (%s)",
			 connection->connection.store->name, why);
}

int commit_pg(struct pg_connection *connection, struct fault *fault)
{
	static const char sql[] = "COMMIT";
	const int64_t before_ms = connection->pending != NULL ? STATEMENT_MS : 0;
	struct fault problem = {0};
	struct pg_result *result = NULL;
	bool committed;

	connection->warning[0] = '\0';
	if (run_pg_text_later(connection, sql, &result, &problem) < 0 ||
	    collect_for(connection, before_ms + COMMIT_MS, &problem) < 0) {
		connection->libpq->clear(result);
		if (connection->handle == NULL)
			return report_unknown(connection, problem.text, fault);
		return pass_fault(&problem, fault);
	}
	committed = strcmp(connection->libpq->cmd_status(result), "COMMIT") == 0;
	connection->libpq->clear(result);
	/* "canceling wait for synchronous replication": a failover may lose it. */
	if (connection->warning[0] != '\0') {
		close_pg_connection(connection);
		return report_unknown(connection, connection->warning, fault);
	}
	if (!committed)
		return set_fault(fault, FAULT_FAILED,
				 "%s: the database undid the transaction, after a statement that "
				 "failed",
				 connection->connection.store->name);
	return 0;
}

void abort_pg(struct pg_connection *connection)
{
	struct fault ignored = {0};

	(void)!collect_pg(connection, &ignored);
	if (connection->handle == NULL ||
	    connection->libpq->transaction_status(connection->handle) == LIBPQ_IDLE)
		return;
	if (execute_pg(connection, "ROLLBACK", NULL, &ignored) < 0)
		close_pg_connection(connection);
}
