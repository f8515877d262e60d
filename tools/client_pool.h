#ifndef CERTPOOL_TOOLS_CLIENT_POOL_H
#define CERTPOOL_TOOLS_CLIENT_POOL_H

#include "common/pool/enrolment/renew.h"
#include "common/pool/members/pool.h"
#include "tools/command.h"

/*
 * Members that the CA refused, told on standard error. Ten thousand that are refused for one reason
 * are one line: those that follow each other with the same refusal are told together, when another
 * comes or with end_refusals.
 */
struct refusal_listener {
	const struct command *command;
	const char *client;
	/* Those that are not told yet. */
	struct refusal refusal;
	size_t count;
	size_t first;
	size_t last;
};

/* A refusal_function, of which the listener is the context. */
refusal_function tell_refusal;

/* Under CLEANUP: tells of the last. */
void end_refusals(struct refusal_listener *listener);

/* Locks the client's layout and makes the keys and requests that its pool lacks. */
int make_client_pool(const struct command *command, const struct layout *layout,
		     const struct client_node *client, struct pool_made *ret_made,
		     struct fault *fault) MUST_CHECK;

/*
 * Locks the client's layout and has the CA certify what its pool lacks. Members that the CA refused
 * are told on standard error; with any, the fault is FAULT_PARTIAL, or FAULT_REFUSED when the pool
 * has no certificate at all; *ret_enrolled is filled then too.
 */
int enroll_client(const struct command *command, const struct layout *layout,
		  const struct client_node *client, const struct endpoint *ca,
		  struct enrolled *ret_enrolled, struct fault *fault) MUST_CHECK;

int check_enrolled(const char *client, const struct enrolled *enrolled,
		   struct fault *fault) MUST_CHECK;

/*
 * Locks the client's layout and renews its pool. Of what is wanted, layout, client, CA and terms
 * count. Members that the CA refused are told on standard error.
 */
int renew_client(const struct command *command, const struct renewal *wanted,
		 struct renewed *ret_renewed, struct fault *fault) MUST_CHECK;

/* FAULT_PARTIAL when some members were refused, FAULT_REFUSED when all that were due were. */
int check_renewed(const char *client, const struct renewed *renewed,
		  struct fault *fault) MUST_CHECK;

#endif
