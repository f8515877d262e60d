#ifndef CERTPOOL_X509_SUBJECT_H
#define CERTPOOL_X509_SUBJECT_H

#include "common/base/bytes.h"

/* Names between text (RFC 4514) and DER (RFC 5280 section 4.1.2.4), by GnuTLS. */

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
 * The text of a Name in DER; "" for the empty one. Characters that deceive are '?'.
 * Owns: the caller frees *ret_text.
 * Errors: FAULT_MALFORMED for a name that has no text.
 */
int format_name(struct bytes name, char **ret_text, struct fault *fault) MUST_CHECK;

#endif
