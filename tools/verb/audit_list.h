#ifndef CERTPOOL_TOOLS_VERB_AUDIT_LIST_H
#define CERTPOOL_TOOLS_VERB_AUDIT_LIST_H

#include "tools/operator.h"
#include "tools/options.h"

/* Which lines of the audit log are printed. */
struct audit_list_settings {
	int64_t start;         /* the first line's number; 0: the first that there is */
	const char *front_end; /* whose log; NULL: the logs of all, by time */
	const char *client;    /* lines by or about this client alone; NULL: all */
	struct instant since;  /* lines of this time and later alone */
	bool follow;           /* go on with the lines to come, until the process is ended */
};

/*
 * Prints the lines for people, or with --json as they are in the log. With `follow` it returns when
 * nobody reads standard output any more, without a text.
 */
int list_audit_log(const struct command *command, const struct audit_list_settings *given,
		   const struct ca_operator *ca, struct fault *fault) MUST_CHECK;

#endif
