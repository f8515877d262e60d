#ifndef CERTPOOL_TOOLS_COMMAND_H
#define CERTPOOL_TOOLS_COMMAND_H

#include "common/base/fault.h"
#include "common/base/version.h"

#include <stdbool.h>
#include <stddef.h>

struct option;
struct verb;

/* What verbs are for, in the order of the overview. */
enum verb_group {
	VERB_CA,       /* the CA is made and works */
	VERB_CLIENTS,  /* clients join, and get pools */
	VERB_MESSAGES, /* messages are sent and verified */
	VERB_LOOKING,  /* what there is, and whether it is well */
	VERB_KEEPING,  /* what is done again and again over the years */
	VERB_GROUP_COUNT,
};

/* A parsed command line: what every verb gets besides the settings of its own options. */
struct command {
	const struct verb *verb;
	const char *manifest; /* its path */
	bool json;
	bool quiet;
	bool json_log; /* standard error has JSON, one object a line, too: a server's log with
			  --json */
	bool help;
	bool version;
	const char *const *operands;
	size_t operand_count;
	const char *const *arguments; /* all that followed the verb, as given; ends with NULL */
};

/*
 * Runs the verb and prints: data on standard output, everything else on standard error. settings is
 * the verb's own struct, which its options have filled.
 */
typedef int verb_function(const struct command *command, const void *settings, struct fault *fault);

struct verb {
	const char *name;
	enum verb_group group;
	const char *operands; /* for the help; "" when there are none */
	const char *summary;  /* one line */
	const char *details;  /* more lines for the help, each with its line end; NULL: none */
	const char *example;  /* command lines that work, each with its line end */
	const struct option *options; /* its own; ends with a row without a name; NULL: none */
	size_t settings_size;
	bool irrevocable; /* what it does cannot be taken back: no option of its own has a variable
			   */
	bool logs;        /* a server: with --json its standard error is JSON, one object a line */
	size_t fewest;    /* operands */
	size_t most;      /* operands */
	const char *expected; /* the operands as a message names them; NULL: most is 0 */
	verb_function *run;
};

/* The verbs, each in the file of its name in tools/verb. */
extern const struct verb new_verb;
extern const struct verb init_verb;
extern const struct verb front_end_verb;
extern const struct verb store_verb;
extern const struct verb invite_verb;
extern const struct verb join_verb;
extern const struct verb request_verb;
extern const struct verb serve_verb;
extern const struct verb enroll_verb;
extern const struct verb export_verb;
extern const struct verb sign_verb;
extern const struct verb keep_verb;
extern const struct verb repair_verb;
extern const struct verb renew_verb;
extern const struct verb rotate_verb;
extern const struct verb pool_verb;
extern const struct verb needs_renewal_verb;
extern const struct verb receive_verb;
extern const struct verb send_verb;
extern const struct verb seal_verb;
extern const struct verb open_verb;
extern const struct verb verify_verb;
extern const struct verb revoke_verb;
extern const struct verb list_verb;
extern const struct verb show_verb;
extern const struct verb client_verb;
extern const struct verb crl_verb;
extern const struct verb audit_verb;
extern const struct verb check_verb;
extern const struct verb prune_verb;
extern const struct verb rotate_verb;
extern const struct verb backup_verb;
extern const struct verb restore_verb;
extern const struct verb run_verb;
extern const struct verb rotate_verb;
extern const struct verb status_verb;
extern const struct verb bench_verb;
/* In tools/help. */
extern const struct verb help_verb;
extern const struct verb version_verb;
extern const struct verb complete_verb;

/* All of them, within a group in the order in which a user comes to need them; ends with NULL. */
extern const struct verb *const verbs[];

/*
 * The verb of that name; -h, --help, -V and --version are names too.
 * Errors: NULL, with FAULT_USAGE, when there is none.
 */
const struct verb *find_verb(const char *name, struct fault *fault);

/* Parses what follows the verb and runs it, or prints its help. arguments ends with NULL. */
int run_command(const struct verb *verb, const char *const *arguments,
		struct fault *fault) MUST_CHECK;

/* Appends a word as a POSIX shell reads it: in quotes, if a character means more to a shell. */
struct buffer;
void append_word(struct buffer *line, const char *word);

/* Appends "certpool", the words as they are, and the option for the command's manifest, unless that
   is found without it. */
void append_next_command(struct buffer *line, const struct command *command, const char *words);

/*
 * Refuses, until --yes is given, an act that cannot be taken back: prints on standard error what is
 * not done yet, and the command that does it, as a shell takes it.
 * Errors: always -1: FAULT_USAGE, with an empty text, when both are printed.
 */
int refuse_without_yes(const struct command *command, const char *what,
		       struct fault *fault) MUST_CHECK;

#endif
