#ifndef CERTPOOL_TESTS_UNIT_NET_CLIENT_FAILING_CURL_H
#define CERTPOOL_TESTS_UNIT_NET_CLIENT_FAILING_CURL_H

#include <curl/curl.h>

/*
 * The option that libcurl refuses in this test program, with CURLE_OUT_OF_MEMORY; 0: none. The
 * program is linked with failing_curl.c's load_libcurl around that of libcurl.c (the Makefile).
 */
extern CURLoption failing_option;

#endif
