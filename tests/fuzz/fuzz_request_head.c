#include "common/net/request_head.h"
#include "tests/fuzz/plain_head.h"
#include "tests/fuzz/target.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What fits into a socket at once; as server.c has it: what libmicrohttpd has for a head. */
enum { INPUT_MAX = 60000, CONNECTION_MEMORY = 32768, IDLE_ROUNDS = 3 };

/* One connection. */
struct conversation {
	struct bytes rest; /* what no request has taken yet, as the second reader counts */
	size_t calls;      /* of libmicrohttpd */
};

struct request {
	bool accepted;
	uint64_t body_len;  /* as announced */
	uint64_t body_seen; /* so far */
	char target[];      /* as sent */
};

/* The two readers agree on what was taken: nothing else may be hidden in its octets. */
static void compare_heads(const struct plain_head *plain, const struct request_line *line,
			  const struct request_head *head)
{
	char type[MEDIA_TYPE_SIZE];
	CLEANUP(free_string)
	char *text =
		plain->content_type.data != NULL
			? strndup((const char *)plain->content_type.data, plain->content_type.len)
			: NULL;

	parse_media_type(text, type);
	assert(equal_bytes(plain->method, bytes_of_string(line->method)));
	assert(equal_bytes(plain->target, bytes_of_string(line->target)));
	assert(equal_bytes(plain->version, bytes_of_string(line->version)));
	assert(strcmp(type, head->content_type) == 0);
	assert(plain->content_length == head->content_length);
	assert(plain->encoded == head->encoded);
}

/* Accepted: the second reader finds the same head in the octets that come next. */
static enum MHD_Result receive_head(struct conversation *conversation, struct request *request,
				    struct MHD_Connection *connection,
				    const struct request_line *line)
{
	struct request_head head;
	struct plain_head plain;
	struct fault fault = {0};

	if (check_request_head(connection, line, &head, &fault) < 0) {
		assert(fault.class == FAULT_MALFORMED && fault.text[0] != '\0');
		return MHD_NO;
	}
	assert(take_plain_head(&conversation->rest, &plain));
	compare_heads(&plain, line, &head);
	if (head.encoded)
		return MHD_NO;
	request->accepted = true;
	request->body_len = head.content_length;
	return MHD_YES;
}

/* Each part of the body is what comes next. */
static void receive_body(struct conversation *conversation, struct request *request,
			 struct bytes part)
{
	assert(request->accepted && request->body_seen + part.len <= request->body_len);
	assert(conversation->rest.len >= part.len);
	assert(memcmp(conversation->rest.data, part.data, part.len) == 0);
	conversation->rest.data += part.len;
	conversation->rest.len -= part.len;
	request->body_seen += part.len;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *data_len, void **pointer)
{
	struct conversation *conversation = context;
	struct request *request = *pointer;
	struct MHD_Response *response;
	enum MHD_Result queued;

	conversation->calls++;
	if (!request->accepted)
		return receive_head(conversation, request, connection,
				    &(struct request_line){method, url, version, request->target});
	if (*data_len > 0) {
		receive_body(conversation, request,
			     (struct bytes){(const uint8_t *)data, *data_len});
		*data_len = 0;
		return MHD_YES;
	}
	assert(request->body_seen == request->body_len);
	response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	assert(response != NULL);
	queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return queued;
}

static void *begin_request(void *context, const char *target, struct MHD_Connection *connection)
{
	struct request *request = calloc(1, sizeof(*request) + strlen(target) + 1);

	(void)context;
	(void)connection;
	assert(request != NULL);
	memcpy(request->target, target, strlen(target) + 1);
	return request;
}

static void end_request(void *context, struct MHD_Connection *connection, void **pointer,
			enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)connection;
	(void)code;
	free(*pointer);
}

/* Lets libmicrohttpd work until it asks for nothing more. */
static void run_daemon(struct MHD_Daemon *daemon, const struct conversation *conversation)
{
	for (int idle = 0; idle < IDLE_ROUNDS;) {
		const size_t calls = conversation->calls;

		assert(MHD_run(daemon) == MHD_YES);
		idle = calls == conversation->calls ? idle + 1 : 0;
	}
}

/*
 * The octets of a connection, with its requests one after the other: libmicrohttpd reads them, with
 * the options of server.c. Each head that check_request_head accepts is read again, from the octets
 * themselves, by a reader that takes one form only. Both have to find the same requests, or one
 * could be smuggled past the other.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sockaddr_in address = {.sin_family = AF_INET};
	struct conversation conversation = {.rest = {data, size}};
	struct MHD_Daemon *daemon;
	int ends[2];

	if (size == 0 || size > INPUT_MAX)
		return 0;
	daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, handle,
				  &conversation, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				  (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 0,
				  MHD_OPTION_URI_LOG_CALLBACK, begin_request, NULL,
				  MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL, MHD_OPTION_END);
	assert(daemon != NULL);
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	assert(send(ends[0], data, size, MSG_NOSIGNAL) == (ssize_t)size);
	assert(MHD_add_connection(daemon, ends[1], (const struct sockaddr *)&address,
				  sizeof(address)) == MHD_YES);
	run_daemon(daemon, &conversation);
	assert(close(ends[0]) == 0);
	run_daemon(daemon, &conversation);
	MHD_stop_daemon(daemon);
	return 0;
}
