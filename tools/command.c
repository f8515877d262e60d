/* The table of verbs, and the way from a verb's name and arguments to its function. */
#include "tools/command.h"

#include "tools/options.h"
#include "tools/verb/help.h"

#include <stdlib.h>
#include <string.h>

const struct verb *const verbs[] = {
	&init_verb,   &invite_verb, &join_verb,          &request_verb, &serve_verb, &enroll_verb,
	&sign_verb,   &renew_verb,  &needs_renewal_verb, &receive_verb, &send_verb,  &verify_verb,
	&revoke_verb, &list_verb,   &show_verb,          &client_verb,  &crl_verb,   &audit_verb,
	&check_verb,  &prune_verb,  &backup_verb,        &restore_verb, &run_verb,   &status_verb,
	&bench_verb,  &help_verb,   &version_verb,       NULL,
};

static const struct {
	const char *name;
	const struct verb *verb;
} other_names[] = {{"-h", &help_verb}, {"--help", &help_verb}, {"--version", &version_verb}};

const struct verb *find_verb(const char *name, struct fault *fault)
{
	for (const struct verb *const *verb = verbs; *verb != NULL; verb++)
		if (strcmp((*verb)->name, name) == 0)
			return *verb;
	for (size_t i = 0; i < COUNT_OF(other_names); i++)
		if (strcmp(other_names[i].name, name) == 0)
			return other_names[i].verb;
	(void)set_fault(fault, FAULT_USAGE,
			"%s: no such verb: run certpool help; options follow the verb", name);
	return NULL;
}

static void free_settings(void **settings)
{
	free(*settings);
}

int run_command(const struct verb *verb, const char **arguments, struct fault *fault)
{
	/* One octet more: calloc(…, 0) may return NULL. */
	CLEANUP(free_settings) void *settings = calloc(1, verb->settings_size + 1);
	struct command command;

	if (settings == NULL)
		return set_memory_fault(fault);
	if (parse_command(verb, arguments, &command, settings, fault) < 0)
		return -1;
	if (command.help)
		print_help(verb);
	else if (command.version)
		print_version();
	else
		return verb->run(&command, settings, fault);
	return 0;
}
