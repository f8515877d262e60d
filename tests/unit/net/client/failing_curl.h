#ifndef CERTPOOL_TESTS_UNIT_NET_CLIENT_FAILING_CURL_H
#define CERTPOOL_TESTS_UNIT_NET_CLIENT_FAILING_CURL_H

#include <curl/curl.h>

/*
 * The option that curl_easy_setopt refuses in this test program, with CURLE_OUT_OF_MEMORY; 0: none.
 * failing_curl.c replaces the function, and calls libcurl's for all other options.
 */
extern CURLoption failing_option;

#endif
