#ifndef CERTPOOL_X509_ALT_NAME_H
#define CERTPOOL_X509_ALT_NAME_H

#include "common/base/bytes.h"

#include <stdbool.h>

/*
 * Alternative names (RFC 5280 section 4.2.1.6) as text: "DNS:…", "URI:…", "email:…", "IP:…", as
 * openssl writes them. The other kinds of GeneralName are refused. Zero-initialised is empty.
 */
struct alt_names {
	char **names;
	size_t count;
};

enum { ALT_NAME_MAX = 512 };

/*
 * Adds a copy of the name; of an IP address its canonical text (RFC 5952).
 * Shape: at most ALT_NAME_MAX characters of ASCII, without NUL, control characters and spaces.
 * DNS: labels of letters, digits, '-' and '_', the first of which may be "*" (RFC 1034
 * section 3.5), and the last of which is not a number (RFC 1123 section 2.1); URI: a scheme, ":"
 * and more (RFC 3986); email: local part and host (RFC 5321 section 4.1.2, without quoted strings);
 * IP: an IPv4 or IPv6 address. Errors: FAULT_MALFORMED for any other text.
 */
int add_alt_name(struct alt_names *names, const char *name, struct fault *fault) MUST_CHECK;
void clear_alt_names(struct alt_names *names);

/* Whether it is one of them, as text. */
bool has_alt_name(const struct alt_names *names, const char *name);

/*
 * Reads the DER of GeneralNames. ret_names must be empty.
 * Errors: FAULT_MALFORMED also for an empty sequence and for the other kinds of name.
 */
int parse_alt_names(struct bytes der, struct alt_names *ret_names, struct fault *fault) MUST_CHECK;

/* Appends the DER of GeneralNames. */
void append_alt_names(struct buffer *buffer, const struct alt_names *names);

#endif
