#include "tools/ca_key.h"
#include "tools/node.h"
#include "tools/options.h"

struct init_settings {
	struct ca_key_settings key;
};

static const struct option init_options[] = {
	CA_KEY_OPTIONS(struct init_settings, key),
	{0},
};

static int run_init(const struct command *command, const void *settings, struct fault *fault)
{
	const struct init_settings *given = settings;
	CLEANUP(free_manifest) struct manifest *manifest = NULL;

	if (load_manifest(command->manifest, &manifest, fault) < 0)
		return -1;
	return init_nodes(command, manifest, &given->key, command->operands, command->operand_count,
			  REPORT_DATA, fault);
}

const struct verb init_verb = {
	.name = "init",
	.operands = "[NODE...]",
	.summary = "make layouts, the root, shared keys",
	.details =
		"Makes what the manifest's nodes lack: their layouts, the CA's root and record,\n"
		"the keys that they share, the root in the clients. What is there stays. NODE is\n"
		"ca or a client; without one, all of the manifest's nodes are made here. With a\n"
		"root_layout in the manifest, the root is made there, and signs the CA's\n"
		"certificate, which takes that layout for this one time. The\n"
		"CA's key is made encrypted when there is a passphrase, and never in a token.\n",
	.options = init_options,
	.settings_size = sizeof(struct init_settings),
	.most = (size_t)-1,
	.run = run_init,
};
