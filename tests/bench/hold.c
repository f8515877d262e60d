/*
 * Opens connections to an HTTP server, from any addresses of this machine, sends each the same
 * octets, never reads, and holds them open until standard input ends. It prints "held" when it has
 * tried each of them once, and at the end one line of JSON: how many were opened in all, and how
 * many the server ended. With --again such a connection is opened anew.
 */
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/url.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ADDRESSES_MAX = 64,
	CONNECTIONS_MAX = 20000,
	EVENTS = 256,
	STEP_MS = 50,
	SAY_MAX = 32 << 20
};

struct address {
	struct sockaddr_storage place;
	socklen_t len;
};

struct settings {
	const char *from[ADDRESSES_MAX];
	size_t from_count;
	size_t connections;
	const char *say; /* a file; NULL: say nothing */
	bool again;
	struct endpoint endpoint;
	char path[URL_PATH_SIZE];
};

struct held {
	int socket; /* -1: none */
	const struct address *from;
	size_t sent;
};

struct hold {
	const struct settings *settings;
	struct address server;
	struct address from[ADDRESSES_MAX];
	struct buffer say;
	struct held *each;
	int epoll;
	size_t opened;
	size_t ended;
};

static int resolve(const char *host, uint16_t port, struct address *ret_address,
		   struct fault *fault)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char text[8];

	(void)snprintf(text, sizeof(text), "%u", (unsigned int)port);
	if (getaddrinfo(host, text, &hints, &found) != 0)
		return set_fault(fault, FAULT_USAGE, "expected an address, found %s", host);
	memcpy(&ret_address->place, found->ai_addr, found->ai_addrlen);
	ret_address->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int resolve_all(struct hold *hold, struct fault *fault)
{
	const struct settings *settings = hold->settings;

	if (resolve(settings->endpoint.host, settings->endpoint.port, &hold->server, fault) < 0)
		return -1;
	for (size_t i = 0; i < settings->from_count; i++)
		if (resolve(settings->from[i], 0, &hold->from[i], fault) < 0)
			return -1;
	return 0;
}

static void end_held(struct hold *hold, struct held *held)
{
	close_descriptor(&held->socket);
	hold->ended++;
}

/* Connects without waiting. A failure counts as a connection that the server ended. */
static void open_held(struct hold *hold, struct held *held)
{
	const int small = 4096;
	const int on = 1;
	struct epoll_event event = {.events = EPOLLOUT | EPOLLRDHUP, .data = {.ptr = held}};
	int descriptor =
		socket(hold->server.place.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	held->socket = descriptor;
	held->sent = 0;
	hold->opened++;
	if (descriptor < 0 ||
	    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) < 0 ||
	    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
	    (held->from != NULL &&
	     bind(descriptor, (const struct sockaddr *)&held->from->place, held->from->len) < 0) ||
	    (connect(descriptor, (const struct sockaddr *)&hold->server.place, hold->server.len) <
		     0 &&
	     errno != EINPROGRESS) ||
	    epoll_ctl(hold->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
		end_held(hold, held);
}

static void say_more(struct hold *hold, struct held *held)
{
	struct epoll_event quiet = {.events = EPOLLRDHUP, .data = {.ptr = held}};
	ssize_t sent = 0;

	if (held->sent < hold->say.len)
		sent = send(held->socket, hold->say.data + held->sent, hold->say.len - held->sent,
			    MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN) {
		end_held(hold, held);
		return;
	}
	held->sent += sent > 0 ? (size_t)sent : 0;
	if (held->sent == hold->say.len)
		(void)epoll_ctl(hold->epoll, EPOLL_CTL_MOD, held->socket, &quiet);
}

static void take_events(struct hold *hold)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(hold->epoll, events, EVENTS, STEP_MS);

	for (int i = 0; i < count; i++) {
		struct held *held = events[i].data.ptr;

		if (held->socket < 0)
			continue;
		if ((events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
			end_held(hold, held);
		else if ((events[i].events & EPOLLOUT) != 0)
			say_more(hold, held);
	}
}

static void reopen_all(struct hold *hold)
{
	for (size_t i = 0; hold->settings->again && i < hold->settings->connections; i++)
		if (hold->each[i].socket < 0)
			open_held(hold, &hold->each[i]);
}

/* Whether the process that started this one goes on. */
static bool is_wanted(void)
{
	char octet;
	ssize_t len = read(STDIN_FILENO, &octet, 1);

	return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

static int hold_connections(struct hold *hold, struct fault *fault)
{
	const struct settings *settings = hold->settings;

	if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) < 0)
		return set_errno_fault(fault, "standard input");
	for (size_t i = 0; i < settings->connections; i++) {
		hold->each[i].socket = -1;
		hold->each[i].from =
			settings->from_count > 0 ? &hold->from[i % settings->from_count] : NULL;
		open_held(hold, &hold->each[i]);
	}
	(void)puts("held");
	(void)fflush(stdout);
	while (is_wanted()) {
		take_events(hold);
		reopen_all(hold);
	}
	printf("{\"opened\":%zu,\"ended\":%zu}\n", hold->opened, hold->ended);
	return 0;
}

static const struct option options[] = {
	{"from", required_argument, NULL, 'f'},
	{"connections", required_argument, NULL, 'c'},
	{"say", required_argument, NULL, 's'},
	{"again", no_argument, NULL, 'a'},
	{0},
};

static int parse_arguments(int count, char **arguments, struct settings *settings,
			   struct fault *fault)
{
	int option;

	settings->connections = 1;
	while ((option = getopt_long(count, arguments, "", options, NULL)) != -1)
		if (option == 'f' && settings->from_count < ADDRESSES_MAX)
			settings->from[settings->from_count++] = optarg;
		else if (option == 'c')
			settings->connections = strtoul(optarg, NULL, 10);
		else if (option == 's')
			settings->say = optarg;
		else if (option == 'a')
			settings->again = true;
		else
			return set_fault(fault, FAULT_USAGE, "a wrong option");
	if (optind + 1 != count || settings->connections > CONNECTIONS_MAX)
		return set_fault(fault, FAULT_USAGE, "expected one URL, at most %d connections",
				 CONNECTIONS_MAX);
	return parse_url(arguments[optind], &settings->endpoint, settings->path, fault);
}

int main(int count, char **arguments)
{
	static struct settings settings;
	static struct hold hold = {.settings = &settings};
	struct fault fault = {0};

	hold.epoll = epoll_create1(EPOLL_CLOEXEC);
	hold.each = calloc(CONNECTIONS_MAX, sizeof(*hold.each));
	if (hold.each != NULL && parse_arguments(count, arguments, &settings, &fault) == 0 &&
	    resolve_all(&hold, &fault) == 0 &&
	    (settings.say == NULL ||
	     read_file(AT_FDCWD, settings.say, SAY_MAX, &hold.say, &fault) == 0) &&
	    hold_connections(&hold, &fault) == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr,
		      "hold: %s\nusage: hold [--from ADDRESS]... [--connections N] [--say FILE] "
		      "[--again] URL\n",
		      fault.text);
	return fault.class == FAULT_USAGE ? 2 : EXIT_FAILURE;
}
