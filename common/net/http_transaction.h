#ifndef CERTPOOL_NET_HTTP_TRANSACTION_H
#define CERTPOOL_NET_HTTP_TRANSACTION_H

#include "common/base/workers.h"
#include "common/net/connection.h"
#include "common/net/server.h"

#include <microhttpd.h>
#include <stdatomic.h>

/* What the exchanges of a server share. */
struct service {
	struct http_server_settings settings; /* without zeros that mean a default */
	struct connections *connections;
	struct work_queue *queue;
	struct statistics *statistics;
	atomic_size_t body_octets; /* of all requests being received or answered */
};

/*
 * A request and its answer, as libmicrohttpd tells of them: begin_http_transaction once the first
 * line is there, continue_http_transaction for the head, for each piece of the body and at its end,
 * end_http_transaction whatever became of it. The first argument is always the service.
 */
void *begin_http_transaction(void *context, const char *target, struct MHD_Connection *connection);
enum MHD_Result continue_http_transaction(void *context, struct MHD_Connection *connection,
					  const char *url, const char *method, const char *version,
					  const char *data, size_t *data_len, void **exchange);
void end_http_transaction(void *context, struct MHD_Connection *connection, void **exchange,
			  enum MHD_RequestTerminationCode code);

/* Keeps the register of connections. */
void notice_connection(void *context, struct MHD_Connection *connection, void **registered,
		       enum MHD_ConnectionNotificationCode code);

#endif
