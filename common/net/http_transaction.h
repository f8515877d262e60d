#ifndef CERTPOOL_NET_HTTP_TRANSACTION_H
#define CERTPOOL_NET_HTTP_TRANSACTION_H

#include "common/base/work_queue.h"
#include "common/net/body_budget.h"
#include "common/net/connection.h"
#include "common/net/server.h"
#include "common/net/tls_connection.h"

#include <microhttpd.h>

/* The state of a server that its transactions share. */
struct server_state {
	struct http_server_settings settings; /* with the defaults filled in */
	struct connection_register *connections;
	struct work_queue *work;        /* long work of requests with a body */
	struct work_queue *prompt_work; /* of those without */
	struct work_queue *joint_work;  /* of those that wait for each other */
	struct work_queue *lookup_work; /* of those that look something up elsewhere */
	struct work_queue *sender_work; /* looks at who sends a body, where these wait */
	struct route_counters *counters;
	struct body_budget *bodies;
	struct tls_server tls;
	bool has_plain;  /* http endpoints */
	bool has_secure; /* https endpoints */
};

/*
 * libmicrohttpd's callbacks for a request and its answer: begin_http_transaction after the first
 * line, continue_http_transaction after the head, for each piece of the body and at its end,
 * end_http_transaction at the end of every transaction. `context` is the server_state.
 */
void *begin_http_transaction(void *context, const char *target, struct MHD_Connection *connection);
enum MHD_Result continue_http_transaction(void *context, struct MHD_Connection *connection,
					  const char *url, const char *method, const char *version,
					  const char *data, size_t *data_len, void **transaction);
void end_http_transaction(void *context, struct MHD_Connection *connection, void **transaction,
			  enum MHD_RequestTerminationCode code);

#endif
