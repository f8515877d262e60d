#include "tools/command.h"

#include "tools/options.h"
#include "tools/verb/help.h"

#include <stdlib.h>

static void free_settings(void **settings)
{
	free(*settings);
}

int run_command(const struct verb *verb, const char **arguments, struct fault *fault)
{
	/* One more, so that a verb without settings has memory too. */
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
