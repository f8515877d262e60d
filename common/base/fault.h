#ifndef CERTPOOL_BASE_FAULT_H
#define CERTPOOL_BASE_FAULT_H

#include "common/base/cleanup.h"

/*
 * Why something could not be done. One record is passed last to every function that can fail;
 * whoever fails first fills it and returns -1. Callers may put context before the text, and never
 * replace it. The text says what, where, what was expected and what was found, in one line without
 * a final full stop; it holds no secret and no control character.
 *
 * A fault does not say that something is invalid where validity is the question: that is an answer
 * (struct verdict), not a fault.
 */

/* What kind of failure; two tables turn it outward: exit_status (tools), http_status (net). */
enum fault_class {
	FAULT_NONE,
	FAULT_FAILED,        /* the machine said no: disk, memory, a library */
	FAULT_USAGE,         /* the command line or the manifest is wrong */
	FAULT_MALFORMED,     /* input that does not have its format */
	FAULT_TOO_LARGE,     /* input over its limit */
	FAULT_UNDECRYPTABLE, /* not a JWE under a key that we share; outward always one answer */
	FAULT_UNVERIFIED,    /* what was to be proved was disproved */
	FAULT_NOT_FOUND,
	FAULT_PARTIAL, /* part of a batch failed, the rest is done */
	FAULT_REFUSED, /* by policy or authentication */
	FAULT_BUSY,    /* a bound on pending work is reached; try again */
	FAULT_UNREACHABLE,
};

enum { FAULT_TEXT_SIZE = 1024 };

struct fault {
	enum fault_class class;
	char text[FAULT_TEXT_SIZE];
};

/*
 * Fills *fault, unless it already holds a fault (the first is the most specific). Text that does
 * not fit is cut; control characters in it are replaced by '?'. fault may be NULL.
 * Returns -1, so that a caller can `return set_fault(…)`.
 */
int set_fault(struct fault *fault, enum fault_class class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text for the current errno at the end. */
int set_errno_fault(struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Out of memory: the same text everywhere. */
int set_memory_fault(struct fault *fault);

/* Puts the text and ": " before the text that *fault holds. Returns -1. */
int prefix_fault(struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Passes a fault on that a callee filled for us to look at. Returns -1.
 * pass_failure passes on only a failure of this process itself (FAULT_FAILED) and returns 0 for any
 * other class: the input is at fault then, and the caller makes a refusal or a verdict of the text.
 */
int pass_fault(const struct fault *found, struct fault *fault);
int pass_failure(const struct fault *found, struct fault *fault) MUST_CHECK;

/* Replaces every ASCII control character of the string by '?', in place. */
void mask_control_characters(char *text);

#endif
