#include "common/ca/store/postgresql/connection.h"

#include "common/base/clock.h"
#include "common/ca/store/postgresql/pipeline.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library's message in one line. */
static void flatten_message(const char *message, char *ret_text, size_t size)
{
	size_t len;

	(void)snprintf(ret_text, size, "%s", message);
	len = strlen(ret_text);
	while (len > 0 && ret_text[len - 1] == '\n')
		ret_text[--len] = '\0';
	for (char *at = strchr(ret_text, '\n'); at != NULL; at = strchr(at, '\n'))
		*at = ' ';
}

/* Keeps the first warning. */
static void receive_notice(void *context, const struct pg_result *result)
{
	struct pg_connection *connection = context;
	const char *severity = connection->libpq->result_error_field(result, LIBPQ_DIAG_SEVERITY);
	const char *message = connection->libpq->result_error_field(result, LIBPQ_DIAG_MESSAGE);

	if (severity != NULL && strcmp(severity, "WARNING") == 0 && connection->warning[0] == '\0')
		flatten_message(message != NULL ? message : "no text", connection->warning,
				sizeof(connection->warning));
}

void drop_first_pending(struct pg_connection *connection)
{
	struct pg_pending *first = connection->pending;

	connection->pending = first->next;
	free(first);
}

/* The server forgets the session's statements with it. */
void close_pg_connection(struct pg_connection *connection)
{
	while (connection->pending != NULL)
		drop_first_pending(connection);
	for (size_t i = 0; i < connection->statement_count; i++)
		connection->statements[i].prepared = false;
	if (connection->handle != NULL)
		connection->libpq->finish(TAKE(connection->handle));
}

void free_pg_statements(struct pg_connection *connection)
{
	for (size_t i = 0; i < connection->statement_count; i++)
		free(connection->statements[i].owned);
	connection->statement_count = 0;
}

int report_pg_lost(struct pg_connection *connection, const char *why, struct fault *fault)
{
	char text[512];

	flatten_message(why, text, sizeof(text));
	close_pg_connection(connection);
	return set_fault(fault, FAULT_INTERRUPTED,
			 "%s: the connection to the database was lost, and with it what was about "
			 "to be done: ask again (%s)",
			 connection->connection.store->name, text);
}

/* What an SQLSTATE, or the class that its first two characters are, means for the operator. */
static const struct {
	const char *state;
	enum fault_class class;
	const char *meaning;
} meanings[] = {
	{"40001", FAULT_INTERRUPTED, "another transaction came in between: ask again"},
	{"40P01", FAULT_INTERRUPTED, "another transaction came in between: ask again"},
	{"40", FAULT_INTERRUPTED, "the database undid the transaction: ask again"},
	{"55P03", FAULT_BUSY, "another front end is writing all the time: ask again"},
	{"57014", FAULT_BUSY, "the database took too long: ask again"},
	{"25006", FAULT_FAILED, "the database takes no changes"},
	{"42501", FAULT_FAILED,
	 "the role of this CA lacks a right: make it the owner of the database"},
	{"42P01", FAULT_FAILED,
	 "a table of the CA's record is missing: restore the database from a backup"},
	{"53100", FAULT_FAILED, "the database's disk is full: make room, and ask again"},
	{"53", FAULT_BUSY, "the database lacks memory or connections: ask again"},
	{"XX", FAULT_FAILED,
	 "the database is damaged; nothing is issued from it: restore it from a backup"},
};

/* The server has ended the session, or will; or it is another one than before, which has not the
   statements that were prepared. */
static bool ends_session(const char *state)
{
	static const char *const states[] = {"57P01", "57P02", "57P03", "57P05",
					     "25P03", "26000", "42P05", "08"};

	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (strncmp(state, states[i], strlen(states[i])) == 0)
			return true;
	return false;
}

int set_pg_fault(struct pg_connection *connection, const struct pg_result *result,
		 struct fault *fault)
{
	const struct libpq *libpq = connection->libpq;
	const char *state = libpq->result_error_field(result, LIBPQ_DIAG_SQLSTATE);
	const char *message = libpq->result_error_field(result, LIBPQ_DIAG_MESSAGE);
	enum fault_class class = FAULT_FAILED;
	const char *meaning = "the CA's record could not be used";
	char text[512];

	if (state == NULL)
		return report_pg_lost(connection, libpq->error_message(connection->handle), fault);
	/* A server that was a primary has become a standby: another one takes the writes. */
	if (ends_session(state) ||
	    (strcmp(state, "25006") == 0 && connection->mode == TRANSACTION_WRITE))
		return report_pg_lost(connection, message != NULL ? message : state, fault);
	for (size_t i = COUNT_OF(meanings); i > 0; i--)
		if (strncmp(state, meanings[i - 1].state, strlen(meanings[i - 1].state)) == 0) {
			class = meanings[i - 1].class;
			meaning = meanings[i - 1].meaning;
		}
	flatten_message(message != NULL ? message : "", text, sizeof(text));
	return set_fault(fault, class, "%s: %s (PostgreSQL: %s, SQLSTATE %s)",
			 connection->connection.store->name, meaning, text, state);
}

