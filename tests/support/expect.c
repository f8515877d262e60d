#include "tests/support/expect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { REASON_SIZE = 3 * FAULT_TEXT_SIZE, CONTEXT_SIZE = FAULT_TEXT_SIZE };

static _Thread_local struct fault last;
static _Thread_local char reason[REASON_SIZE];
static _Thread_local char description[REASON_SIZE + CONTEXT_SIZE];

static const char *name_class(enum fault_class class)
{
	static const char *const names[] = {
		[FAULT_NONE] = "FAULT_NONE",
		[FAULT_FAILED] = "FAULT_FAILED",
		[FAULT_USAGE] = "FAULT_USAGE",
		[FAULT_MALFORMED] = "FAULT_MALFORMED",
		[FAULT_TOO_LARGE] = "FAULT_TOO_LARGE",
		[FAULT_UNDECRYPTABLE] = "FAULT_UNDECRYPTABLE",
		[FAULT_UNVERIFIED] = "FAULT_UNVERIFIED",
		[FAULT_NOT_FOUND] = "FAULT_NOT_FOUND",
		[FAULT_PARTIAL] = "FAULT_PARTIAL",
		[FAULT_REFUSED] = "FAULT_REFUSED",
		[FAULT_BUSY] = "FAULT_BUSY",
		[FAULT_UNREACHABLE] = "FAULT_UNREACHABLE",
	};

	return class < sizeof(names) / sizeof(names[0]) ? names[class] : "a class without a name";
}

void note_failure(int status, const struct fault *fault)
{
	(void)snprintf(reason, sizeof(reason), "expected 0, found %d: %s: \"%s\"", status,
		       name_class(fault->class), fault->text);
}

static bool check_refusal(int status, const struct fault *fault, enum fault_class class,
			  const char *text, bool good)
{
	last = *fault;
	if (status == -1 && fault->class != FAULT_NONE && fault->text[0] != '\0' &&
	    (class == ANY_CLASS || fault->class == class) && good)
		return true;
	(void)snprintf(reason, sizeof(reason), "expected -1: %s: \"%s\", found %d: %s: \"%s\"",
		       class == ANY_CLASS ? "any class" : name_class(class), text, status,
		       name_class(last.class), last.text);
	return false;
}

bool was_refused(int status, const struct fault *fault, enum fault_class class, const char *part)
{
	bool good = part == NULL || strstr(fault->text, part) != NULL;

	return check_refusal(status, fault, class, part != NULL ? part : "", good);
}

bool was_refused_as(int status, const struct fault *fault, enum fault_class class, const char *text)
{
	return check_refusal(status, fault, class, text, strcmp(fault->text, text) == 0);
}

bool has_said(const char *part, bool wanted)
{
	(void)snprintf(reason, sizeof(reason), "expected %s\"%s\" in \"%s\"", wanted ? "" : "no ",
		       part, last.text);
	return (strstr(last.text, part) != NULL) == wanted;
}

const struct fault *last_refusal(void)
{
	return &last;
}

const char *describe_failure(const char *format, ...)
{
	char context[CONTEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(context, sizeof(context), format, arguments);
	va_end(arguments);
	(void)snprintf(description, sizeof(description), "%s%s%s", context + 1,
		       context[1] != '\0' ? ": " : "", reason);
	return description;
}
