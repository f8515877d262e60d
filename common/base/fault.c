#include "common/base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The length of the well-formed UTF-8 sequence of two to four octets that begins there (RFC 3629
   section 4), 0 when none does. */
static size_t measure_sequence(const unsigned char *text)
{
	size_t len = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;
	unsigned char low = *text == 0xe0 ? 0xa0 : *text == 0xf0 ? 0x90 : 0x80;
	unsigned char high = *text == 0xed ? 0x9f : *text == 0xf4 ? 0x8f : 0xbf;

	if (*text < 0xc2 || *text > 0xf4 || text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	return len;
}

void mask_control_characters(char *text)
{
	unsigned char *c = (unsigned char *)text;

	while (*c != '\0') {
		size_t len = measure_sequence(c);

		/* U+0080 to U+009F, the C1 set, are 0xc2 and the octet with their number. */
		if (len == 0 && (*c < 0x20 || (*c >= 0x7f && *c <= 0x9f)))
			*c = '?';
		else if (*c == 0xc2 && len == 2 && c[1] <= 0x9f)
			c[0] = c[1] = '?';
		c += len > 0 ? len : 1;
	}
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

	if (fault == NULL || fault->text[0] == '\0')
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

const char *by_count(unsigned long long count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

struct counted counted(unsigned long long count, const char *one, const char *many)
{
	struct counted result;

	(void)snprintf(result.text, sizeof(result.text), "%llu %s", count,
		       by_count(count, one, many));
	return result;
}
