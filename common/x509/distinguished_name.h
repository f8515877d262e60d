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

/* Names between text (RFC 4514) and DER (RFC 5280 section 4.1.2.4). GnuTLS reads the text and knows
   the attributes' short names; certificates and requests by the thousand are written here. */

/*
 * A name's text (RFC 4514) as csr_subject and certificate_subject write it: no spaces around ','
 * and '=', attribute types in capitals. People write it otherwise too, and what they wrote could
 * not be compared. Braces are characters like others, so a template can be given as well.
 * Owns: the caller frees *ret_text.
 * Errors: FAULT_MALFORMED for what is no name.
 */
int rewrite_subject(const char *text, char **ret_text, struct fault *fault) MUST_CHECK;

/* Appends the DER of the Name. FAULT_MALFORMED for what is no name. */
int append_name(struct buffer *buffer, const char *text, struct fault *fault) MUST_CHECK;

/*
 * The text of a Name in DER; "" for the empty one. Characters that deceive are '?'; a value that is
 * no PrintableString, UTF8String or IA5String, or of a type without a name, is hex (RFC 4514
 * section 2.4).
 * Owns: the caller frees *ret_text.
 * Errors: FAULT_MALFORMED for what is no Name, and one of more than 128 relative names.
 */
int format_name(struct bytes name, char **ret_text, struct fault *fault) MUST_CHECK;

#endif
