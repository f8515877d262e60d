#ifndef CERTPOOL_TOOLS_REFUSALS_H
#define CERTPOOL_TOOLS_REFUSALS_H

#include "common/pool/enrolment/enroll.h"
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

#endif
