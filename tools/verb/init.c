/*
 * init: makes whatever the manifest's nodes lack on this host (node.c). Existing files stay, so
 * that it can be run again after an interruption or a change of the manifest. Says of a new CA what
 * to do next.
 */
#include "tools/ca_key.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"

#include <string.h>

struct init_settings {
	struct ca_key_settings key;
};

static const struct option init_options[] = {
	CA_KEY_OPTIONS(struct init_settings, key),
	{0},
};

static bool was_named(const struct command *command, const char *name)
{
	size_t i = 0;

	while (i < command->operand_count && strcmp(command->operands[i], name) != 0)
		i++;
	return command->operand_count == 0 || i < command->operand_count;
}

/* The first of the manifest's clients that was made on this host; NULL: none was. */
static const struct client_node *find_client_here(const struct command *command,
						  const struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->client_count; i++)
		if (manifest->clients[i].layout != NULL &&
		    was_named(command, manifest->clients[i].name))
			return &manifest->clients[i];
	return NULL;
}

static void append_client_command(struct buffer *line, const struct command *command,
				  const char *verb, const char *name)
{
	CLEANUP(clear_buffer) struct buffer words = {0};

	append_format(&words, "%s %s", verb, name);
	append_next_command(line, command, words.data != NULL ? (const char *)words.data : verb);
}

/* A client's certificates come from the CA, and need it to run. */
static int print_next(const struct command *command, const struct manifest *manifest,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer serve = {0};
	CLEANUP(clear_buffer) struct buffer then = {0};
	const struct client_node *client = find_client_here(command, manifest);

	append_next_command(&serve, command, "serve");
	if (client != NULL) {
		append_client_command(&then, command, "request", client->name);
		append_string(&then, " && ");
		append_client_command(&then, command, "enroll", client->name);
	} else if (manifest->client_count > 0) {
		append_client_command(&then, command, "invite", manifest->clients[0].name);
	} else {
		append_next_command(&then, command, "client add NAME");
	}
	if (check_buffer(&serve, fault) < 0 || check_buffer(&then, fault) < 0)
		return -1;
	print_line("next: %s", (const char *)serve.data);
	print_line("then: %s", (const char *)then.data);
	return 0;
}

static int run_init(const struct command *command, const void *settings, struct fault *fault)
{
	const struct init_settings *given = settings;
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	struct nodes_made made;

	if (load_manifest(command->manifest, &manifest, fault) < 0 ||
	    init_nodes(command, manifest, &given->key, command->operands, command->operand_count,
		       &made, fault) < 0)
		return -1;
	if (made.count == 0)
		print_note(command, "nothing is missing");
	if (!made.record || command->json || command->quiet)
		return 0;
	return print_next(command, manifest, fault);
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
		"when there is a passphrase, and is never made in a token. Of a new CA the last "
		"two\n"
		"lines say what to do next, except with --quiet.\n",
	.example = "certpool init\n",
	.options = init_options,
	.settings_size = sizeof(struct init_settings),
	.most = (size_t)-1,
	.run = run_init,
};