/* Waits for the socket; false when it is not ready in time. */
static bool await_socket(struct pg_connection *connection, short events, int64_t until_us)
{
	struct pollfd entry = {.fd = connection->libpq->socket(connection->handle),
			       .events = events};
	int ready;

	do {
		int64_t left_us = until_us - read_stopwatch_us();

		if (left_us <= 0)
			return false;
		ready = poll(&entry, 1, (int)(left_us / 1000 + 1));
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* Sends all that is to be sent, and reads meanwhile, so that neither side blocks the other. */
int flush_pg(struct pg_connection *connection, int64_t until_us, struct fault *fault)
{
	const struct libpq *libpq = connection->libpq;
	int left = libpq->flush(connection->handle);

	while (left > 0) {
		if (!await_socket(connection, POLLIN | POLLOUT, until_us))
			return report_pg_lost(connection, "the server did not read in time", fault);
		if (libpq->consume_input(connection->handle) == 0)
			break;
		left = libpq->flush(connection->handle);
	}
	return left == 0 ? 0
			 : report_pg_lost(connection, libpq->error_message(connection->handle),
					  fault);
}

/* *ret_result NULL: there is no further result. */
int next_pg_result(struct pg_connection *connection, int64_t until_us,
		   struct pg_result **ret_result, struct fault *fault)
{
	const struct libpq *libpq = connection->libpq;

	while (libpq->is_busy(connection->handle) != 0) {
		if (!await_socket(connection, POLLIN, until_us))
			return report_pg_lost(connection, "the server did not answer in time",
					      fault);
		if (libpq->consume_input(connection->handle) == 0)
			return report_pg_lost(connection, libpq->error_message(connection->handle),
					      fault);
	}
	*ret_result = libpq->get_result(connection->handle);
	return 0;
}

/* Names are in UTF-8. A database without an encoding keeps their octets. */
static int check_encoding(const struct pg_connection *connection, const char *encoding,
			  struct fault *fault)
{
	if (strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "SQL_ASCII") == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: expected a database in UTF8, found one in %s: make it with "
			 "createdb --encoding=UTF8 --template=template0",
			 connection->connection.store->name, encoding);
}

/* Another schema than the record's is never looked into. A session whose host is lost, or that
   hangs while it holds the writers' lock, is ended by the server; one that hangs within a pipeline,
   which the server does not take for idle, by end_silent_writer. A plan that was made while a table
   was small remains right when it has grown: its index is used from the beginning. The parameters
   that the engine does not know are left alone. */
static int set_up_session(struct pg_connection *connection, struct fault *fault)
{
	bool writes = connection->mode == TRANSACTION_WRITE;
	bool scans = connection->mode == TRANSACTION_SCAN;
	struct pg_result *result = NULL;
	int encoded;
	char sql[1280];

	(void)snprintf(sql, sizeof(sql),
		       "SET search_path TO certpool;"
		       "SET default_transaction_read_only TO %s;"
		       "SET statement_timeout TO %d;"
		       "SET lock_timeout TO %d;"
		       "SET idle_in_transaction_session_timeout TO %d;"
		       "SELECT set_config(v.name, v.setting, false) FROM (VALUES"
		       " ('cursor_tuple_fraction', '1'), ('jit', 'off'), ('enable_seqscan', '%s'),"
		       " ('tcp_keepalives_idle', '2'), ('tcp_keepalives_interval', '1'),"
		       " ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '3000')"
		       ") AS v (name, setting) JOIN pg_settings AS s ON s.name = v.name;"
		       "SELECT set_config('synchronous_commit', CASE current_setting("
		       "'synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' "
		       "END, false);"
		       "SELECT floor(extract(epoch FROM pg_postmaster_start_time()) * 1000000),"
		       " current_setting('server_encoding')",
		       writes ? "off" : "on", scans ? 0 : STATEMENT_MS, LOCK_MS,
		       writes ? IDLE_MS : 0, scans ? "on" : "off");
	if (execute_pg(connection, sql, &result, fault) < 0)
		return -1;
	connection->instance = strtoll(connection->libpq->getvalue(result, 0, 0), NULL, 10);
	encoded = check_encoding(connection, connection->libpq->getvalue(result, 0, 1), fault);
	connection->libpq->clear(result);
	return encoded;
}

int open_pg_connection(struct pg_connection *connection, const char *const *keywords,
		       const char *const *values, struct fault *fault)
{
	const struct libpq *libpq = connection->libpq;
	struct fault problem = {0};
	char text[512];

	connection->handle = libpq->connectdb_params(keywords, values, 0);
	if (connection->handle == NULL)
		return set_memory_fault(fault);
	if (libpq->status(connection->handle) != LIBPQ_CONNECTION_OK) {
		flatten_message(libpq->error_message(connection->handle), text, sizeof(text));
		close_pg_connection(connection);
		return set_fault(fault, FAULT_UNREACHABLE, "%s: the database cannot be reached: %s",
				 connection->connection.store->name, text);
	}
	(void)libpq->set_notice_receiver(connection->handle, receive_notice, connection);
	if (libpq->set_nonblocking(connection->handle, 1) == 0 &&
	    set_up_session(connection, &problem) == 0)
		return 0;
	close_pg_connection(connection);
	return set_fault(fault,
			 problem.class == FAULT_INTERRUPTED ? FAULT_UNREACHABLE : FAULT_FAILED,
			 "%s", problem.text);
}
