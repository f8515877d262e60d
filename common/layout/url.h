#ifndef CERTPOOL_LAYOUT_URL_H
#define CERTPOOL_LAYOUT_URL_H

#include "common/base/fault.h"

#include <stdbool.h>

/* URLs of the manifest that somebody else will open: looked at as text alone. */

enum { URL_MAX = 512, KEY_URL_MAX = 1024 };

/*
 * Where others fetch something, as it is written into certificates: http:// or https://, a host,
 * URI characters only (RFC 3986 section 2), at most URL_MAX octets. Errors: FAULT_USAGE.
 */
int check_web_url(const char *text, struct fault *fault) MUST_CHECK;

/* Whether the text is meant as the URL of a key in a PKCS#11 token, rightly or wrongly written. */
bool is_key_url(const char *text);

/*
 * The URL of a private key in a PKCS#11 token (RFC 7512): pkcs11:, and object= or id= among its
 * attributes, so that it names one key; at most KEY_URL_MAX octets. Refused: the PIN, or where it
 * would come from, in it (pin-value, pin-source).
 * Errors: FAULT_USAGE, which never quotes the URL: a PIN may be in it.
 */
int check_key_url(const char *text, struct fault *fault) MUST_CHECK;

#endif
