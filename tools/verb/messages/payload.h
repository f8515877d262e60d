#ifndef CERTPOOL_TOOLS_VERB_MESSAGES_PAYLOAD_H
#define CERTPOOL_TOOLS_VERB_MESSAGES_PAYLOAD_H

#include "common/layout/client_node.h"
#include "tools/command.h"

/* What the verbs that sign a message have in common. */

/*
 * M, of at most limit octets: the operand of that index if there is one, else the content of the
 * file, else standard input. Owns: clear_buffer.
 * Errors: FAULT_USAGE for an operand beside a file.
 */
int read_payload(const struct command *command, size_t index, const char *file, size_t limit,
		 struct buffer *ret_payload, struct fault *fault) MUST_CHECK;

/* Whether --peer, unless it is NULL, is the name of a node, and the client's pool looks at it.
   Errors: FAULT_USAGE. */
int check_peer(const char *peer, size_t member, const struct client_node *client,
	       struct fault *fault) MUST_CHECK;

#endif
