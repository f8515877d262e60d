#ifndef CERTPOOL_BASE_VERDICT_H
#define CERTPOOL_BASE_VERDICT_H

#include <stdbool.h>

/*
 * The answer to "is this valid?". It starts as valid; the first check that fails makes it invalid
 * and says why, with the section of the standard where there is one. A later reason does not
 * replace an earlier one.
 */

enum { VERDICT_REASON_SIZE = 512 };

struct verdict {
	bool invalid;
	char reason[VERDICT_REASON_SIZE]; /* "" while valid; one line, no control characters */
};

/* Makes the verdict invalid, with a reason, unless it already is. */
void reject_because(struct verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
