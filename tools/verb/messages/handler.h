#ifndef CERTPOOL_TOOLS_VERB_MESSAGES_HANDLER_H
#define CERTPOOL_TOOLS_VERB_MESSAGES_HANDLER_H

#include "common/base/bytes.h"

#include <limits.h>
#include <stdbool.h>

/*
 * The user's program that receive --exec runs for each message: M is its standard input, a file,
 * and the rest is in its environment. There is no shell and there are no arguments, so that nothing
 * that a sender chose is ever read as a command. Its exit status says whether it took the message.
 */
struct handler {
	char program[PATH_MAX]; /* its path */
	int64_t timeout_s;      /* after which it is killed, with its process group */
	bool output_aside;      /* its standard output goes to standard error */
};

/* Finds the program, as execvp(3) does. Errors: FAULT_NOT_FOUND. */
int find_handler(const char *name, struct handler *ret_handler, struct fault *fault) MUST_CHECK;

/* A variable of the program's environment. */
struct handler_variable {
	const char *name;  /* without HANDLER_PREFIX */
	const char *value; /* control characters in it are masked */
};

/* No option of certpool has such a variable: the program may call certpool. */
#define HANDLER_PREFIX "MESSAGE_"
enum { HANDLER_VARIABLES_MAX = 12 };

/*
 * Runs the program and waits for it. It inherits the environment, without variables of
 * HANDLER_PREFIX but these, and no descriptor but the three standard ones. Safe for several
 * threads.
 * Shape: at most HANDLER_VARIABLES_MAX variables.
 * Errors: FAULT_FAILED when it fails, is killed, or does not end in time.
 */
int run_handler(const struct handler *handler, const struct handler_variable *variables,
		size_t count, struct bytes input, struct fault *fault) MUST_CHECK;

#endif
