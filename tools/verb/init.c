/*
 * init: makes whatever the manifest's nodes lack on this host (node.c). Existing files stay, so
 * that it can be run again after an interruption or a change of the manifest.
 */
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
	.group = VERB_CA,
	.operands = "[NODE...]",
	.summary = "make layouts, the root, shared keys",
	.details =
		"Makes what the manifest's nodes lack: their layouts, the CA's root and record,\n"
		"the keys that they share, the root in the clients. Existing files stay. NODE is\n"
		"ca or a client; without one, all nodes of the manifest are made here. With a\n"
		"root_layout in the manifest, the root is made in that layout and signs the CA's\n"
		"certificate; the layout is needed for this one time. The CA's key is encrypted\n"
		"when there is a passphrase, and is never made in a token.\n",
	.example = "certpool init\n",
	.options = init_options,
	.settings_size = sizeof(struct init_settings),
	.most = (size_t)-1,
	.run = run_init,
};
