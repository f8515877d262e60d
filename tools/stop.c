#include "tools/stop.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

void clear_stop(struct stop *stop)
{
	close_descriptor(&stop->signals);
	close_descriptor(&stop->event);
}

int prepare_stop(struct stop *ret_stop, struct fault *fault)
{
	CLEANUP(clear_stop) struct stop stop = {-1, -1};
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return set_fault(fault, FAULT_FAILED, "signals cannot be blocked");
	stop.signals = signalfd(-1, &set, SFD_CLOEXEC);
	stop.event = eventfd(0, EFD_CLOEXEC);
	if (stop.signals < 0 || stop.event < 0)
		return set_errno_fault(fault, "cannot wait for signals");
	*ret_stop = stop;
	stop = (struct stop){-1, -1};
	return 0;
}

void request_stop(const struct stop *stop)
{
	/* Cannot fail but by overflowing, and then it has been requested long since. */
	(void)eventfd_write(stop->event, 1);
}

int await_stop(const struct stop *stop, struct fault *fault)
{
	struct pollfd ends[] = {{.fd = stop->signals, .events = POLLIN},
				{.fd = stop->event, .events = POLLIN}};
	int result;

	do
		result = poll(ends, COUNT_OF(ends), -1);
	while (result < 0 && errno == EINTR);
	return result < 0 ? set_errno_fault(fault, "cannot wait for signals") : 0;
}

int announce_server(const struct command *command, const struct endpoint *endpoint,
		    size_t descriptor, struct fault *fault)
{
	char text[ENDPOINT_TEXT_SIZE];
	char line[ENDPOINT_TEXT_SIZE + 1];

	format_endpoint(endpoint, text);
	print_note(command, "listening on %s", text);
	if (descriptor == 0)
		return 0;
	(void)snprintf(line, sizeof(line), "%s\n", text);
	if (write_stream((int)descriptor, "--ready", bytes_of_string(line), fault) < 0)
		return -1;
	if (descriptor > STDERR_FILENO)
		(void)close((int)descriptor);
	return 0;
}

void log_refusal(void *context, const char *method, const char *path, unsigned int status,
		 const char *text)
{
	char now[TIME_TEXT_SIZE];

	format_time(read_clock(), now);
	print_complaint(context, "%s %s %s: %u: %s", now, method, path, status, text);
}
