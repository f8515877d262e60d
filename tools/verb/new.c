/*
 * new: writes a small manifest to begin with, and says which command is next.
 */
#include "common/base/file.h"
#include "tools/input.h"
#include "tools/options.h"
#include "tools/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its first lines say where to go on, as its reader may have nothing else. */
static const char small_manifest[] =
	"# A CA and two clients on this host. All other keys have their defaults: man "
	"certpool-manifest.\n"
	"version: 1\n"
	"\n"
	"ca:\n"
	"  layout: ca # the directory of its files\n"
	"  endpoint: http://127.0.0.1:8440\n"
	"  # Where verifiers ask. The URLs are in every certificate: choose a name that lasts.\n"
	"  crl: {url: http://127.0.0.1:8440/crl}\n"
	"  ocsp: {url: http://127.0.0.1:8440/ocsp}\n"
	"\n"
	"clients:\n"
	"  client1:\n"
	"    pool: {size: 20}\n"
	"  client2: # receives messages, so it has an endpoint\n"
	"    pool: {size: 20}\n"
	"    endpoint: http://127.0.0.1:8442\n"
	"\n"
	"# The steps of certpool run.\n"
	"batch:\n"
	"  - enroll: [client1, client2]\n"
	"  - send: {from: client1, to: client2, text: bonjour, count: 10}\n"
	"  - verify: {by: client2, online: true}\n";

enum { DIRECTORY_MODE = 0755, MANIFEST_MODE = 0644 };

/* The manifest's path: in the directory, which is made if there is none, or where -m says. */
static int choose_path(const struct command *command, char **ret_path, struct fault *fault)
{
	CLEANUP(close_descriptor) int dirfd = -1;
	char *path = NULL;

	if (command->operand_count == 0)
		path = strdup(command->manifest);
	else if (make_directory(AT_FDCWD, command->operands[0], DIRECTORY_MODE, &dirfd, fault) < 0)
		return -1;
	else if (asprintf(&path, "%s/manifest.yaml", command->operands[0]) < 0)
		path = NULL;
	if (path == NULL)
		return set_memory_fault(fault);
	*ret_path = path;
	return 0;
}

static int format_next(const struct command *command, struct buffer *next, struct fault *fault)
{
	if (command->operand_count > 0) {
		append_string(next, "cd ");
		append_word(next, command->operands[0]);
		append_string(next, " && certpool init");
	} else {
		append_next_command(next, command, "init");
	}
	return check_buffer(next, fault);
}

static int run_new(const struct command *command, const void *settings, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(clear_buffer) struct buffer next = {0};
	CLEANUP(free_string) char *path = NULL;

	(void)settings;
	if (choose_path(command, &path, fault) < 0 || format_next(command, &next, fault) < 0 ||
	    write_output(path, MANIFEST_MODE, bytes_of_string(small_manifest), fault) < 0)
		return -1;
	if (!command->json) {
		print_line("%s: a CA and two clients with pools of 20: change it as you like",
			   path);
		print_line("next: %s", (const char *)next.data);
		return 0;
	}
	add_json_text(&line, "manifest", path);
	add_json_text(&line, "next", (const char *)next.data);
	return print_json(&line, fault);
}

const struct verb new_verb = {
	.name = "new",
	.group = VERB_CA,
	.operands = "[DIR]",
	.summary = "write a small manifest to begin with",
	.details = "Writes manifest.yaml, in DIR if there is one, which is made: a CA and two "
		   "clients\n"
		   "on this host. An existing manifest is never overwritten. certpool init makes "
		   "what\n"
		   "a manifest describes; man certpool-manifest explains every key.\n",
	.example = "certpool new pki && cd pki && certpool init\n",
	.most = 1,
	.expected = "at most one directory",
	.run = run_new,
};
