#ifndef CERTPOOL_TOOLS_REPORT_H
#define CERTPOOL_TOOLS_REPORT_H

#include "tools/command.h"

#include <stddef.h>
#include <stdint.h>

/* What a run of the batch did: printed as a table, or as JSON, an object a row. */

enum { FIGURES_MAX = 3 };

struct figure {
	const char *name; /* NULL: unused */
	size_t value;
};

/* A part of a step: one client of `enroll` or `renew`, or the whole of another step. */
struct report_row {
	size_t step; /* from 1 */
	int line;    /* in the manifest */
	const char *verb;
	char what[256]; /* the clients concerned */
	struct figure figures[FIGURES_MAX];
	int64_t duration_ms;
	struct fault fault; /* class FAULT_NONE: the part succeeded */
};

struct report {
	struct report_row *rows;
	size_t count;
	size_t failed;
};

/* A zeroed row for the caller to fill, valid until the next call; NULL when there is no memory. */
struct report_row *add_row(struct report *report, struct fault *fault);

/* Prints all rows on standard output. */
int print_report(const struct command *command, const struct report *report,
		 struct fault *fault) MUST_CHECK;
void clear_report(struct report *report);

#endif
