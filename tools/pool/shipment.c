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

static int send_messages(struct shipment_context *context, struct fault *fault)
{
	const struct shipment *shipment = context->shipment;

	while (begin_message(context)) {
		struct delivery delivery;

		if (send_message(context->sender, shipment->payload, shipment->member, read_clock(),
				 &delivery, fault) < 0 ||
		    end_message(context, &delivery, fault) < 0)
			return -1;
	}
	return 0;
}

/* A thread: one connection's share of the messages. */
static int run_connection(size_t index, void *connection_context, struct fault *fault)
{
	struct shipment_context *context = connection_context;

	(void)index;
	if (send_messages(context, fault) == 0)
		return 0;
	pthread_mutex_lock(&context->lock);
	context->failed = true;
	pthread_mutex_unlock(&context->lock);
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
	set_message_count(sender, shipment->count);
	context.sender = sender;
	result = run_tasks(connections, (unsigned int)connections, run_connection, &context, fault);
	*ret_result = context.result;
	/* FAULT_NOT_FOUND: no member is left. */
	if (result < 0 && fault->class == FAULT_NOT_FOUND &&
	    context.result.verified + context.result.refused > 0)
		fault->class = FAULT_PARTIAL;
	if (result < 0 && shipment->count > 1)
		return prefix_fault(fault, "after %zu of %s",
				    context.result.verified + context.result.refused,
				    counted(shipment->count, "message", "messages").text);
	if (result == 0 && take_receiver_key(sender, read_clock(), &key_problem) < 0)
		print_complaint(shipment->command, "the key shared with %s: %s", shipment->to->name,
				key_problem.text);
	return result;
}

int check_shipment(const struct shipment_result *result, struct fault *fault)
{
	if (result->refused == 0)
		return 0;
	return set_fault(fault, result->verified > 0 ? FAULT_PARTIAL : FAULT_UNVERIFIED,
			 "refused %zu of %s, for the reasons above", result->refused,
			 counted(result->verified + result->refused, "message", "messages").text);
}
