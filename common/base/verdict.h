#ifndef CERTPOOL_BASE_VERDICT_H
#define CERTPOOL_BASE_VERDICT_H

#include <stdbool.h>

/*
 * The answer to "is this valid?". Zero-initialised is valid; the first check that fails makes the
 * verdict invalid and gives the reason, with the section of the standard if there is one. A later
 * reason does not replace an earlier one.
 */

enum { VERDICT_REASON_SIZE = 512 };

struct verdict {
	bool invalid;
	char reason[VERDICT_REASON_SIZE]; /* "" while valid; one line, no control characters */
};

/* Makes the verdict invalid, with the reason, unless it already is invalid. */
void reject_because(struct verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
