/* Signals, readiness and the service manager, for the verbs that serve. */
#include "tools/stop.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void clear_stop(struct stop *stop)
{
	close_descriptor(&stop->signals);
	close_descriptor(&stop->event);
}

/* Blocks the signals and makes a signalfd of them; *descriptor >= 0 is an older one to change. */
static int collect_signals(const int *signals, size_t count, int *descriptor, struct fault *fault)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		(void)sigaddset(&set, signals[i]);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return set_fault(fault, FAULT_FAILED, "signals cannot be blocked");
	*descriptor = signalfd(*descriptor, &set, SFD_CLOEXEC);
	return *descriptor < 0 ? set_errno_fault(fault, "cannot wait for signals") : 0;
}

int prepare_stop(struct stop *ret_stop, struct fault *fault)
{
	static const int signals[] = {SIGTERM, SIGINT};
	CLEANUP(clear_stop) struct stop stop = {-1, -1};

	if (collect_signals(signals, COUNT_OF(signals), &stop.signals, fault) < 0)
		return -1;
	stop.event = eventfd(0, EFD_CLOEXEC);
	if (stop.event < 0)
		return set_errno_fault(fault, "cannot wait for signals");
	*ret_stop = stop;
	stop = (struct stop){-1, -1};
	return 0;
}

/* SIGHUP is added to the signalfd that prepare_stop made. */
int prepare_stop_or_hangup(struct stop *ret_stop, struct fault *fault)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	CLEANUP(clear_stop) struct stop stop = {-1, -1};

	if (prepare_stop(&stop, fault) < 0 ||
	    collect_signals(signals, COUNT_OF(signals), &stop.signals, fault) < 0)
		return -1;
	*ret_stop = stop;
	stop = (struct stop){-1, -1};
	return 0;
}

void request_stop(const struct stop *stop)
{
	/* Fails only when the counter would overflow: then a stop was requested already. */
	(void)eventfd_write(stop->event, 1);
}

/*
 * Sends the state to the service manager (sd_notify(3)): a datagram to the socket that
 * NOTIFY_SOCKET names, a path or "@" and an abstract name. Without such an address there is no
 * service manager, and the function succeeds.
 */
static int notify_service_manager(const char *state, struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = path != NULL ? strlen(path) : 0;

	if (len == 0 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return 0;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0 ||
	    sendto(descriptor, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		return set_errno_fault(fault, "the service manager at %s cannot be notified", path);
	return 0;
}

/* Waits for a signal or the event; *ret_signal is 0 for the event. */
static int await_signal(const struct stop *stop, uint32_t *ret_signal, struct fault *fault)
{
	struct pollfd sources[] = {{.fd = stop->signals, .events = POLLIN},
				   {.fd = stop->event, .events = POLLIN}};
	struct signalfd_siginfo info;
	int result;

	do
		result = poll(sources, COUNT_OF(sources), -1);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return set_errno_fault(fault, "cannot wait for signals");
	*ret_signal = 0;
	if (sources[1].revents == 0 && read(stop->signals, &info, sizeof(info)) == sizeof(info))
		*ret_signal = info.ssi_signo;
	return 0;
}

int await_stop(const struct stop *stop, struct fault *fault)
{
	bool hangup;

	return await_stop_or_hangup(stop, &hangup, fault);
}

int await_stop_or_hangup(const struct stop *stop, bool *ret_hangup, struct fault *fault)
{
	uint32_t signal = 0;

	if (await_signal(stop, &signal, fault) < 0)
		return -1;
	*ret_hangup = signal == SIGHUP;
	return *ret_hangup ? 0 : notify_service_manager("STOPPING=1", fault);
}

/* The descriptor comes last: its reader may use the server at once. */
int announce_server(const struct command *command, const struct endpoint_list *list,
		    size_t descriptor, struct fault *fault)
{
	char text[ENDPOINT_TEXT_SIZE];
	char line[ENDPOINT_TEXT_SIZE + 1];

	for (size_t i = 0; i < list->count; i++) {
		format_endpoint(&list->endpoints[i], text);
		print_note(command, "listening on %s", text);
	}
	format_endpoint(&list->endpoints[0], text);
	if (notify_service_manager("READY=1", fault) < 0)
		return -1;
	if (descriptor == 0)
		return 0;
	(void)snprintf(line, sizeof(line), "%s\n", text);
	if (write_stream((int)descriptor, "--ready", bytes_of_string(line), fault) < 0)
		return -1;
	if (descriptor > STDERR_FILENO)
		(void)close((int)descriptor);
	return 0;
}

/* A request for what there is not says more about its sender than about the server. */
static bool is_of_little_interest(unsigned int status)
{
	return status == 404 || status == 405;
}

static void print_request(const struct command *command, const char *level, const char *method,
			  const char *path, unsigned int status, const char *text)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char now[TIME_TEXT_SIZE];

	if (!command->json_log) {
		format_time(read_clock(), now);
		if (status == 0)
			print_complaint(command, "%s %s", now, text);
		else if (*method == '\0')
			print_complaint(command, "%s %s: %s", now, path, text);
		else
			print_complaint(command, "%s %s %s: %u: %s", now, method, path, status,
					text);
		return;
	}
	begin_log_line(&line, level);
	if (*method != '\0')
		add_json_text(&line, "method", method);
	if (*path != '\0')
		add_json_text(&line, "path", path);
	if (status != 0)
		add_json_number(&line, "status", status);
	add_json_text(&line, "message", text);
	print_log_line(&line);
}

void log_refusal(void *context, const char *method, const char *path, unsigned int status,
		 const char *text)
{
	const struct server_log *log = context;
	bool little = is_of_little_interest(status);

	if (little && !log->verbose)
		return;
	print_request(log->command,
		      little          ? "debug"
		      : status >= 500 ? "error"
				      : "warning",
		      method, path, status, text);
}

void log_exchange(void *context, const char *method, const char *path, unsigned int status,
		  const char *text)
{
	const struct server_log *log = context;

	if (!log->command->quiet)
		print_request(log->command, "info", method, path, status, text);
}
