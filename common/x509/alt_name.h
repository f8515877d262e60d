#ifndef CERTPOOL_X509_ALT_NAME_H
#define CERTPOOL_X509_ALT_NAME_H

#include "common/base/bytes.h"

/*
 * Alternative names (RFC 5280 section 4.2.1.6) as text: "DNS:…", "URI:…", "email:…", "IP:…", as
 * openssl writes them. A set is an array of such strings. Other kinds of name are refused.
 */
struct alt_names {
	char **names;
	size_t count;
};

enum { ALT_NAME_MAX = 512 };

/* Adds a copy. FAULT_MALFORMED unless it is one of the four kinds, well formed, without NUL and
   control characters, in ASCII. */
int add_alt_name(struct alt_names *names, const char *name, struct fault *fault) MUST_CHECK;
void clear_alt_names(struct alt_names *names);

#endif
