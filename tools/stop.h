#ifndef CERTPOOL_TOOLS_STOP_H
#define CERTPOOL_TOOLS_STOP_H

#include "common/base/endpoint.h"
#include "tools/command.h"

/*
 * A server's life between its start and its end: it announces its endpoint, then waits for SIGTERM,
 * SIGINT or a request of one of its own threads. The service manager that started it learns when it
 * is ready and when it stops, by the protocol of sd_notify(3).
 */
struct stop {
	int signals; /* a signalfd */
	int event;   /* an eventfd */
};

/*
 * Blocks the signals, which only await_stop takes from then on. Owns: clear_stop.
 * Shape: called before the process makes its first thread.
 */
int prepare_stop(struct stop *ret_stop, struct fault *fault) MUST_CHECK;

/* The same with SIGHUP, which asks for the manifest to be read again: await_stop_or_hangup. */
int prepare_stop_or_hangup(struct stop *ret_stop, struct fault *fault) MUST_CHECK;
void clear_stop(struct stop *stop);

/* Makes await_stop return. May be called from any thread. */
void request_stop(const struct stop *stop);

/* Waits for a signal or a request to stop. */
int await_stop(const struct stop *stop, struct fault *fault) MUST_CHECK;

/* The same; *ret_hangup is true for SIGHUP, after which the server goes on. */
int await_stop_or_hangup(const struct stop *stop, bool *ret_hangup, struct fault *fault) MUST_CHECK;

/*
 * Announces that a server is ready: a note with the endpoint on standard error, READY=1 to the
 * service manager, and the endpoint with a line end to the descriptor of --ready, which is closed
 * (0: none).
 */
int announce_server(const struct command *command, const struct endpoint *endpoint,
		    size_t descriptor, struct fault *fault) MUST_CHECK;

/* An http_log that prints each refusal on standard error. context: the struct command. */
void log_refusal(void *context, const char *method, const char *path, unsigned int status,
		 const char *text);

#endif
