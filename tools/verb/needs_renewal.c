/*
 * needs-renewal: answers by its exit status, for scripts, whether certpool renew has something to
 * do. Takes no lock and changes nothing.
 */
#include "common/base/clock.h"
#include "common/pool/enrolment/renew.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"

struct needs_renewal_settings {
	struct renewal_options terms;
};

static const struct option needs_renewal_options[] = {
	{"within", 0, false, "DURATION", take_duration,
	 offsetof(struct needs_renewal_settings, terms.within_s),
	 "ask about certificates that end within this time, not in the last third of their life",
	 NULL},
	{0},
};

static int print_need(const struct command *command, const char *client,
		      const struct renewal_need *need, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_line("%s: %s to be renewed; %s not due", client,
			   counted(need->due, "member is", "members are").text,
			   counted(need->kept, "is", "are").text);
		return 0;
	}
	add_json_text(&line, "client", client);
	add_json_flag(&line, "needs_renewal", need->due > 0);
	add_json_number(&line, "due", (long long)need->due);
	add_json_number(&line, "kept", (long long)need->kept);
	add_json_number(&line, "elsewhere", (long long)need->elsewhere);
	return print_json(&line, fault);
}

static int find_need(const struct command *command, const struct renewal_options *options,
		     struct renewal_need *ret_need, struct fault *fault)
{
	CLEANUP(clear_node) struct node node = {0};

	if (open_node(command, command->operands[0], &node, fault) < 0 ||
	    find_due_members(node.layout, node.client, options, read_clock(), ret_need, NULL,
			     fault) < 0)
		return -1;
	if (print_need(command, node.client->name, ret_need, fault) < 0)
		return -1;
	return flush_output(fault);
}

/* Exit status 1 is the answer "no", so a failure that would have it gets 2. */
static int avoid_exit_status_1(struct fault *failure, struct fault *fault)
{
	if (failure->class == FAULT_FAILED || failure->class == FAULT_MALFORMED ||
	    failure->class == FAULT_TOO_LARGE)
		failure->class = FAULT_USAGE;
	return pass_fault(failure, fault);
}

static int run_needs_renewal(const struct command *command, const void *settings,
			     struct fault *fault)
{
	const struct needs_renewal_settings *given = settings;
	struct renewal_need need = {0};
	struct fault failure = {0};

	if (find_need(command, &given->terms, &need, &failure) < 0)
		return avoid_exit_status_1(&failure, fault);
	if (need.due > 0)
		return 0;
	/* No text: the exit status says it. */
	return set_fault(fault, FAULT_FAILED, "%s", "");
}

const struct verb needs_renewal_verb = {
	.name = "needs-renewal",
	.group = VERB_KEEPING,
	.operands = "CLIENT",
	.summary = "ask whether members are to be renewed",
	.details = "Exit status 0: yes, certpool renew has something to do; 1: no; any other: a\n"
		   "failure. Takes no lock and changes nothing.\n",
	.example = "certpool needs-renewal client1 && certpool renew client1\n",
	.options = needs_renewal_options,
	.settings_size = sizeof(struct needs_renewal_settings),
	.fewest = 1,
	.most = 1,
	.expected = "a client's name",
	.run = run_needs_renewal,
};
