/*
 * Repeats requests to an HTTP/1.1 server on this machine, with TLS or without, over several
 * connections at once in one thread, and prints one line of JSON: the rate of the answers and their
 * latency. A connection stays open for as long as the server allows, unless handshakes are to be
 * measured, and is then opened again; the latency of the next answer includes connecting. A status
 * other than 200, an answer without a body, and a missing answer are errors.
 */
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/url.h"
#include "tests/bench/parts/answer.h"
#include "tests/bench/parts/load_settings.h"
#include "tests/bench/parts/peer.h"
#include "tests/bench/parts/quantile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	BODY_MAX = 16 << 20,
	LINES_MAX = 1 << 30,
	ERRORS_MAX = 1000, /* the server is then assumed to be absent, or to refuse everything */
	EVENTS = 64,
	CHUNK = 65536,
	SILENCE_MS = 10000,
	US_PER_S = 1000000,
};

struct connection {
	struct peer peer;
	int64_t begun_us;
	const struct buffer *request; /* to be sent after the handshake */
	struct answer answer;
};

struct load {
	const struct load_settings *settings;
	struct peer_tls tls;
	struct peer_address address;
	struct buffer *requests;
	size_t request_count;
	int epoll;
	int process; /* its pidfd, which is in the epoll without a connection */
	bool process_ended;
	struct connection *connections;
	uint64_t started;
	uint64_t errors;
	int64_t begun_us;
	int64_t end_us; /* of the stopwatch; INT64_MAX: the number of requests decides */
	uint32_t *took_us;
	size_t answered;
	size_t room;
};

static int add_request(struct load *load, struct bytes body, struct fault *fault)
{
	const struct load_settings *settings = load->settings;
	char text[ENDPOINT_TEXT_SIZE];
	struct buffer *request = &load->requests[load->request_count++];

	format_endpoint(&settings->endpoint, text);
	append_format(request, "%s %s HTTP/1.1\r\nHost: %s\r\n", settings->method, settings->path,
		      strstr(text, "//") + 2);
	if (settings->header != NULL)
		append_format(request, "%s\r\n", settings->header);
	if (body.len > 0)
		append_format(request, "Content-Type: %s\r\nContent-Length: %zu\r\n",
			      settings->content_type, body.len);
	append_string(request, "\r\n");
	append_bytes(request, body);
	return check_buffer(request, fault);
}

static size_t count_lines(struct bytes text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.data[i] == '\n';
	return count;
}

static int allocate_requests(struct load *load, size_t count, struct fault *fault)
{
	load->requests = calloc(count + 1, sizeof(*load->requests));
	return load->requests != NULL ? 0 : set_memory_fault(fault);
}

static int add_lines(struct load *load, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct bytes rest;

	if (read_file(AT_FDCWD, load->settings->lines, LINES_MAX, &text, fault) < 0 ||
	    allocate_requests(load, count_lines(bytes_of_buffer(&text)), fault) < 0)
		return -1;
	rest = bytes_of_buffer(&text);
	while (rest.len > 0) {
		const uint8_t *end = memchr(rest.data, '\n', rest.len);
		size_t len = end != NULL ? (size_t)(end - rest.data) : rest.len;

		if (end != NULL && add_request(load, (struct bytes){rest.data, len}, fault) < 0)
			return -1;
		len += end != NULL;
		rest = (struct bytes){rest.data + len, rest.len - len};
	}
	return load->request_count > 0 ? 0
				       : set_fault(fault, FAULT_USAGE,
						   "%s: expected a body in each line, found none",
						   load->settings->lines);
}

static int prepare_requests(struct load *load, struct fault *fault)
{
	const struct load_settings *settings = load->settings;

	if (settings->lines != NULL)
		return add_lines(load, fault);
	if (allocate_requests(load, settings->body_count, fault) < 0)
		return -1;
	for (size_t i = 0; i < settings->body_count; i++) {
		CLEANUP(clear_buffer) struct buffer body = {0};

		if (read_file(AT_FDCWD, settings->bodies[i], BODY_MAX, &body, fault) < 0 ||
		    add_request(load, bytes_of_buffer(&body), fault) < 0)
			return -1;
	}
	return settings->body_count > 0 ? 0 : add_request(load, (struct bytes){0}, fault);
}

