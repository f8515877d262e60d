#include "tests/unit/net/client/failing_curl.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>

/* In C, curl.h defines it as a macro that checks types. */
#undef curl_easy_setopt

CURLoption failing_option;

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	CURLcode (*next)(CURL *, CURLoption, ...) = NULL;
	void *symbol = dlsym(RTLD_NEXT, "curl_easy_setopt");
	void *pointer;
	long number;
	curl_off_t size;
	CURLcode code;
	va_list arguments;

	if (option == failing_option)
		return CURLE_OUT_OF_MEMORY;
	memcpy(&next, &symbol, sizeof(symbol));
	va_start(arguments, option);
	if ((int)option < CURLOPTTYPE_OBJECTPOINT) {
		number = va_arg(arguments, long);
		code = next(curl, option, number);
	} else if ((int)option < CURLOPTTYPE_OFF_T) {
		pointer = va_arg(arguments, void *);
		code = next(curl, option, pointer);
	} else {
		size = va_arg(arguments, curl_off_t);
		code = next(curl, option, size);
	}
	va_end(arguments);
	return code;
}
