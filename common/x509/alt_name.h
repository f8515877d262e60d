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

/*
 * Adds a copy, an IP address in its canonical text (RFC 5952). FAULT_MALFORMED unless it is one of
 * the four kinds, well formed, in ASCII, without NUL, control characters and spaces:
 * DNS: labels of letters, digits, '-' and '_', the first of which may be "*" (RFC 1034
 * section 3.5); URI: a scheme, ":" and more (RFC 3986); email: local part and host (RFC 5321
 * section 4.1.2, without quoted strings); IP: an IPv4 or IPv6 address.
 */
int add_alt_name(struct alt_names *names, const char *name, struct fault *fault) MUST_CHECK;
void clear_alt_names(struct alt_names *names);

/*
 * Reads the DER of GeneralNames, which must hold at least one name. FAULT_MALFORMED, also for kinds
 * that we do not have. ret_names must be empty.
 */
int parse_alt_names(struct bytes der, struct alt_names *ret_names, struct fault *fault) MUST_CHECK;

/* Appends the DER of GeneralNames. */
void append_alt_names(struct buffer *buffer, const struct alt_names *names);

#endif
