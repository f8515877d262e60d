#ifndef CERTPOOL_X509_DISTINGUISHED_NAME_H
#define CERTPOOL_X509_DISTINGUISHED_NAME_H

#include "common/base/bytes.h"
#include "common/base/verdict.h"

/* Names of subjects and issuers (RFC 5280 section 4.1.2.4). */

/* True when the DER of a Name has no component. */
bool empty_name(struct bytes name);

/*
 * What a Name in strict DER must be: relative names that are not empty; every value a character
 * string of the types that may still be written (PrintableString and UTF8String; IA5String where
 * the attribute asks for it), not empty, within its upper bound (RFC 5280 appendix A.1), without
 * control characters, NUL among them, and without those that override the direction of writing.
 * An empty Name passes. Reasons begin with `where`.
 */
void check_name(struct bytes name, const char *where, struct verdict *verdict);

#endif
