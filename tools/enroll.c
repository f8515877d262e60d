#include "tools/enroll.h"

#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/verbs.h"

#include <stdio.h>

struct enroll_settings {
	struct endpoint ca;
};

static const struct option enroll_options[] = {
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct enroll_settings, ca),
	 "where the CA serves, when not as in the manifest", NULL},
	{0},
};

void tell_member_refusal(void *context, size_t member, const struct refusal *refusal)
{
	const struct refusal_listener *listener = context;

	print_complaint(listener->command, "%s: member %zu: refused (%s): %s", listener->client,
			member, refusal->type, refusal->detail);
}

/* What became of the pool, as a fault if not all of it is certified. */
static int check_enrolled(const char *client, const struct enrolled *enrolled, struct fault *fault)
{
	size_t certified = enrolled->present + enrolled->saved;

	if (enrolled->refused == 0)
		return 0;
	return set_fault(fault, certified > 0 ? FAULT_PARTIAL : FAULT_REFUSED,
			 "%s: %zu of %zu requests were refused, for the reasons above; the other "
			 "%zu members have their certificates",
			 client, enrolled->refused, certified + enrolled->refused, certified);
}

int enroll_client(const struct command *command, const struct layout *layout,
		  const struct client_node *client, const struct endpoint *ca,
		  struct enrolled *ret_enrolled, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct refusal_listener listener = {command, client->name};
	struct bar bar;
	struct enrollment enrollment = {
		.layout = layout,
		.client = client,
		.ca = *ca,
		.refused = tell_member_refusal,
		.refused_context = &listener,
	};
	char label[96];

	(void)snprintf(label, sizeof(label), "%s: certificates", client->name);
	enrollment.progress = start_bar(&bar, command, label);
	if (lock_or_wait(command, layout, &lock, fault) < 0 ||
	    enroll_pool(&enrollment, ret_enrolled, fault) < 0)
		return -1;
	return check_enrolled(client->name, ret_enrolled, fault);
}

static int print_enrolled(const struct command *command, const char *client,
			  const struct enrolled *enrolled, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_line("%s: saved %zu certificates; %zu were there; %zu refused", client,
			   enrolled->saved, enrolled->present, enrolled->refused);
		return 0;
	}
	add_json_text(&line, "client", client);
	add_json_number(&line, "saved", (long long)enrolled->saved);
	add_json_number(&line, "present", (long long)enrolled->present);
	add_json_number(&line, "refused", (long long)enrolled->refused);
	return print_json(&line, fault);
}

static int run_enroll(const struct command *command, const void *settings, struct fault *fault)
{
	const struct enroll_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	struct enrolled enrolled = {0};
	struct endpoint ca;
	int result;

	if (open_node(command, command->operands[0], &node, fault) < 0)
		return -1;
	ca = choose_endpoint(&given->ca, &node.manifest->ca.endpoint);
	result = enroll_client(command, node.layout, node.client, &ca, &enrolled, fault);
	if (result < 0 && enrolled.refused == 0)
		return -1;
	return print_enrolled(command, node.client->name, &enrolled, fault) < 0 ? -1 : result;
}

const struct verb enroll_verb = {
	.name = "enroll",
	.operands = "CLIENT",
	.summary = "part 1: have the pool certified by the CA",
	.details = "Sends the requests of the members that have no certificate, checks what comes\n"
		   "back, saves it. Interrupted or asked again, it sends what is missing.\n",
	.options = enroll_options,
	.settings_size = sizeof(struct enroll_settings),
	.fewest = 1,
	.most = 1,
	.run = run_enroll,
};
