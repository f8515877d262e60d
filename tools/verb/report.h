#ifndef CERTPOOL_TOOLS_VERB_REPORT_H
#define CERTPOOL_TOOLS_VERB_REPORT_H

#include "tools/command.h"

#include <stddef.h>
#include <stdint.h>

/* What a batch did, as a table, or a JSON object a line. */

enum { FIGURES_MAX = 3 };

struct figure {
	const char *name; /* NULL: there is none */
	size_t value;
};

/* One part of a step. */
struct report_row {
	size_t step; /* from 1 */
	int line;    /* in the manifest */
	const char *verb;
	char what[256]; /* whom it concerned */
	struct figure figures[FIGURES_MAX];
	int64_t duration_ms;
	struct fault fault; /* of a part that failed */
};

struct report {
	struct report_row *rows;
	size_t count;
	size_t failed;
};

/* Zeroed, to be filled; NULL when there is no memory. Stands until the next is added. */
struct report_row *add_row(struct report *report, struct fault *fault);
int print_report(const struct command *command, const struct report *report,
		 struct fault *fault) MUST_CHECK;
void clear_report(struct report *report);

#endif
