#ifndef CERTPOOL_NET_CLIENT_LIBCURL_H
#define CERTPOOL_NET_CLIENT_LIBCURL_H

#include "common/base/fault.h"

#include <curl/curl.h>

/*
 * The functions of libcurl that the clients call. libcurl is loaded at the first request over HTTP,
 * and not linked: Debian's brings OpenSSL's libcrypto, Kerberos and LDAP with it, which a CA must
 * not have in its process, and which take half of the time in which a short command runs. Without
 * curl.h's macros nothing checks the type of an option's value: a number is a long.
 */
struct libcurl {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *curl);
	CURLcode (*easy_setopt)(CURL *curl, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *curl, CURLINFO info, ...);
	CURLcode (*easy_perform)(CURL *curl);
	const char *(*easy_strerror)(CURLcode code);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *multi);
	CURLMcode (*multi_add_handle)(CURLM *multi, CURL *curl);
	CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *curl);
	CURLMcode (*multi_perform)(CURLM *multi, int *ret_running);
	CURLMcode (*multi_poll)(CURLM *multi, struct curl_waitfd extra[], unsigned int count,
				int timeout_ms, int *ret_count);
	CURLMcode (*multi_wakeup)(CURLM *multi);
	CURLMsg *(*multi_info_read)(CURLM *multi, int *ret_left);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
	void (*slist_free_all)(struct curl_slist *list);
};

/*
 * Loads the library at the first call, in any thread, and initialises it. A process that gives up
 * files (sandbox.h) calls this before. Owns: nothing.
 * Errors: FAULT_FAILED, which names the package.
 */
int load_libcurl(const struct libcurl **ret_libcurl, struct fault *fault) MUST_CHECK;

#endif
