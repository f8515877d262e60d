#include "tools/verb/messages/payload.h"

#include "common/base/name.h"
#include "tools/input.h"

int read_payload(const struct command *command, size_t index, const char *file, size_t limit,
		 struct buffer *ret_payload, struct fault *fault)
{
	if (command->operand_count <= index)
		return read_input(file != NULL ? file : "-", limit, ret_payload, fault);
	if (file != NULL)
		return set_fault(fault, FAULT_USAGE, "expected TEXT or --file, found both");
	append_string(ret_payload, command->operands[index]);
	return check_buffer(ret_payload, fault);
}

int check_peer(const char *peer, size_t member, const struct client_node *client,
	       struct fault *fault)
{
	if (peer == NULL)
		return 0;
	if (!valid_name(peer))
		return set_fault(fault, FAULT_USAGE,
				 "--peer: expected a name of 1 to %d of the characters A-Z, a-z, "
				 "0-9, _ and -, not beginning with -, found \"%.80s\"",
				 NAME_SIZE - 1, peer);
	if (member != 0)
		return set_fault(fault, FAULT_USAGE, "--peer: expected no --member beside it");
	if (client->pool.reuse.method != REUSE_PER_RELYING_PARTY)
		return set_fault(fault, FAULT_USAGE,
				 "--peer: expected a pool with reuse: per-relying-party, found "
				 "that of %s with reuse: %s",
				 client->name, format_reuse(client->pool.reuse.method));
	return 0;
}
