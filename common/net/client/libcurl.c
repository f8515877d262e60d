#include "common/net/client/libcurl.h"

#include "common/base/library/library.h"

#include <pthread.h>
#include <stddef.h>

static const struct library_function functions[] = {
	{"curl_global_init", offsetof(struct libcurl, global_init)},
	{"curl_easy_init", offsetof(struct libcurl, easy_init)},
	{"curl_easy_cleanup", offsetof(struct libcurl, easy_cleanup)},
	{"curl_easy_setopt", offsetof(struct libcurl, easy_setopt)},
	{"curl_easy_getinfo", offsetof(struct libcurl, easy_getinfo)},
	{"curl_easy_perform", offsetof(struct libcurl, easy_perform)},
	{"curl_easy_strerror", offsetof(struct libcurl, easy_strerror)},
	{"curl_multi_init", offsetof(struct libcurl, multi_init)},
	{"curl_multi_cleanup", offsetof(struct libcurl, multi_cleanup)},
	{"curl_multi_add_handle", offsetof(struct libcurl, multi_add_handle)},
	{"curl_multi_remove_handle", offsetof(struct libcurl, multi_remove_handle)},
	{"curl_multi_perform", offsetof(struct libcurl, multi_perform)},
	{"curl_multi_poll", offsetof(struct libcurl, multi_poll)},
	{"curl_multi_wakeup", offsetof(struct libcurl, multi_wakeup)},
	{"curl_multi_info_read", offsetof(struct libcurl, multi_info_read)},
	{"curl_slist_append", offsetof(struct libcurl, slist_append)},
	{"curl_slist_free_all", offsetof(struct libcurl, slist_free_all)},
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct libcurl loaded;
static struct fault failure;

static void load(void)
{
	static const struct library library = {
		.needed_by = "a request over HTTP",
		.file = "libcurl-gnutls.so.4",
		.package = "libcurl3-gnutls",
		.since = "7.85",
		.functions = functions,
		.count = COUNT_OF(functions),
	};
	CURLcode code;

	if (load_library(&library, &loaded, &failure) < 0)
		return;
	code = loaded.global_init(CURL_GLOBAL_DEFAULT);
	if (code != CURLE_OK)
		(void)set_fault(&failure, FAULT_FAILED, "libcurl cannot be initialised: %s",
				loaded.easy_strerror(code));
}

int load_libcurl(const struct libcurl **ret_libcurl, struct fault *fault)
{
	(void)pthread_once(&once, load);
	if (failure.class != FAULT_NONE)
		return pass_fault(&failure, fault);
	*ret_libcurl = &loaded;
	return 0;
}
