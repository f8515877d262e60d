#include "tools/shipment.h"

#include "common/base/clock.h"
#include "common/base/workers.h"
#include "tools/output.h"

#include <pthread.h>

enum { CONNECTIONS = 8 };

struct shipping {
	const struct shipment *shipment;
	struct sender *sender;
	pthread_mutex_t lock; /* for all below */
	size_t begun;
	bool failed;
	struct shipped shipped;
};

/* Whether there is a message left to send. */
static bool begin_message(struct shipping *shipping)
{
	bool more;

	pthread_mutex_lock(&shipping->lock);
	more = !shipping->failed && shipping->begun < shipping->shipment->count;
	shipping->begun += more ? 1 : 0;
	pthread_mutex_unlock(&shipping->lock);
	return more;
}

static int count_delivery(struct shipping *shipping, const struct delivery *delivery,
			  struct fault *fault)
{
	const struct shipment *shipment = shipping->shipment;

	if (delivery->verified)
		shipping->shipped.verified++;
	else
		shipping->shipped.refused++;
	if (!delivery->verified)
		print_complaint(shipment->command, "%s refused a message: %s", shipment->to->name,
				delivery->reason);
	return shipment->told != NULL ? shipment->told(shipment->command, delivery, fault) : 0;
}

static int end_message(struct shipping *shipping, const struct delivery *delivery,
		       struct fault *fault)
{
	int result;

	pthread_mutex_lock(&shipping->lock);
	result = count_delivery(shipping, delivery, fault);
	pthread_mutex_unlock(&shipping->lock);
	return result;
}

static int send_messages(struct shipping *shipping, struct fault *fault)
{
	const struct shipment *shipment = shipping->shipment;

	while (begin_message(shipping)) {
		struct delivery delivery;

		if (send_message(shipping->sender, shipment->payload, shipment->member,
				 read_clock(), &delivery, fault) < 0 ||
		    end_message(shipping, &delivery, fault) < 0)
			return -1;
	}
	return 0;
}

/* One connection's share. */
static int run_connection(size_t index, void *context, struct fault *fault)
{
	struct shipping *shipping = context;

	(void)index;
	if (send_messages(shipping, fault) == 0)
		return 0;
	pthread_mutex_lock(&shipping->lock);
	shipping->failed = true;
	pthread_mutex_unlock(&shipping->lock);
	return -1;
}

int send_shipment(const struct shipment *shipment, struct shipped *ret_shipped, struct fault *fault)
{
	CLEANUP(free_sender) struct sender *sender = NULL;
	struct shipping shipping = {.shipment = shipment, .lock = PTHREAD_MUTEX_INITIALIZER};
	size_t connections = shipment->count < CONNECTIONS ? shipment->count : CONNECTIONS;
	int result;

	if (new_sender(shipment->layout, shipment->from, shipment->to, &sender, fault) < 0)
		return -1;
	shipping.sender = sender;
	result =
		run_tasks(connections, (unsigned int)connections, run_connection, &shipping, fault);
	*ret_shipped = shipping.shipped;
	if (result < 0 && shipment->count > 1)
		return prefix_fault(fault, "after %zu of %zu messages",
				    shipping.shipped.verified + shipping.shipped.refused,
				    shipment->count);
	return result;
}

int check_shipped(const struct shipped *shipped, struct fault *fault)
{
	if (shipped->refused == 0)
		return 0;
	return set_fault(fault, shipped->verified > 0 ? FAULT_PARTIAL : FAULT_UNVERIFIED,
			 "%zu of %zu messages were refused, for the reasons above",
			 shipped->refused, shipped->verified + shipped->refused);
}
