#include "common/ca/store/postgresql/libpq.h"

#include "common/base/library/library.h"

#include <stdbool.h>
#include <string.h>

extern char **environ;

static const struct library_function functions[] = {
	{"PQconninfoParse", offsetof(struct libpq, conninfo_parse)},
	{"PQconninfoFree", offsetof(struct libpq, conninfo_free)},
	{"PQfreemem", offsetof(struct libpq, freemem)},
	{"PQconnectdbParams", offsetof(struct libpq, connectdb_params)},
	{"PQfinish", offsetof(struct libpq, finish)},
	{"PQstatus", offsetof(struct libpq, status)},
	{"PQtransactionStatus", offsetof(struct libpq, transaction_status)},
	{"PQerrorMessage", offsetof(struct libpq, error_message)},
	{"PQsocket", offsetof(struct libpq, socket)},
	{"PQsetnonblocking", offsetof(struct libpq, set_nonblocking)},
	{"PQsetNoticeReceiver", offsetof(struct libpq, set_notice_receiver)},
	{"PQsendQuery", offsetof(struct libpq, send_query)},
	{"PQsendQueryParams", offsetof(struct libpq, send_query_params)},
	{"PQsendPrepare", offsetof(struct libpq, send_prepare)},
	{"PQsendQueryPrepared", offsetof(struct libpq, send_query_prepared)},
	{"PQenterPipelineMode", offsetof(struct libpq, enter_pipeline)},
	{"PQexitPipelineMode", offsetof(struct libpq, exit_pipeline)},
	{"PQpipelineSync", offsetof(struct libpq, pipeline_sync)},
	{"PQflush", offsetof(struct libpq, flush)},
	{"PQconsumeInput", offsetof(struct libpq, consume_input)},
	{"PQisBusy", offsetof(struct libpq, is_busy)},
	{"PQgetResult", offsetof(struct libpq, get_result)},
	{"PQresultStatus", offsetof(struct libpq, result_status)},
	{"PQresultErrorField", offsetof(struct libpq, result_error_field)},
	{"PQcmdStatus", offsetof(struct libpq, cmd_status)},
	{"PQcmdTuples", offsetof(struct libpq, cmd_tuples)},
	{"PQntuples", offsetof(struct libpq, ntuples)},
	{"PQnfields", offsetof(struct libpq, nfields)},
	{"PQfname", offsetof(struct libpq, fname)},
	{"PQftype", offsetof(struct libpq, ftype)},
	{"PQgetisnull", offsetof(struct libpq, getisnull)},
	{"PQgetlength", offsetof(struct libpq, getlength)},
	{"PQgetvalue", offsetof(struct libpq, getvalue)},
	{"PQclear", offsetof(struct libpq, clear)},
};

/* The names of libpq's variables all begin with PG. */
static bool is_foreign_variable(const char *entry)
{
	static const char *const kept[] = {"PGPASSFILE=", "PGSERVICEFILE="};

	for (size_t i = 0; i < COUNT_OF(kept); i++)
		if (strncmp(entry, kept[i], strlen(kept[i])) == 0)
			return false;
	return strncmp(entry, "PG", 2) == 0;
}

static void clear_environment(void)
{
	char **to = environ;

	for (char **from = environ; *from != NULL; from++)
		if (!is_foreign_variable(*from))
			*to++ = *from;
	*to = NULL;
}

int load_libpq(struct libpq *ret_libpq, struct fault *fault)
{
	static const struct library library = {
		.needed_by = "a record in PostgreSQL",
		.file = "libpq.so.5",
		.package = "libpq5",
		.since = "14",
		.functions = functions,
		.count = COUNT_OF(functions),
	};

	clear_environment();
	return load_library(&library, ret_libpq, fault);
}
