/* help and version: print the verbs, one verb's options, or the version. */
#include "tools/help/help.h"

#include "tools/help/manual.h"
#include "tools/input.h"
#include "tools/options.h"
#include "tools/output.h"

#include <stdio.h>
#include <string.h>

enum { NAME_WIDTH = 13, OPERANDS_WIDTH = 18, FLAG_WIDTH = 20, DOC_COLUMN = 27 };

int print_version(const struct command *command, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		puts("certpool " CERTPOOL_VERSION);
		return 0;
	}
	add_json_text(&line, "program", "certpool");
	add_json_text(&line, "version", CERTPOOL_VERSION);
	return print_json(&line, fault);
}

const char *group_title(enum verb_group group)
{
	static const char *const titles[VERB_GROUP_COUNT] = {
		[VERB_CA] = "The CA",
		[VERB_CLIENTS] = "Clients and their pools",
		[VERB_MESSAGES] = "Messages and certificates",
		[VERB_LOOKING] = "Looking",
		[VERB_KEEPING] = "Keeping, over the years",
	};

	return titles[group];
}

/* Operands that take more than their column are left to the verb's own help. */
static void print_summary(const struct verb *verb)
{
	const char *operands = strlen(verb->operands) <= OPERANDS_WIDTH ? verb->operands : "...";

	printf("  %-*s %-*s %s\n", NAME_WIDTH, verb->name, OPERANDS_WIDTH, operands, verb->summary);
}

/* All verbs, one a line. */
static void print_overview(void)
{
	puts("Usage: certpool VERB [ARGUMENT...] [OPTION...]\n\n"
	     "A PKI for pools of certificates. To begin: certpool new.");
	for (enum verb_group group = 0; group < VERB_GROUP_COUNT; group++) {
		printf("\n%s\n", group_title(group));
		for (const struct verb *const *verb = verbs; *verb != NULL; verb++)
			if ((*verb)->group == group)
				print_summary(*verb);
	}
	puts("\ncertpool help VERB explains a verb, with an example and its options. Options have\n"
	     "environment variables; what cannot be taken back has none.\n"
	     "Exit status: 0 done, 1 failed, 2 usage, 3 verification failed or revoked,\n"
	     "4 not found, 5 part of a batch failed, 6 refused, 7 the other side cannot be\n"
	     "reached (try again).");
}

/* "  -m, --manifest FILE      the manifest (manifest.yaml) [CERTPOOL_MANIFEST]"; what is wider than
 * its column has a line of its own. */
static void print_option(const struct verb *verb, const struct option *option)
{
	char flag[64];
	char variable[VARIABLE_SIZE];

	(void)snprintf(flag, sizeof(flag), "--%s%s%s", option->name,
		       option->argument != NULL ? " " : "",
		       option->argument != NULL ? option->argument : "");
	if (option->letter != '\0')
		printf("  -%c, ", option->letter);
	else
		printf("      ");
	if (strlen(flag) <= FLAG_WIDTH)
		printf("%-*s %s", FLAG_WIDTH, flag, option->doc);
	else
		printf("%s\n%*s%s", flag, DOC_COLUMN, "", option->doc);
	if (option->initial != NULL)
		printf(" (%s)", option->initial);
	name_variable(option, variable);
	if (has_variable(verb, option))
		printf(" [%s]", variable);
	putchar('\n');
}

static void print_options(const struct verb *verb, const struct option *options)
{
	for (; options != NULL && options->name != NULL; options++)
		print_option(verb, options);
}

void print_help(const struct verb *verb)
{
	printf("Usage: certpool %s%s%s [OPTION...]\n\n%s\n", verb->name,
	       *verb->operands != '\0' ? " " : "", verb->operands, verb->summary);
	if (verb->details != NULL)
		printf("\n%s", verb->details);
	printf("\nExample:\n");
	for (const char *at = verb->example; *at != '\0'; at += strcspn(at, "\n") + 1)
		printf("  %.*s\n", (int)strcspn(at, "\n"), at);
	puts("\nOptions (default) [environment variable]:");
	print_options(verb, verb->options);
	print_options(verb, common_options);
}

struct help_settings {
	bool man;
	const char *prose;
};

static const struct option help_options[] = {
	{"man", 0, true, NULL, take_switch, offsetof(struct help_settings, man),
	 "print the manual page instead, mdoc(7): of the verb, or of certpool", NULL},
	{"prose", 0, true, "FILE", take_text, offsetof(struct help_settings, prose),
	 "with --man: what the page says beyond the help, such as docs/man/verb/enroll.mdoc", NULL},
	{0},
};

enum { PROSE_SIZE_MAX = 1024 * 1024 };

static int run_help(const struct command *command, const void *settings, struct fault *fault)
{
	const struct help_settings *given = settings;
	CLEANUP(clear_buffer) struct buffer prose = {0};
	const struct verb *verb = NULL;

	if (command->operand_count > 0) {
		verb = find_verb(command->operands[0], fault);
		if (verb == NULL)
			return -1;
	}
	if (given->prose != NULL && !given->man)
		return set_fault(fault, FAULT_USAGE, "--prose: expected --man with it");
	if (given->prose != NULL && read_input(given->prose, PROSE_SIZE_MAX, &prose, fault) < 0)
		return -1;
	if (given->man)
		return print_manual(verb, bytes_of_buffer(&prose), fault) < 0 &&
				       given->prose != NULL
			       ? prefix_fault(fault, "%s", given->prose)
			       : 0;
	if (verb != NULL)
		print_help(verb);
	else
		print_overview();
	return 0;
}

const struct verb help_verb = {
	.name = "help",
	.group = VERB_LOOKING,
	.operands = "[VERB]",
	.summary = "list the verbs, or explain one",
	.example = "certpool help enroll\n",
	.options = help_options,
	.settings_size = sizeof(struct help_settings),
	.most = 1,
	.expected = "at most one verb",
	.run = run_help,
};

static int run_version(const struct command *command, const void *settings, struct fault *fault)
{
	(void)settings;
	return print_version(command, fault);
}

const struct verb version_verb = {
	.name = "version",
	.group = VERB_LOOKING,
	.operands = "",
	.summary = "print the version",
	.example = "certpool version --json\n",
	.run = run_version,
};
