#ifndef CERTPOOL_BASE_FAULT_H
#define CERTPOOL_BASE_FAULT_H

#include "common/base/cleanup.h"

/*
 * The reason for a failure. Every function that can fail takes one record as its last parameter;
 * the function that fails first fills it and returns -1. A caller may put context before the text,
 * and never replaces it. The text says what failed, where, what was expected and what was found, in
 * one line without a final full stop; it holds no secret and no control character.
 *
 * Where validity is the question, "invalid" is an answer (struct verdict), not a fault.
 */

/* The kind of failure. Two tables translate it: exit_status (tools) and http_status (net). */
enum fault_class {
	FAULT_NONE,
	FAULT_FAILED,        /* this process failed: disk, memory, a library */
	FAULT_USAGE,         /* the command line or the manifest is wrong */
	FAULT_MALFORMED,     /* input that does not have its format */
	FAULT_TOO_LARGE,     /* input over its limit */
	FAULT_UNDECRYPTABLE, /* no JWE under a shared key; clients always get the same answer */
	FAULT_UNVERIFIED,    /* a signature or a chain does not verify */
	FAULT_NOT_FOUND,
	FAULT_PARTIAL, /* part of a batch failed, the rest succeeded */
	FAULT_REFUSED, /* denied by policy or authentication */
	FAULT_BUSY,    /* a bound on pending work is reached: retry later */
	FAULT_UNREACHABLE,
	FAULT_INTERRUPTED, /* the database ended a transaction, which may have been committed: the
			      same again has the same outcome once */
};

enum { FAULT_TEXT_SIZE = 1024 };

struct fault {
	enum fault_class class;
	char text[FAULT_TEXT_SIZE];
};

/*
 * Fills *fault, unless it already holds a fault (the first is the most specific). A text that does
 * not fit is cut; control characters are replaced by '?'. fault may be NULL.
 * Returns -1, so that a caller can `return set_fault(…)`.
 */
int set_fault(struct fault *fault, enum fault_class class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The same, with ": " and the text of the current errno at the end. The class is FAULT_NOT_FOUND
 * for ENOENT, else FAULT_FAILED.
 */
int set_errno_fault(struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Out of memory: the same text everywhere. */
int set_memory_fault(struct fault *fault);

/* Puts the text and ": " before the text that *fault holds, unless that is empty. Returns -1. */
int prefix_fault(struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Copies a callee's fault, which the caller has examined, to *fault. Returns -1.
 * pass_failure copies only a failure of this process itself (FAULT_FAILED) and returns 0 for any
 * other class: then the input is wrong, and the caller makes a refusal or a verdict of the text.
 */
int pass_fault(const struct fault *failure, struct fault *fault);
int pass_failure(const struct fault *failure, struct fault *fault) MUST_CHECK;

/*
 * Replaces the octets of every control character of the string by '?', in place: C0, DEL, and C1
 * (0x80 to 0x9f), which terminals take for the beginning of a control sequence, as UTF-8 has them
 * and as octets that belong to no UTF-8 sequence.
 */
void mask_control_characters(char *text);

/*
 * A number and the words that go with it, for any message: "1 entry", "3 entries". Shape: fits
 * COUNTED_SIZE. The text lives as long as the expression that the call is in.
 */
enum { COUNTED_SIZE = 96 };
struct counted {
	char text[COUNTED_SIZE];
};
/* The first text for one, the second for any other number. */
const char *by_count(unsigned long long count, const char *one, const char *many);
struct counted counted(unsigned long long count, const char *one, const char *many);

#endif
