/* help and version: print the verbs, one verb's options, or the version. */
#include "tools/verb/help.h"

#include "tools/options.h"

#include <stdio.h>

void print_version(void)
{
	puts("certpool " CERTPOOL_VERSION);
}

/* All verbs, one a line. */
static void print_overview(void)
{
	puts("Usage: certpool VERB [ARGUMENT...] [OPTION...]\n\n"
	     "A PKI for pools of certificates.\n");
	for (const struct verb *const *verb = verbs; *verb != NULL; verb++)
		printf("  %-13s %-18s %s\n", (*verb)->name, (*verb)->operands, (*verb)->summary);
	puts("\nOptions have environment variables, which certpool help VERB shows; what cannot "
	     "be\n"
	     "taken back has none.\n"
	     "Exit status: 0 done, 1 failed, 2 usage, 3 verification failed or revoked,\n"
	     "4 not found, 5 part of a batch failed, 6 refused, 7 the other side cannot be\n"
	     "reached (try again).");
}

/* "  -m, --manifest FILE      the manifest (manifest.yaml) [CERTPOOL_MANIFEST]" */
static void print_option(const struct verb *verb, const struct option *option)
{
	char flag[64];
	char variable[VARIABLE_SIZE];

	(void)snprintf(flag, sizeof(flag), "--%s%s%s", option->name,
		       option->argument != NULL ? " " : "",
		       option->argument != NULL ? option->argument : "");
	if (option->letter != '\0')
		printf("  -%c, %-20s %s", option->letter, flag, option->doc);
	else
		printf("      %-20s %s", flag, option->doc);
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
	puts("\nOptions (default) [environment variable]:");
	print_options(verb, verb->options);
	print_options(verb, common_options);
}

static int run_help(const struct command *command, const void *settings, struct fault *fault)
{
	const struct verb *verb;

	(void)settings;
	if (command->operand_count == 0) {
		print_overview();
		return 0;
	}
	verb = find_verb(command->operands[0], fault);
	if (verb == NULL)
		return -1;
	print_help(verb);
	return 0;
}

const struct verb help_verb = {
	.name = "help",
	.operands = "[VERB]",
	.summary = "list the verbs, or explain one",
	.most = 1,
	.expected = "at most one verb",
	.run = run_help,
};

static int run_version(const struct command *command, const void *settings, struct fault *fault)
{
	(void)command;
	(void)settings;
	(void)fault;
	print_version();
	return 0;
}

const struct verb version_verb = {
	.name = "version",
	.operands = "",
	.summary = "print the version",
	.run = run_version,
};
