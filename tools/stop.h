#ifndef CERTPOOL_TOOLS_STOP_H
#define CERTPOOL_TOOLS_STOP_H

#include "common/base/endpoint.h"
#include "common/net/server.h"
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
 * Announces that a server is ready: a note with each endpoint on standard error, READY=1 to
 * the service manager, and the first endpoint with a line end to the descriptor of --ready, which
 * is closed (0: none).
 */
int announce_server(const struct command *command, const struct endpoint_list *list,
		    size_t descriptor, struct fault *fault) MUST_CHECK;

/* Where a server's log goes, the context of the two below: standard error, as JSON if the command
   says json_log. */
struct server_log {
	const struct command *command;
	bool verbose; /* also what is of little interest: requests for what there is not */
};

/* The row of a verb with such a log. settings: the verb's struct; member: a bool in it. */
#define VERBOSE_OPTION(settings, member)                                                           \
	{                                                                                          \
		"verbose", 'v', false, NULL, take_switch, offsetof(settings, member),              \
			"log also requests for what there is not", NULL                            \
	}

/* An http_log of refusals and failures, which --quiet does not suppress. */
http_log log_refusal;

/* An http_log of what clients were given, which --quiet suppresses. */
http_log log_exchange;

#endif
