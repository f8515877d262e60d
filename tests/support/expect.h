#ifndef CERTPOOL_TESTS_SUPPORT_EXPECT_H
#define CERTPOOL_TESTS_SUPPORT_EXPECT_H

#include "common/base/fault.h"

#include <criterion/criterion.h>
#include <stdbool.h>

/*
 * How a test calls a function that can fail. The macros declare an empty `struct fault fault` for
 * the call, so that the test declares none:
 *
 *     OK(open_store(path, &store, &fault));
 *     REFUSED(open_layout("none", &layout, &fault), FAULT_NOT_FOUND, "none: No such file");
 *     SAID("run certpool init");
 *
 * OK ends the test if the call does not return 0, and prints the text of the fault.
 *
 * REFUSED expects -1, the class (ANY_CLASS where it differs from row to row), a text, and the part
 * in the text (NULL for any text). If one of these is missing, the test fails and goes on, so that
 * every row of a table is tried. REFUSED_AS expects the whole text instead of a part.
 *
 * SAID and NOT_SAID look again at the text of the last refusal: for a second part, or for a secret
 * that must not be in it. last_refusal() answers every other question.
 *
 * A context may follow, as in Criterion's macros: OK(call, "row %zu", i). It is evaluated only when
 * it is printed; the call is evaluated once.
 *
 * A function that has a variable or a parameter called fault cannot use them: -Wshadow says so.
 */

#define OK(...)                                                                                    \
	EXPECT(cr_assert, CR_VA_HEAD(__VA_ARGS__), is_ok(expect_status, &fault),                   \
	       " " CR_VA_TAIL(__VA_ARGS__))

#define REFUSED(call, class, ...)                                                                  \
	EXPECT(cr_expect, call,                                                                    \
	       was_refused(expect_status, &fault, class, CR_VA_HEAD(__VA_ARGS__)),                 \
	       " " CR_VA_TAIL(__VA_ARGS__))

#define REFUSED_AS(call, class, ...)                                                               \
	EXPECT(cr_expect, call,                                                                    \
	       was_refused_as(expect_status, &fault, class, CR_VA_HEAD(__VA_ARGS__)),              \
	       " " CR_VA_TAIL(__VA_ARGS__))

#define SAID(part) cr_expect(has_said(part, true), "%s", describe_failure(" "))
#define NOT_SAID(part) cr_expect(has_said(part, false), "%s", describe_failure(" "))

#define ANY_CLASS FAULT_NONE

/* Of this thread, until its next REFUSED. */
const struct fault *last_refusal(void);

/* What follows is for the macros alone. */

#define EXPECT(check, call, condition, ...)                                                        \
	do {                                                                                       \
		struct fault fault = {0};                                                          \
		const int expect_status = (call);                                                  \
                                                                                                   \
		check(condition, "%s", describe_failure(__VA_ARGS__));                             \
	} while (0)

void note_failure(int status, const struct fault *fault);

/* Inline: clang-tidy, which sees one file at a time, then knows that the call succeeded. */
static inline bool is_ok(int status, const struct fault *fault)
{
	if (status != 0)
		note_failure(status, fault);
	return status == 0;
}

bool was_refused(int status, const struct fault *fault, enum fault_class class, const char *part);
bool was_refused_as(int status, const struct fault *fault, enum fault_class class,
		    const char *text);
bool has_said(const char *part, bool wanted);

/* Why the last of these was false, after the context. Valid until the thread's next call. */
const char *describe_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
