/*
 * Sends messages over several connections, one thread each. The threads share a count of the
 * messages begun, so that a slow connection sends fewer.
 */
#include "tools/pool/shipment.h"

#include "common/base/clock.h"
#include "common/base/workers.h"
#include "tools/output.h"

#include <pthread.h>

enum { CONNECTIONS = 8 };

struct shipment_context {
	const struct shipment *shipment;
	struct sender *sender;
	pthread_mutex_t lock; /* for the members below */
	size_t begun;
	bool failed;
	struct shipment_result result;
};

/* Whether a message is left to send; it is this thread's then. */
static bool begin_message(struct shipment_context *context)
{
	bool more;

	pthread_mutex_lock(&context->lock);
	more = !context->failed && context->begun < context->shipment->count;
	context->begun += more ? 1 : 0;
	pthread_mutex_unlock(&context->lock);
	return more;
}

/* The callback prints, so it runs under the lock. */
static int end_message(struct shipment_context *context, const struct delivery *delivery,
		       struct fault *fault)
{
	const struct shipment *shipment = context->shipment;
	int result = 0;

	pthread_mutex_lock(&context->lock);
	context->result.verified += delivery->verified ? 1 : 0;
	context->result.refused += delivery->verified ? 0 : 1;
	if (!delivery->verified)
		print_complaint(shipment->command, "%s refused a message: %s", shipment->to->name,
				delivery->reason);
	if (shipment->delivered != NULL)
		result = shipment->delivered(shipment->command, delivery, fault);
	pthread_mutex_unlock(&context->lock);
	return result;
}

static int send_one(struct shipment_context *context, struct bytes payload, struct fault *fault)
{
	struct delivery delivery;

	if (send_message(context->sender, payload, context->shipment->member, read_clock(),
			 &delivery, fault) < 0)
		return -1;
	return end_message(context, &delivery, fault);
}

/* Reads a line without its line end; *ret_more is false at the end of the file. */
static int read_next_line(FILE *file, size_t limit, struct buffer *line, bool *ret_more,
			  struct fault *fault)
{
	int octet = getc_unlocked(file);

	line->len = 0;
	*ret_more = octet != EOF;
	while (octet != EOF && octet != '\n') {
		if (line->len == limit)
			return set_fault(fault, FAULT_TOO_LARGE,
					 "expected at most %zu octets (the sender's message_limit "
					 "in the manifest), found more",
					 limit);
		append_bytes(line, (struct bytes){&(uint8_t){(uint8_t)octet}, 1});
		octet = getc_unlocked(file);
	}
	if (ferror(file) != 0)
		return set_errno_fault(fault, "cannot be read");
	return check_buffer(line, fault);
}

static int send_lines(struct shipment_context *context, struct fault *fault)
{
	const struct shipment *shipment = context->shipment;
	CLEANUP(wipe_buffer) struct buffer line = {0};

	for (;;) {
		bool more;

		if (read_next_line(shipment->lines, shipment->from->message_limit, &line, &more,
				   fault) < 0)
			return -1;
		if (!more)
			return 0;
		if (send_one(context, bytes_of_buffer(&line), fault) < 0)
			return -1;
	}
}

static int send_copies(struct shipment_context *context, struct fault *fault)
{
	while (begin_message(context))
		if (send_one(context, context->shipment->payload, fault) < 0)
			return -1;
	return 0;
}

/* A thread: one connection's share of the messages. */
static int run_connection(size_t index, void *connection_context, struct fault *fault)
{
	struct shipment_context *context = connection_context;

	(void)index;
	if ((context->shipment->lines != NULL ? send_lines(context, fault)
					      : send_copies(context, fault)) == 0)
		return 0;
	pthread_mutex_lock(&context->lock);
	context->failed = true;
	pthread_mutex_unlock(&context->lock);
	return -1;
}

/* Says how far the sending came. No member is left after the first messages: part was sent. */
static int fail_shipment(const struct shipment *shipment, const struct shipment_result *result,
			 struct fault *fault)
{
	size_t sent = result->verified + result->refused;

	if (fault->class == FAULT_NOT_FOUND && sent > 0)
		fault->class = FAULT_PARTIAL;
	if (shipment->lines != NULL)
		return prefix_fault(fault, "line %zu", sent + 1);
	if (shipment->count > 1)
		return prefix_fault(fault, "after %zu of %s", sent,
				    counted(shipment->count, "message", "messages").text);
	return -1;
}

int send_shipment(const struct shipment *shipment, struct shipment_result *ret_result,
		  struct fault *fault)
{
	CLEANUP(free_sender) struct sender *sender = NULL;
	struct shipment_context context = {.shipment = shipment, .lock = PTHREAD_MUTEX_INITIALIZER};
	size_t connections = shipment->count < CONNECTIONS ? shipment->count : CONNECTIONS;
	struct fault key_problem = {0};
	int result;

	if (new_sender(shipment->layout, shipment->from, shipment->to, &sender, fault) < 0)
		return -1;
	if (shipment->peer != NULL)
		set_peer(sender, shipment->peer);
	if (shipment->always_certificate)
		always_present_certificate(sender);
	if (shipment->lines != NULL)
		connections = 1;
	else
		set_message_count(sender, shipment->count);
	context.sender = sender;
	result = run_tasks(connections, (unsigned int)connections, run_connection, &context, fault);
	*ret_result = context.result;
	if (result < 0)
		return fail_shipment(shipment, &context.result, fault);
	if (take_receiver_key(sender, read_clock(), &key_problem) < 0)
		print_complaint(shipment->command, "the key shared with %s: %s", shipment->to->name,
				key_problem.text);
	return 0;
}

int check_shipment(const struct shipment_result *result, struct fault *fault)
{
	if (result->refused == 0)
		return 0;
	return set_fault(fault, result->verified > 0 ? FAULT_PARTIAL : FAULT_UNVERIFIED,
			 "refused %zu of %s, for the reasons above", result->refused,
			 counted(result->verified + result->refused, "message", "messages").text);
}