static int open_connection(struct load *load, struct connection *connection, struct fault *fault)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};

	if (!open_peer(&connection->peer, &load->address) ||
	    epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->peer.socket, &event) < 0)
		return set_errno_fault(fault, "the server cannot be reached");
	return 0;
}

static int watch_process(struct load *load, struct fault *fault)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (load->settings->process == 0)
		return 0;
	load->process = (int)syscall(SYS_pidfd_open, load->settings->process, 0);
	if (load->process < 0 || epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->process, &event) < 0)
		return set_errno_fault(fault, "process %d", (int)load->settings->process);
	return 0;
}

static bool is_over(const struct load *load)
{
	if (load->process_ended ||
	    (load->settings->lines != NULL && load->answered + load->errors >= load->request_count))
		return true;
	if (load->settings->seconds > 0)
		return read_stopwatch_us() >= load->end_us;
	return load->answered + load->errors >= load->settings->requests;
}

static bool may_start(const struct load *load)
{
	if (load->request_count == 0 ||
	    (load->settings->lines != NULL && load->started == load->request_count))
		return false;
	return load->settings->seconds > 0 || load->started < load->settings->requests;
}

static int count_error(struct load *load, struct connection *connection, struct fault *fault)
{
	close_peer(&connection->peer);
	if (++load->errors < ERRORS_MAX)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%d errors, the last with the status %u: the server does not answer these "
			 "requests",
			 ERRORS_MAX, connection->answer.status);
}

/* Sending may block: requests fit into the socket's buffer. A failure shows when the answer is
   read. */
static void send_request(struct connection *connection)
{
	if (!send_peer(&connection->peer, bytes_of_buffer(connection->request)))
		(void)shutdown(connection->peer.socket, SHUT_RDWR);
}

static int start_request(struct load *load, struct connection *connection, struct fault *fault)
{
	if (!may_start(load))
		return 0;
	connection->request = &load->requests[load->started++ % load->request_count];
	connection->begun_us = read_stopwatch_us();
	reset_answer(&connection->answer);
	if (connection->peer.socket < 0 && open_connection(load, connection, fault) < 0)
		return -1;
	if (!connection->peer.shakes)
		send_request(connection);
	return 0;
}

static int keep_time(struct load *load, int64_t took_us, struct fault *fault)
{
	size_t room = load->room > 0 ? 2 * load->room : CHUNK;
	uint32_t *grown;

	if (load->answered == load->room) {
		grown = realloc(load->took_us, room * sizeof(*grown));
		if (grown == NULL)
			return set_memory_fault(fault);
		load->took_us = grown;
		load->room = room;
	}
	load->took_us[load->answered++] = (uint32_t)took_us;
	return 0;
}

static int finish_answer(struct load *load, struct connection *connection, bool ended,
			 struct fault *fault)
{
	const struct answer *answer = &connection->answer;
	bool good = answer->status == 200 &&
		    (load->settings->may_be_empty || answer->text.len > answer->head);

	if (!good)
		return count_error(load, connection, fault);
	if (answer->closes || ended || load->settings->handshakes != HANDSHAKES_FEW)
		close_peer(&connection->peer);
	return keep_time(load, read_stopwatch_us() - connection->begun_us, fault);
}

static int read_answer(struct load *load, struct connection *connection, struct fault *fault)
{
	struct answer *answer = &connection->answer;
	uint8_t chunk[CHUNK];
	ssize_t len = receive_peer(&connection->peer, chunk, sizeof(chunk));
	int result;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	append_bytes(&answer->text, (struct bytes){chunk, len > 0 ? (size_t)len : 0});
	if (check_buffer(&answer->text, fault) < 0)
		return -1;
	if (is_answer_complete(answer, len == 0))
		result = finish_answer(load, connection, len <= 0, fault);
	else if (len <= 0)
		result = count_error(load, connection, fault);
	else
		return 0;
	return result < 0 ? -1 : start_request(load, connection, fault);
}

static int go_on(struct load *load, struct connection *connection, struct fault *fault)
{
	if (!connection->peer.shakes)
		return read_answer(load, connection, fault);
	if (!shake_peer(&connection->peer))
		return set_fault(fault, FAULT_FAILED, "a handshake failed");
	if (!connection->peer.shakes)
		send_request(connection);
	return 0;
}

