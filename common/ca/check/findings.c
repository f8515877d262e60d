#include "common/ca/check/findings.h"

#include <stdarg.h>
#include <stdio.h>

int report_finding(struct check_context *context, const char *where, const char *advice,
		   struct fault *fault, const char *format, ...)
{
	CLEANUP(free_string) char *text = NULL;
	struct finding finding = {.where = where, .advice = advice};
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (len < 0) {
		text = NULL;
		return set_memory_fault(fault);
	}
	finding.text = text;
	context->summary.findings++;
	return context->options->function(context->options->context, &finding, fault);
}

int report_warning(struct check_context *context, const char *where, const char *text,
		   struct fault *fault)
{
	const struct finding finding = {.warning = true, .where = where, .text = text};

	return context->options->function(context->options->context, &finding, fault);
}

const struct certificate *find_checked_issuer(const struct check_context *context,
					      unsigned int number)
{
	return number >= 1 && number <= context->issuer_count ? context->issuers[number - 1] : NULL;
}
