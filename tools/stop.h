#ifndef CERTPOOL_TOOLS_STOP_H
#define CERTPOOL_TOOLS_STOP_H

#include "common/base/endpoint.h"
#include "tools/command.h"

/*
 * How a server waits for its end: SIGTERM, SIGINT, or one of its own threads. Whoever started it as
 * a service is told when it serves and when it stops (service_manager.h).
 */
struct stop {
	int signals;
	int event;
};

/* Before the first thread is made: from here on the signals are for await_stop alone. */
int prepare_stop(struct stop *ret_stop, struct fault *fault) MUST_CHECK;

/* The same, and SIGHUP is no end. */
int prepare_stop_or_hangup(struct stop *ret_stop, struct fault *fault) MUST_CHECK;
void clear_stop(struct stop *stop);

/* From any thread. */
void request_stop(const struct stop *stop);
int await_stop(const struct stop *stop, struct fault *fault) MUST_CHECK;

/* *ret_hangup: it is only SIGHUP. */
int await_stop_or_hangup(const struct stop *stop, bool *ret_hangup, struct fault *fault) MUST_CHECK;

/*
 * Says where a server listens: a note, and the endpoint with a line end to the descriptor, which is
 * closed then (0: none), for whoever waits for that.
 */
int announce_server(const struct command *command, const struct endpoint *endpoint,
		    size_t descriptor, struct fault *fault) MUST_CHECK;

/* An http_log that prints each refusal on standard error; context is the command. */
void log_refusal(void *context, const char *method, const char *path, unsigned int status,
		 const char *text);

#endif
