#include "common/base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void mask_control_characters(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

__attribute__((format(printf, 3, 0))) static void fill(struct fault *fault, enum fault_class class,
						       const char *format, va_list arguments)
{
	fault->class = class;
	(void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	mask_control_characters(fault->text);
}

int set_fault(struct fault *fault, enum fault_class class, const char *format, ...)
{
	va_list arguments;

	if (fault == NULL || fault->class != FAULT_NONE)
		return -1;
	va_start(arguments, format);
	fill(fault, class, format, arguments);
	va_end(arguments);
	return -1;
}

int set_errno_fault(struct fault *fault, const char *format, ...)
{
	int number = errno;
	char reason[128];
	va_list arguments;
	size_t len;

	if (fault == NULL || fault->class != FAULT_NONE)
		return -1;
	va_start(arguments, format);
	fill(fault, number == ENOENT ? FAULT_NOT_FOUND : FAULT_FAILED, format, arguments);
	va_end(arguments);
	len = strlen(fault->text);
	(void)snprintf(fault->text + len, sizeof(fault->text) - len, ": %s",
		       strerror_r(number, reason, sizeof(reason)));
	return -1;
}

int set_memory_fault(struct fault *fault)
{
	return set_fault(fault, FAULT_FAILED, "out of memory");
}

int prefix_fault(struct fault *fault, const char *format, ...)
{
	char joined[2 * FAULT_TEXT_SIZE];
	va_list arguments;
	size_t len;

	if (fault == NULL)
		return -1;
	va_start(arguments, format);
	(void)vsnprintf(joined, FAULT_TEXT_SIZE, format, arguments);
	va_end(arguments);
	len = strlen(joined);
	(void)snprintf(joined + len, sizeof(joined) - len, ": %s", fault->text);
	joined[FAULT_TEXT_SIZE - 1] = '\0';
	mask_control_characters(joined);
	memcpy(fault->text, joined, FAULT_TEXT_SIZE);
	return -1;
}

int pass_fault(const struct fault *failure, struct fault *fault)
{
	return set_fault(fault, failure->class, "%s", failure->text);
}

int pass_failure(const struct fault *failure, struct fault *fault)
{
	return failure->class == FAULT_FAILED ? pass_fault(failure, fault) : 0;
}
