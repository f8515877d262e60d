#include "common/base/verdict.h"

#include "common/base/fault.h"

#include <stdarg.h>
#include <stdio.h>

void reject_because(struct verdict *verdict, const char *format, ...)
{
	va_list arguments;

	if (verdict->invalid)
		return;
	verdict->invalid = true;
	va_start(arguments, format);
	(void)vsnprintf(verdict->reason, sizeof(verdict->reason), format, arguments);
	va_end(arguments);
	mask_control_characters(verdict->reason);
}
