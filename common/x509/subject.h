#ifndef CERTPOOL_X509_SUBJECT_H
#define CERTPOOL_X509_SUBJECT_H

#include "common/base/fault.h"

/*
 * A name's text (RFC 4514) as csr_subject and certificate_subject write it: no spaces around ','
 * and '=', attribute types in capitals. People write it otherwise too, and what they wrote could
 * not be compared. Braces are characters like others, so a template can be given as well.
 * Owns: the caller frees *ret_text.
 * Errors: FAULT_MALFORMED for what is no name.
 */
int rewrite_subject(const char *text, char **ret_text, struct fault *fault) MUST_CHECK;

#endif
