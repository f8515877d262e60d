#ifndef CERTPOOL_TOOLS_POOL_REFUSAL_PRINTER_H
#define CERTPOOL_TOOLS_POOL_REFUSAL_PRINTER_H

#include "common/pool/enrolment/enroll.h"
#include "tools/command.h"

/*
 * Prints why the CA refused members: a line for each reason, with its members, so that ten thousand
 * members refused for one reason do not fill the screen. Zero-initialised but for command and
 * client. CLEANUP(end_refusals) prints the lines, when the job is over.
 */
enum { REFUSAL_REASONS = 16, REFUSED_NAMED = 3 };

struct refusal_reason {
	struct refusal refusal;
	size_t count;
	size_t highest;
	size_t lowest[REFUSED_NAMED]; /* the lowest of its members, in order */
};

struct refusal_printer {
	const struct command *command;
	const char *client;
	struct refusal_reason reasons[REFUSAL_REASONS];
	size_t count;
	size_t others; /* members that were refused for one reason more */
};

/* A refusal_function whose context is the printer. */
refusal_function print_refusal;

void end_refusals(struct refusal_printer *printer);

/*
 * The members of a reason: "member 3", "members 3, 9", "members 3 to 86 (84)" when there is none
 * between that is not among them, else "members 3, 9, 14 … (84)".
 */
enum { MEMBERS_TEXT_SIZE = 128 };
void format_refused(const struct refusal_reason *reason, char ret_text[static MEMBERS_TEXT_SIZE]);

#endif
