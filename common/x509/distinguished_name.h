#ifndef CERTPOOL_X509_DISTINGUISHED_NAME_H
#define CERTPOOL_X509_DISTINGUISHED_NAME_H

#include "common/base/bytes.h"
#include "common/base/verdict.h"

/*
 * Names of subjects and issuers, as DER (RFC 5280 section 4.1.2.4) and as text (RFC 4514). GnuTLS
 * parses the text and knows the short names of attribute types; text is written here, for
 * certificates and requests by the thousand.
 */

/* Whether the Name has no component. Shape: strict DER. */
bool empty_name(struct bytes name);

/*
 * Checks a Name in strict DER: no relative name is empty; every value is a character string of a
 * type that may still be written (PrintableString and UTF8String; IA5String where the attribute
 * asks for it), not empty, within its upper bound (RFC 5280 appendix A.1), and without control
 * characters, NUL and characters that override the direction of writing. An empty Name passes.
 * Reasons begin with `where`.
 */
void check_name(struct bytes name, const char *where, struct verdict *verdict);

/* The values of commonName (X.520) in a Name of strict DER, borrowed. Returns how many there are;
   the first `most` of them are in ret_values. */
size_t find_common_names(struct bytes name, struct bytes *ret_values, size_t most);

/*
 * Rewrites a name's text (RFC 4514) in the form that csr_subject and certificate_subject have: no
 * spaces around ',' and '=', attribute types in capitals. Texts that people write can be compared
 * only in one form. Braces are ordinary characters, so that a template can be rewritten too.
 * Owns: the caller frees *ret_text.
 * Errors: FAULT_MALFORMED for a text that is not a name, or is empty.
 */
int rewrite_subject(const char *text, char **ret_text, struct fault *fault) MUST_CHECK;

/* Appends the DER of a Name from its text (RFC 4514).
   Errors: FAULT_MALFORMED for a text that is not a name. */
int append_name(struct buffer *buffer, const char *text, struct fault *fault) MUST_CHECK;

/*
 * The text (RFC 4514) of a Name in DER; "" for the empty one. '?' replaces every
 * character that could deceive the reader (deceptive_character). A value is written in hexadecimal
 * (section 2.4) if it is not a PrintableString, UTF8String or IA5String, or if its attribute type
 * has no name.
 * Owns: the caller frees *ret_text.
 * Errors: FAULT_MALFORMED for octets that are not a Name, or a Name of more than 128 relative
 * names.
 */
int format_name(struct bytes name, char **ret_text, struct fault *fault) MUST_CHECK;

#endif
