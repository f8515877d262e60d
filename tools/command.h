#ifndef CERTPOOL_TOOLS_COMMAND_H
#define CERTPOOL_TOOLS_COMMAND_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>

#define CERTPOOL_VERSION "0.1.0"

struct option;
struct verb;

/* A command line, parsed: what every verb is told, besides the settings of its own options. */
struct command {
	const struct verb *verb;
	const char *manifest;
	bool json;
	bool quiet;
	bool help;
	bool version;
	const char *const *operands;
	size_t operand_count;
};

/*
 * Does what the verb is for, and prints: data on standard output, everything else on standard
 * error. settings is the verb's own struct, filled by its options.
 */
typedef int verb_function(const struct command *command, const void *settings, struct fault *fault);

struct verb {
	const char *name;
	const char *operands; /* for the help; "" when there are none */
	const char *summary;  /* one line */
	const char *details;  /* more lines for the help, each with its line end; NULL: none */
	const struct option *options; /* its own; ends with a row without a name; NULL: none */
	size_t settings_size;
	size_t fewest; /* operands */
	size_t most;
	verb_function *run;
};

/* Parses what follows the verb and runs it, or prints its help. arguments ends with NULL. */
int run_command(const struct verb *verb, const char **arguments, struct fault *fault) MUST_CHECK;

#endif
