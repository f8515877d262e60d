#ifndef CERTPOOL_TOOLS_POOL_SHIPMENT_H
#define CERTPOOL_TOOLS_POOL_SHIPMENT_H

#include "common/pool/messages/send.h"
#include "tools/command.h"

#include <stdio.h>

/*
 * Several copies of a message from one client to another, sent over a few connections at once; or a
 * message for each line of a file, one after the other.
 */
struct shipment {
	const struct command *command; /* for complaints */
	const struct layout *layout;   /* the sender's */
	const struct client_node *from;
	const struct client_node *to;
	struct bytes payload;    /* M */
	size_t member;           /* the signing member; 0: one is chosen for each message */
	const char *peer;        /* for whom it is chosen; NULL: the receiver (set_peer) */
	bool always_certificate; /* with every message (always_present_certificate) */
	size_t count;
	FILE *lines; /* not NULL: each line, without its line end, is M, whatever payload and count
			say */
	/* Called for each answer, by one thread at a time; NULL: not called. */
	int (*delivered)(const struct command *command, const struct delivery *delivery,
			 struct fault *fault);
};

/* The receiver's verdicts, counted. */
struct shipment_result {
	size_t verified;
	size_t refused;
};

/*
 * Sends the messages. One that the receiver refuses is printed on standard error and counted; the
 * first other failure ends the sending, and *ret_result counts the messages before it. A line is
 * sent as soon as it can be read, and may be as long as a message of the sender.
 * Errors: FAULT_PARTIAL when no member is left for the messages after the first.
 */
int send_shipment(const struct shipment *shipment, struct shipment_result *ret_result,
		  struct fault *fault) MUST_CHECK;

/* FAULT_PARTIAL when some messages were refused, FAULT_UNVERIFIED when all were. */
int check_shipment(const struct shipment_result *result, struct fault *fault) MUST_CHECK;

#endif
