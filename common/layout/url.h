#ifndef CERTPOOL_LAYOUT_URL_H
#define CERTPOOL_LAYOUT_URL_H

#include "common/base/fault.h"

#include <stdbool.h>

/* Syntax checks of the manifest's URLs, which other programs will open. */

enum { URL_MAX = 512, KEY_URL_MAX = 1024 };

/*
 * A URL in certificates, of a CRL or an OCSP responder: http:// or https://, a host,
 * URI characters only (RFC 3986 section 2), at most URL_MAX octets. Errors: FAULT_USAGE.
 */
int check_web_url(const char *text, struct fault *fault) MUST_CHECK;

/* True if the text has the scheme of a key in a PKCS#11 token, well-formed or not. */
bool is_key_url(const char *text);

/*
 * The URL of a private key in a PKCS#11 token (RFC 7512): pkcs11:, and object= or id= among its
 * attributes, so that it names one key; at most KEY_URL_MAX octets. Refused: pin-value and
 * pin-source.
 * Errors: FAULT_USAGE, whose text never quotes the URL, which may contain a PIN.
 */
int check_key_url(const char *text, struct fault *fault) MUST_CHECK;

#endif
