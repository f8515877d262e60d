#ifndef CERTPOOL_TOOLS_OPTIONS_H
#define CERTPOOL_TOOLS_OPTIONS_H

#include "tools/command.h"

/*
 * Options, by tables: one row an option. What an option is set to comes from the command line, else
 * from the environment (CERTPOOL_ and the long name in capitals, '-' as '_'; empty is not set),
 * else from the row. What has none of these is left to the manifest.
 */

/* Stores the text of a value in a field of its type. */
typedef int option_setter(void *field, const char *text, struct fault *fault);

struct option {
	const char *name;     /* the long one, without its dashes */
	char letter;          /* the short one; 0: none */
	bool no_environment;  /* the command line alone */
	const char *argument; /* what the help calls the value; NULL: a switch, which takes none */
	option_setter *set;
	size_t offset; /* of the field, in the verb's settings */
	const char *doc;
	const char *initial; /* the default; NULL: none */
};

enum { OPTIONS_MAX = 24, COUNT_MAX = 1000000 };

option_setter take_switch;   /* bool */
option_setter take_text;     /* const char *, borrowed */
option_setter take_count;    /* size_t, from 1 to COUNT_MAX */
option_setter take_instant;  /* struct instant: parse_time */
option_setter take_duration; /* int64_t, seconds: parse_duration */
option_setter take_endpoint; /* struct endpoint: parse_endpoint */

/* A point in time that need not be given. */
struct instant {
	bool given;
	long long time_s;
};

/* The options that every verb has; the fields are struct command's. Ends like a verb's. */
extern const struct option common_options[];

/*
 * Parses what follows the verb. Options may stand before, between and after operands; "--" ends
 * them, "-" alone is an operand. arguments ends with NULL; the operands are moved to its front.
 * Errors: FAULT_USAGE. With --help or --version nothing is checked but the options themselves.
 */
int parse_command(const struct verb *verb, const char **arguments, struct command *ret_command,
		  void *ret_settings, struct fault *fault) MUST_CHECK;

/* "CERTPOOL_BATCH_SIZE" */
enum { VARIABLE_SIZE = 64 };
#define VARIABLE_PREFIX "CERTPOOL_"
void name_variable(const struct option *option, char ret_name[static VARIABLE_SIZE]);

#endif
