#ifndef CERTPOOL_TOOLS_SHIPMENT_H
#define CERTPOOL_TOOLS_SHIPMENT_H

#include "common/pool/messages/send.h"
#include "tools/command.h"

/* Several messages from one client to another, over a few connections at once. */
struct shipment {
	const struct command *command; /* for complaints */
	const struct layout *layout;   /* the sender's */
	const struct client_node *from;
	const struct client_node *to;
	struct bytes payload; /* M */
	size_t member;        /* who signs; 0: a draw for each message */
	size_t count;
	/* Told of each answer, from one thread at a time; NULL: nobody. */
	int (*told)(const struct command *command, const struct delivery *delivery,
		    struct fault *fault);
};

struct shipped {
	size_t verified;
	size_t refused;
};

/*
 * Sends them. Messages that the receiver refused are told on standard error and counted; the first
 * other failure ends the sending.
 */
int send_shipment(const struct shipment *shipment, struct shipped *ret_shipped,
		  struct fault *fault) MUST_CHECK;

/* The fault of a shipment some of which was refused: FAULT_UNVERIFIED when all was, else
   FAULT_PARTIAL. 0 when none was. */
int check_shipped(const struct shipped *shipped, struct fault *fault) MUST_CHECK;

#endif
