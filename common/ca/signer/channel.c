#include "common/ca/signer/channel.h"

#include "common/base/file.h"
#include "common/x509/issuer_set.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void clear_frame(struct frame *frame)
{
	clear_buffer(&frame->octets);
	close_descriptor(&frame->descriptor);
}

/* --- frames --- */

static int set_lost_fault(struct fault *fault)
{
	return set_errno_fault(fault, "the signer cannot be asked");
}

static int send_all(int channel, struct bytes octets, struct fault *fault)
{
	while (octets.len > 0) {
		ssize_t sent = send(channel, octets.data, octets.len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return set_lost_fault(fault);
		octets.data += sent;
		octets.len -= (size_t)sent;
	}
	return 0;
}

/* Room for one descriptor beside a message. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static void attach_descriptor(struct msghdr *message, union control *control, int descriptor)
{
	memset(control, 0, sizeof(*control));
	control->header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
					   .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control->header), &descriptor, sizeof(descriptor));
	message->msg_control = control;
	message->msg_controllen = sizeof(control->room);
}

/* The length goes first, with the descriptor; the octets go with it, as the other side wakes for
   each part that comes alone. */
int send_frame(int channel, struct bytes octets, int descriptor, struct fault *fault)
{
	uint64_t len = octets.len;
	struct iovec parts[] = {
		{.iov_base = &len, .iov_len = sizeof(len)},
		{.iov_base = (void *)(uintptr_t)octets.data, .iov_len = octets.len},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = COUNT_OF(parts)};
	union control control;
	ssize_t sent;

	if (descriptor >= 0)
		attach_descriptor(&message, &control, descriptor);
	do
		sent = sendmsg(channel, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return set_lost_fault(fault);
	if ((size_t)sent < sizeof(len))
		return set_fault(fault, FAULT_FAILED, "the signer cannot be asked: cut off");
	if ((size_t)sent == sizeof(len) + octets.len)
		return 0;
	octets.data += (size_t)sent - sizeof(len);
	octets.len -= (size_t)sent - sizeof(len);
	return send_all(channel, octets, fault);
}

static int take_descriptor(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int descriptor = -1;

	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
	return descriptor;
}

/* Not in recvmsg, which Linux wakes also when the other side has read what was sent. */
static void await_octets(int channel)
{
	struct pollfd polled = {.fd = channel, .events = POLLIN};

	(void)poll(&polled, 1, -1);
}

/* 0 octets: the other side is gone. */
static int receive_length(int channel, uint64_t *ret_len, int *ret_descriptor, ssize_t *ret_got,
			  struct fault *fault)
{
	struct iovec part = {.iov_base = ret_len, .iov_len = sizeof(*ret_len)};
	union control control;
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control.room)};

	await_octets(channel);
	do
		*ret_got = recvmsg(channel, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (*ret_got < 0 && errno == EINTR);
	if (*ret_got < 0 && errno == ECONNRESET)
		*ret_got = 0;
	if (*ret_got < 0)
		return set_lost_fault(fault);
	*ret_descriptor = take_descriptor(&message);
	return 0;
}

static int receive_octets(int channel, struct buffer *octets, size_t len, struct fault *fault)
{
	uint8_t *room = extend_buffer(octets, len);
	size_t at = 0;

	if (room == NULL)
		return set_memory_fault(fault);
	while (at < len) {
		ssize_t got = recv(channel, room + at, len - at, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return set_lost_fault(fault);
		if (got == 0)
			return set_fault(fault, FAULT_FAILED,
					 "the other side ended in the middle of a frame");
		at += (size_t)got;
	}
	return 0;
}

int receive_frame(int channel, struct frame *ret_frame, bool *ret_ended, struct fault *fault)
{
	CLEANUP(clear_frame) struct frame frame = {.descriptor = -1};
	uint64_t len = 0;
	ssize_t got;

	if (receive_length(channel, &len, &frame.descriptor, &got, fault) < 0)
		return -1;
	*ret_ended = got == 0;
	if (got == 0)
		return 0;
	if (got != sizeof(len) || len > FRAME_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a frame of at most %d octets, found another", FRAME_MAX);
	if (len > 0 && receive_octets(channel, &frame.octets, (size_t)len, fault) < 0)
		return -1;
	ret_frame->octets = take_buffer(&frame.octets);
	ret_frame->descriptor = frame.descriptor;
	frame.descriptor = -1;
	return 0;
}

/* --- octets --- */

void append_number(struct buffer *octets, uint64_t number)
{
	append_bytes(octets, (struct bytes){(const uint8_t *)&number, sizeof(number)});
}

bool take_number(struct bytes *octets, uint64_t *ret_number)
{
	if (octets->len < sizeof(*ret_number))
		return false;
	memcpy(ret_number, octets->data, sizeof(*ret_number));
	octets->data += sizeof(*ret_number);
	octets->len -= sizeof(*ret_number);
	return true;
}

static void append_counted(struct buffer *octets, struct bytes part)
{
	append_number(octets, part.len);
	append_bytes(octets, part);
}

static bool take_counted(struct bytes *octets, size_t max, struct bytes *ret_part)
{
	uint64_t len;

	if (!take_number(octets, &len) || len > max || len > octets->len)
		return false;
	*ret_part = (struct bytes){octets->data, (size_t)len};
	octets->data += len;
	octets->len -= (size_t)len;
	return true;
}

void append_order(struct buffer *octets, const struct signing_order *order)
{
	append_number(octets, order->kind);
	append_number(octets, order->issuer);
	append_counted(octets, bytes_of_string(order->client != NULL ? order->client : ""));
	append_number(octets, order->count);
	for (size_t i = 0; i < order->count; i++)
		append_counted(octets, bytes_of_buffer(&order->bodies[i]));
}

void clear_parsed_order(struct parsed_order *parsed)
{
	for (size_t i = 0; parsed->bodies != NULL && i < parsed->order.count; i++)
		clear_buffer(&parsed->bodies[i]);
	free(parsed->bodies);
	parsed->bodies = NULL;
}

/* Kind, issuer, client, count. */
static bool take_order_head(struct bytes *octets, struct parsed_order *parsed)
{
	uint64_t kind;
	uint64_t issuer;
	uint64_t count;
	struct bytes client;

	if (!take_number(octets, &kind) || kind > SIGN_PROBE || !take_number(octets, &issuer) ||
	    issuer == 0 || issuer > ISSUERS_MAX || !take_counted(octets, NAME_SIZE - 1, &client) ||
	    !take_number(octets, &count) || count > (kind == SIGN_MEMBERS ? BATCH_SIZE_MAX : 1) ||
	    (count == 0) != (kind == SIGN_PROBE))
		return false;
	if (client.len > 0)
		memcpy(parsed->client, client.data, client.len);
	parsed->order.kind = (enum signing_kind)kind;
	parsed->order.issuer = (unsigned int)issuer;
	parsed->order.client = parsed->client;
	parsed->order.count = (size_t)count;
	return (valid_name(parsed->client) && strlen(parsed->client) == client.len) ||
	       (client.len == 0 && kind != SIGN_MEMBERS);
}

static bool take_bodies(struct bytes *octets, struct parsed_order *parsed)
{
	size_t max = parsed->order.kind == SIGN_CRL ? CRL_DER_MAX : CERTIFICATE_DER_MAX;

	for (size_t i = 0; i < parsed->order.count; i++) {
		struct bytes body;

		if (!take_counted(octets, max, &body))
			return false;
		append_bytes(&parsed->bodies[i], body);
	}
	return octets->len == 0;
}

int parse_order(struct bytes octets, struct parsed_order *ret_order, struct fault *fault)
{
	CLEANUP(clear_parsed_order) struct parsed_order parsed = {0};

	if (!take_order_head(&octets, &parsed))
		return set_fault(
			fault, FAULT_MALFORMED,
			"expected kind, issuer, client and count of an order, found others");
	parsed.bodies = calloc(parsed.order.count + 1, sizeof(*parsed.bodies));
	if (parsed.bodies == NULL)
		return set_memory_fault(fault);
	if (!take_bodies(&octets, &parsed))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected %zu bodies to sign, found something else",
				 parsed.order.count);
	for (size_t i = 0; i < parsed.order.count; i++)
		if (check_buffer(&parsed.bodies[i], fault) < 0)
			return -1;
	MOVE(ret_order, parsed);
	ret_order->order.bodies = ret_order->bodies;
	ret_order->order.client = ret_order->client;
	return 0;
}

void append_outcome(struct buffer *octets, int result, const struct fault *failure)
{
	append_number(octets, result < 0 ? failure->class : FAULT_NONE);
	append_counted(octets, bytes_of_string(result < 0 ? failure->text : ""));
}

static int set_answer_fault(struct fault *fault)
{
	return set_fault(fault, FAULT_FAILED, "the signer's answer is not one");
}

int take_outcome(struct bytes *octets, struct fault *fault)
{
	uint64_t class;
	struct bytes text;

	if (!take_number(octets, &class) || class > FAULT_UNREACHABLE ||
	    !take_counted(octets, FAULT_TEXT_SIZE, &text))
		return set_answer_fault(fault);
	if (class == FAULT_NONE)
		return 0;
	return set_fault(fault, (enum fault_class) class, "%.*s", (int)text.len,
			 (const char *)text.data);
}

void append_results(struct buffer *octets, const struct signed_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		append_counted(octets, bytes_of_buffer(&results[i].der));
		append_counted(octets, bytes_of_string(results[i].verdict.reason));
	}
}

int parse_results(struct bytes octets, struct signed_result *ret_results, size_t count,
		  struct fault *fault)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes der;
		struct bytes reason;

		if (!take_counted(&octets, CRL_DER_MAX, &der) ||
		    !take_counted(&octets, VERDICT_REASON_SIZE, &reason))
			return set_answer_fault(fault);
		if (der.len > 0)
			append_bytes(&ret_results[i].der, der);
		else
			reject_because(&ret_results[i].verdict, "%.*s", (int)reason.len,
				       (const char *)reason.data);
		if (check_buffer(&ret_results[i].der, fault) < 0)
			return -1;
	}
	return octets.len == 0 ? 0 : set_answer_fault(fault);
}
