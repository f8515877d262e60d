#ifndef CERTPOOL_TOOLS_CLIENT_CLIENT_OUTPUT_H
#define CERTPOOL_TOOLS_CLIENT_CLIENT_OUTPUT_H

#include "common/ca/overview/fleet_report.h"
#include "tools/operator.h"
#include "tools/output.h"

/* Adds what the record says of a client to a line of JSON. */
int add_json_client(struct json_line *line, const struct client *client,
		    struct fault *fault) MUST_CHECK;

/* Prints one client: state, times, policy, and whose each field of the policy is. */
int print_client(const struct command *command, const struct ca_operator *ca,
		 const struct client *client, struct fault *fault) MUST_CHECK;

/*
 * Prints the password with which the client enrolls by EST (common/ca/service/est_client.h). A
 * client that shares no key with the CA yet gets one.
 * Errors: FAULT_REFUSED for a client that may have no certificates.
 */
int print_est_password(const struct command *command, const struct ca_operator *ca,
		       const struct client *client, struct fault *fault) MUST_CHECK;

#endif
