#include "tests/unit/net/client/failing_curl.h"

#include "common/net/client/libcurl.h"

#include <pthread.h>
#include <stdarg.h>

CURLoption failing_option;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct libcurl wrapped;
static CURLcode (*next)(CURL *curl, CURLoption option, ...);

/* The names that the linker's --wrap gives. */
int load_real(const struct libcurl **ret_libcurl,
	      struct fault *fault) __asm__("__real_load_libcurl");
int load_failing(const struct libcurl **ret_libcurl,
		 struct fault *fault) __asm__("__wrap_load_libcurl");

static CURLcode set_or_fail(CURL *curl, CURLoption option, ...)
{
	void *pointer;
	long number;
	curl_off_t size;
	CURLcode code;
	va_list arguments;

	if (option == failing_option)
		return CURLE_OUT_OF_MEMORY;
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

int load_failing(const struct libcurl **ret_libcurl, struct fault *fault)
{
	const struct libcurl *libcurl;

	if (load_real(&libcurl, fault) < 0)
		return -1;
	pthread_mutex_lock(&lock);
	if (next == NULL) {
		wrapped = *libcurl;
		next = libcurl->easy_setopt;
		wrapped.easy_setopt = set_or_fail;
	}
	pthread_mutex_unlock(&lock);
	*ret_libcurl = &wrapped;
	return 0;
}
