#ifndef CERTPOOL_X509_PEM_H
#define CERTPOOL_X509_PEM_H

#include "common/base/bytes.h"

/*
 * PEM (RFC 7468) of one object. Read strictly: exactly one block, white space around it and nothing
 * else; in it base64 lines of any length that end with LF or CR LF; no headers.
 */

/*
 * The octets inside. `label` as in -----BEGIN label-----; `other_label`, which may be NULL, is
 * taken as well.
 */
int unwrap_pem(struct bytes pem, const char *label, const char *other_label, size_t max,
	       struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/* Lines of 64 characters, LF at the end of each. */
int format_pem(struct bytes der, const char *label, struct buffer *ret_pem,
	       struct fault *fault) MUST_CHECK;

#endif
