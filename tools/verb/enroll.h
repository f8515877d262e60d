#ifndef CERTPOOL_TOOLS_VERB_ENROLL_H
#define CERTPOOL_TOOLS_VERB_ENROLL_H

#include "common/base/endpoint.h"
#include "common/pool/enrolment/enroll.h"
#include "tools/command.h"

/*
 * Locks the client's layout and has the CA certify what its pool lacks. Members that the CA refused
 * are told on standard error; with any, the fault is FAULT_PARTIAL, or FAULT_REFUSED when the pool
 * has no certificate at all; *ret_enrolled is filled then too.
 */
int enroll_client(const struct command *command, const struct layout *layout,
		  const struct client_node *client, const struct endpoint *ca,
		  struct enrolled *ret_enrolled, struct fault *fault) MUST_CHECK;

#endif
