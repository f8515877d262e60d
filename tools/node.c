#include "tools/node.h"

#include "tools/output.h"

void clear_node(struct node *node)
{
	free_layout(&node->layout);
	free_manifest(&node->manifest);
}

int open_node(const struct command *command, const char *client, struct node *ret_node,
	      struct fault *fault)
{
	CLEANUP(clear_node) struct node node = {0};

	if (load_manifest(command->manifest, &node.manifest, fault) < 0)
		return -1;
	node.client = find_client(node.manifest, client, fault);
	if (node.client == NULL || open_layout(node.client->layout, &node.layout, fault) < 0)
		return -1;
	MOVE(ret_node, node);
	return 0;
}

int lock_or_wait(const struct command *command, const struct layout *layout, int *ret_lock,
		 struct fault *fault)
{
	struct fault busy = {0};

	if (lock_layout(layout, LOCK_REFUSE, ret_lock, &busy) == 0)
		return 0;
	if (busy.class != FAULT_BUSY)
		return pass_fault(&busy, fault);
	print_note(command, "layout %s: another certpool works on it: waiting until it is done",
		   layout->path);
	return lock_layout(layout, LOCK_WAIT, ret_lock, fault);
}

struct endpoint choose_endpoint(const struct endpoint *given, const struct endpoint *otherwise)
{
	return given->host[0] != '\0' ? *given : *otherwise;
}

int open_ca_layout(const struct manifest *manifest, struct layout **ret_layout, struct fault *fault)
{
	if (manifest->ca.layout == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected a layout of the CA, found none: the CA runs on "
				 "another host, and this is to be done there",
				 manifest->path);
	return open_layout(manifest->ca.layout, ret_layout, fault);
}
