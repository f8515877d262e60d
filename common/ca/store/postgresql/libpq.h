#ifndef CERTPOOL_CA_STORE_POSTGRESQL_LIBPQ_H
#define CERTPOOL_CA_STORE_POSTGRESQL_LIBPQ_H

#include "common/base/fault.h"

#include <stddef.h>

/*
 * The functions of libpq that the driver calls. libpq is loaded when a record in PostgreSQL is
 * opened, and not linked: Debian's brings OpenSSL, Kerberos and LDAP with it, which a CA whose
 * record is in SQLite must not have in its process. What is declared here is the stable interface
 * of libpq.so.5 (libpq-fe.h), so that no header of it is needed to build.
 */
struct pg_conn;
struct pg_result;

/* ConnStatusType, ExecStatusType, PGTransactionStatusType, and fields of an error. */
enum { LIBPQ_CONNECTION_OK = 0 };
enum {
	LIBPQ_EMPTY_QUERY = 0,
	LIBPQ_COMMAND_OK = 1,
	LIBPQ_TUPLES_OK = 2,
	LIBPQ_PIPELINE_ABORTED = 11
};
enum { LIBPQ_IDLE = 0, LIBPQ_IN_TRANSACTION = 2 };
enum { LIBPQ_DIAG_SEVERITY = 'V', LIBPQ_DIAG_SQLSTATE = 'C', LIBPQ_DIAG_MESSAGE = 'M' };

/* PQconninfoOption. */
struct pg_option {
	char *keyword;
	char *envvar;
	char *compiled;
	char *val;
	char *label;
	char *dispchar;
	int dispsize;
};

typedef void notice_receiver(void *context, const struct pg_result *result);

struct libpq {
	struct pg_option *(*conninfo_parse)(const char *conninfo, char **ret_error);
	void (*conninfo_free)(struct pg_option *options);
	void (*freemem)(void *memory);
	struct pg_conn *(*connectdb_params)(const char *const *keywords, const char *const *values,
					    int expand_dbname);
	void (*finish)(struct pg_conn *connection);
	int (*status)(const struct pg_conn *connection);
	int (*transaction_status)(const struct pg_conn *connection);
	char *(*error_message)(const struct pg_conn *connection);
	int (*socket)(const struct pg_conn *connection);
	int (*set_nonblocking)(struct pg_conn *connection, int nonblocking);
	notice_receiver *(*set_notice_receiver)(struct pg_conn *connection,
						notice_receiver *receiver, void *context);
	int (*send_query)(struct pg_conn *connection, const char *sql);
	int (*send_query_params)(struct pg_conn *connection, const char *sql, int count,
				 const unsigned int *types, const char *const *values,
				 const int *lengths, const int *formats, int result_format);
	int (*send_prepare)(struct pg_conn *connection, const char *name, const char *sql,
			    int count, const unsigned int *types);
	int (*send_query_prepared)(struct pg_conn *connection, const char *name, int count,
				   const char *const *values, const int *lengths,
				   const int *formats, int result_format);
	int (*enter_pipeline)(struct pg_conn *connection);
	int (*exit_pipeline)(struct pg_conn *connection);
	int (*pipeline_sync)(struct pg_conn *connection);
	int (*flush)(struct pg_conn *connection);
	int (*consume_input)(struct pg_conn *connection);
	int (*is_busy)(struct pg_conn *connection);
	struct pg_result *(*get_result)(struct pg_conn *connection);
	int (*result_status)(const struct pg_result *result);
	char *(*result_error_field)(const struct pg_result *result, int field);
	char *(*cmd_status)(struct pg_result *result);
	char *(*cmd_tuples)(struct pg_result *result);
	int (*ntuples)(const struct pg_result *result);
	int (*nfields)(const struct pg_result *result);
	char *(*fname)(const struct pg_result *result, int column);
	unsigned int (*ftype)(const struct pg_result *result, int column);
	int (*getisnull)(const struct pg_result *result, int row, int column);
	int (*getlength)(const struct pg_result *result, int row, int column);
	char *(*getvalue)(const struct pg_result *result, int row, int column);
	void (*clear)(struct pg_result *result);
};

/*
 * Loads the library, and removes its variables from the environment but PGPASSFILE and
 * PGSERVICEFILE: what the manifest says must count. To be called before the process has threads
 * that read the environment. The library stays loaded, as OpenSSL in it expects, and as a sandbox
 * needs that is closed later. Errors: FAULT_FAILED, which names the package.
 */
int load_libpq(struct libpq *ret_libpq, struct fault *fault) MUST_CHECK;

#endif
