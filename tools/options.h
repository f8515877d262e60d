#ifndef CERTPOOL_TOOLS_OPTIONS_H
#define CERTPOOL_TOOLS_OPTIONS_H

#include "tools/command.h"

/*
 * Command-line options as tables, one row an option. The value comes from the command line, else
 * from the environment (CERTPOOL_ and the long name in capitals, '-' as '_'; an empty variable
 * counts as unset), else from the row's default. Without any of these the field stays zero, and the
 * verb takes the manifest's value. What cannot be taken back has no variable: no option of a verb
 * that is irrevocable, and no row that says no_environment. Options of one name
 * share a variable, so they are of one type in all verbs that take it.
 */

/* Parses the text of a value and stores it in a field of the type that the setter names below. */
typedef int option_setter(void *field, const char *text, struct fault *fault);

struct option {
	const char *name;     /* long, without its dashes */
	char letter;          /* short; 0: none */
	bool no_environment;  /* settable on the command line alone: what cannot be taken back */
	const char *argument; /* the value's name in the help; NULL: a switch without a value */
	option_setter *set;
	size_t offset; /* of the field, in the verb's settings */
	const char *doc;
	const char *initial; /* the default; NULL: none */
};

enum { OPTIONS_MAX = 24, COUNT_MAX = 1000000 };

option_setter take_switch;    /* bool */
option_setter take_text;      /* const char *, borrowed */
option_setter take_texts;     /* struct text_list: the option may be repeated */
option_setter take_count;     /* size_t, from 1 to COUNT_MAX */
option_setter take_instant;   /* struct instant: parse_time */
option_setter take_duration;  /* int64_t, seconds: parse_duration */
option_setter take_endpoint;  /* struct endpoint: parse_endpoint */
option_setter take_endpoints; /* struct endpoint_list: likewise, may be repeated */

/* The values of an option that may be repeated, borrowed. */
enum { TEXTS_MAX = 8 };
struct text_list {
	const char *items[TEXTS_MAX];
	size_t count;
};

/* An optional point in time. */
struct instant {
	bool given;
	long long time_s;
};

/* The options of every verb; their fields are in struct command. Ends with a row without a name. */
extern const struct option common_options[];

/*
 * Parses what follows the verb. Options may stand before, between and after operands; "--" ends
 * them, and "-" alone is an operand. arguments ends with NULL; the operands are moved to its front.
 * ret_settings is the verb's struct. ret_command->arguments stays for the caller to set.
 * Errors: FAULT_USAGE. With --help or --version the number of operands is not checked.
 */
int parse_command(const struct verb *verb, const char **arguments, struct command *ret_command,
		  void *ret_settings, struct fault *fault) MUST_CHECK;

/* Whether the verb takes this option, its own or a common one, from the environment as well. */
bool has_variable(const struct verb *verb, const struct option *option);

/* The environment variable of an option, such as "CERTPOOL_PASSPHRASE_FILE". */
enum { VARIABLE_SIZE = 64 };
#define VARIABLE_PREFIX "CERTPOOL_"
void name_variable(const struct option *option, char ret_name[static VARIABLE_SIZE]);

#endif
