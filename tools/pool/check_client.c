/* The client's side of check. */
#include "tools/pool/check_client.h"

#include "common/base/clock.h"
#include "common/pool/upkeep/check_pool.h"
#include "tools/pool/client_pool.h"

static int print_finding(void *context, const struct pool_finding *finding, struct fault *fault)
{
	const struct command *command = context;
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		if (finding->warning)
			print_note(command, "%s: warning: %s: %s", finding->where, finding->text,
				   finding->advice);
		else
			print_line("%s: %s: %s", finding->where, finding->text, finding->advice);
		return 0;
	}
	add_json_text(&line, "where", finding->where);
	add_json_text(&line, finding->warning ? "warning" : "finding", finding->text);
	add_json_text(&line, "advice", finding->advice);
	return print_json(&line, fault);
}

static int print_summary(const struct command *command, const struct client_node *client,
			 size_t findings, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		if (findings == 0)
			print_line("%s: whole: %s", client->name,
				   counted(count_members(&client->pool), "member", "members").text);
		return 0;
	}
	add_json_text(&line, "client", client->name);
	add_json_number(&line, "findings", (long long)findings);
	add_json_number(&line, "members", (long long)count_members(&client->pool));
	return print_json(&line, fault);
}

int check_client(const struct command *command, const struct endpoint *given, struct fault *fault)
{
	CLEANUP(clear_node) struct node node = {0};
	struct command context = *command;
	struct pool_check check = {
		.now_s = read_clock(), .function = print_finding, .context = &context};
	CLEANUP(clear_learned) struct learned learned = {0};
	struct fault unlearned;
	struct endpoint ca;
	size_t findings;

	if (open_node(command, command->operands[0], &node, fault) < 0)
		return -1;
	ca = choose_endpoint(given, &node.manifest->ca.endpoint);
	learn_client(command, &node, &ca, &learned, &unlearned);
	learned.revoked = 0; /* a finding */
	print_learned(command, node.client->name, &learned, &unlearned);
	check.layout = node.layout;
	check.client = node.client;
	if (check_pool(&check, &findings, fault) < 0 ||
	    print_summary(command, node.client, findings, fault) < 0)
		return -1;
	if (findings == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED, "%s: not whole: findings: %zu", node.client->name,
			 findings);
}