static int take_events(struct load *load, struct fault *fault)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(load->epoll, events, EVENTS, SILENCE_MS);

	if (count == 0 || (count < 0 && errno != EINTR))
		return set_fault(fault, FAULT_UNREACHABLE, "no connection had an answer for %d ms",
				 SILENCE_MS);
	for (int i = 0; i < count; i++)
		if (events[i].data.ptr == NULL)
			load->process_ended = true;
		else if (go_on(load, events[i].data.ptr, fault) < 0)
			return -1;
	return 0;
}

static int run_load(struct load *load, struct fault *fault)
{
	const struct load_settings *settings = load->settings;

	load->begun_us = read_stopwatch_us();
	load->end_us = load->begun_us + (int64_t)(settings->seconds * US_PER_S);
	for (unsigned int i = 0; i < settings->connections; i++) {
		if (start_request(load, &load->connections[i], fault) < 0)
			return -1;
	}
	while (!is_over(load))
		if (take_events(load, fault) < 0)
			return -1;
	return 0;
}

static void print_result(const struct load *load)
{
	double seconds = (double)(read_stopwatch_us() - load->begun_us) / US_PER_S;

	sort_times(load->took_us, load->answered);
	printf("{\"requests\":%zu,\"seconds\":%.3f,\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
	       "\"max_ms\":%.3f,\"errors\":%" PRIu64 "}\n",
	       load->answered, seconds, (double)load->answered / seconds,
	       quantile_ms(load->took_us, load->answered, 0.5),
	       quantile_ms(load->took_us, load->answered, 0.99),
	       quantile_ms(load->took_us, load->answered, 1), load->errors);
}

static void clear_load(struct load *load)
{
	for (unsigned int i = 0; load->connections != NULL && i < load->settings->connections;
	     i++) {
		clear_peer(&load->connections[i].peer);
		clear_buffer(&load->connections[i].answer.text);
	}
	for (size_t i = 0; i < load->request_count; i++)
		clear_buffer(&load->requests[i]);
	free(load->requests);
	close_descriptor(&load->process);
	close_descriptor(&load->epoll);
	free(load->connections);
	free(load->took_us);
	clear_peer_tls(&load->tls);
}

static int put_load(const struct load_settings *settings, struct fault *fault)
{
	CLEANUP(clear_load)
	struct load load = {.settings = settings,
			    .tls = {.resumes = settings->handshakes == HANDSHAKES_RESUMED},
			    .epoll = epoll_create1(EPOLL_CLOEXEC),
			    .process = -1};

	load.connections = calloc(settings->connections, sizeof(*load.connections));
	if (load.connections == NULL)
		return set_memory_fault(fault);
	for (unsigned int i = 0; i < settings->connections; i++)
		load.connections[i].peer = (struct peer){.socket = -1, .tls = &load.tls};
	if (settings->endpoint.secure &&
	    init_peer_tls(&load.tls, settings->roots, settings->endpoint.host, fault) < 0)
		return -1;
	if (load.epoll < 0)
		return set_errno_fault(fault, "epoll");
	if (find_peer_address(&settings->endpoint, &load.address, fault) < 0 ||
	    prepare_requests(&load, fault) < 0 || watch_process(&load, fault) < 0 ||
	    run_load(&load, fault) < 0)
		return -1;
	print_result(&load);
	return load.errors == 0 ? 0
				: set_fault(fault, FAULT_PARTIAL, "%" PRIu64 " requests failed",
					    load.errors);
}

int main(int count, char **arguments)
{
	static struct load_settings settings;
	struct fault fault = {0};

	if (parse_load_settings(count, arguments, &settings, &fault) == 0 &&
	    (settings.hello != NULL ? save_hello(settings.hello, &fault)
				    : put_load(&settings, &fault)) == 0)
		return EXIT_SUCCESS;
	if (fault.class == FAULT_USAGE)
		(void)fputs(load_usage, stderr);
	(void)fprintf(stderr, "load: %s\n", fault.text);
	return fault.class == FAULT_USAGE ? 2 : EXIT_FAILURE;
}
