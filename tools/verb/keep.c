/*
 * keep: makes of a client's pool what its manifest says, and does nothing when nothing is due: the
 * one verb for a timer. It learns what was revoked first, and takes a new shared key last.
 */
#include "common/base/clock.h"
#include "common/pool/members/pool_numbers.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/pool/client_pool.h"
#include "tools/pool/pool_use.h"

struct keep_settings {
	int64_t within_s;
	bool now;
	struct endpoint ca;
};

static const struct option keep_options[] = {
	{"within", 0, false, "DURATION", take_duration, offsetof(struct keep_settings, within_s),
	 "renew certificates that end within this time, not in the last third of their life", NULL},
	{"now", 0, true, NULL, take_switch, offsetof(struct keep_settings, now),
	 "do not wait after failures", NULL},
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct keep_settings, ca),
	 "the CA's endpoint, instead of the manifest's", NULL},
	{0},
};

static void print_retired(const struct command *command, const struct client_node *client,
			  size_t retired, struct json_line *line)
{
	bool windows = has_windows(&client->pool);

	if (command->json)
		add_json_number(line, "retired", (long long)retired);
	else if (retired > 0)
		print_line("%s: %s, destroyed: %zu", client->name,
			   windows ? "keys of members whose window is over"
				   : "filled up; keys of members that had signed",
			   retired);
	print_windows(client, read_clock(), command->json ? line : NULL);
}

/* What is revoked has to be known: a timer's run that could not ask is to be repeated. */
static int learn(const struct command *command, const struct node *node, const struct endpoint *ca,
		 struct learned *ret_learned, struct fault *fault)
{
	struct fault failure;
	struct learned noted = {0};

	learn_client(command, node, ca, ret_learned, &failure);
	if (failure.class != FAULT_NONE)
		return pass_fault(&failure, fault);
	/* What is revoked or unknown is replaced in a moment. */
	noted.too_old = ret_learned->too_old;
	print_learned(command, node->client->name, &noted, &failure);
	return 0;
}

static int keep(const struct command *command, const struct keep_settings *given,
		const struct node *node, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	struct upkeep upkeep = {.scope = UPKEEP_ALL,
				.within_s = given->within_s,
				.enrollment = {.layout = node->layout, .client = node->client}};
	CLEANUP(clear_learned) struct learned learned = {0};
	size_t retired = 0;
	struct upkeep_summary kept;

	upkeep.enrollment.ca = choose_endpoint(&given->ca, &node->manifest->ca.endpoint);
	if (learn(command, node, &upkeep.enrollment.ca, &learned, fault) < 0)
		return -1;
	upkeep.unknown = bytes_of_buffer(&learned.unknown);
	if ((node->client->pool.marks == NULL
		     ? keep_client(command, &upkeep, node->client, &kept, fault)
		     : keep_numbered_client(command, &upkeep, node->client, &kept, &retired,
					    fault)) < 0 ||
	    take_ca_key(node, &upkeep.enrollment.ca, fault) < 0)
		return -1;
	print_kept(command, node->client->name, &kept, &line);
	print_retired(command, node->client, retired, &line);
	if (command->json && print_json(&line, fault) < 0)
		return -1;
	return check_kept(node->client->name, &kept, fault);
}

/* A state/pool that cannot be read stops only those pools that need it. */
static int pass_state_fault(const struct node *node, const struct fault *problem,
			    struct fault *fault)
{
	const struct pool_settings *pool = &node->client->pool;
	bool needed = pool->reuse.method == REUSE_ONCE_ONLY || has_windows(pool);

	return !needed && problem->class == FAULT_MALFORMED ? 0 : pass_fault(problem, fault);
}

/* While the next fill-up waits, what is revoked is learned all the same. */
static void learn_meanwhile(const struct command *command, const struct keep_settings *given,
			    const struct node *node)
{
	const struct endpoint ca = choose_endpoint(&given->ca, &node->manifest->ca.endpoint);
	CLEANUP(clear_learned) struct learned learned = {0};
	struct fault failure;

	learn_client(command, node, &ca, &learned, &failure);
	print_learned(command, node->client->name, &learned, &failure);
}

static int run_keep(const struct command *command, const void *settings, struct fault *fault)
{
	const struct keep_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	struct fault failure = {0};
	struct fault state_fault = {0};
	int result;

	if (open_node(command, command->operands[0], &node, fault) < 0)
		return -1;
	if (!given->now &&
	    check_fill_up(node.layout, node.client->name, read_clock(), &state_fault) < 0) {
		if (state_fault.class == FAULT_BUSY)
			learn_meanwhile(command, given, &node);
		if (pass_state_fault(&node, &state_fault, fault) < 0)
			return -1;
		state_fault = (struct fault){0};
	}
	result = keep(command, given, &node, &failure);
	if (note_fill_up(node.layout, node.client->name, read_clock(), result < 0 ? &failure : NULL,
			 &state_fault) < 0 &&
	    result == 0)
		return pass_state_fault(&node, &state_fault, fault);
	return result < 0 ? pass_fault(&failure, fault) : 0;
}

const struct verb keep_verb = {
	.name = "keep",
	.group = VERB_KEEPING,
	.operands = "CLIENT",
	.summary = "keep a pool whole: the one verb for a timer",
	.details = "Learns which certificates were revoked, gives members that lack a certificate "
		   "one,\n"
		   "repairs damaged files, and replaces with new keys what is revoked or ends "
		   "soon. Does\n"
		   "nothing when nothing is due, and says when it will be. Keys are never "
		   "overwritten\n"
		   "but by the renewal of their member; what does not fit is set aside. With "
		   "reuse:\n"
		   "once_only, fills the pool up with new members as its topup says, and destroys "
		   "the\n"
		   "keys of those that have signed. After two failures in a row it waits, a minute "
		   "at\n"
		   "first and at most an hour, and learns meanwhile only what was revoked. Exit "
		   "status 5:\n"
		   "some members are left; 6: the CA refused all; 7: it cannot be reached, or keep "
		   "waits.\n",
	.example = "certpool keep client1\n",
	.options = keep_options,
	.settings_size = sizeof(struct keep_settings),
	.fewest = 1,
	.most = 1,
	.expected = "a client's name",
	.run = run_keep,
};
