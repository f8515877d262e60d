/* request: makes the keys and certificate requests that a pool lacks; existing files stay. */
#include "common/base/clock.h"
#include "tools/node.h"
#include "tools/output.h"
#include "tools/pool/client_pool.h"
#include "tools/pool/pool_use.h"

static int print_made(const struct command *command, const struct client_node *client,
		      const struct make_summary *made, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_line("%s: made %s and %s; %s complete", client->name,
			   counted(made->keys, "key", "keys").text,
			   counted(made->requests, "request", "requests").text,
			   counted(made->present, "member was", "members were").text);
		print_windows(client, read_clock(), NULL);
		return 0;
	}
	add_json_text(&line, "client", client->name);
	add_json_number(&line, "keys", (long long)made->keys);
	add_json_number(&line, "requests", (long long)made->requests);
	add_json_number(&line, "present", (long long)made->present);
	print_windows(client, read_clock(), &line);
	return print_json(&line, fault);
}

static int run_request(const struct command *command, const void *settings, struct fault *fault)
{
	CLEANUP(clear_node) struct node node = {0};
	struct make_summary made;

	(void)settings;
	if (open_node(command, command->operands[0], &node, fault) < 0 ||
	    make_client_pool(command, node.layout, node.client, &made, fault) < 0)
		return -1;
	return print_made(command, node.client, &made, fault);
}

const struct verb request_verb = {
	.name = "request",
	.group = VERB_CLIENTS,
	.operands = "CLIENT",
	.summary = "make a pool's keys and requests",
	.details =
		"Makes the keys and certificate requests that the client's pool lacks. Existing\n"
		"files stay; after a larger size in the manifest, it makes the new members'.\n",
	.fewest = 1,
	.example = "certpool request client1\n",
	.most = 1,
	.expected = "a client's name",
	.run = run_request,
};
