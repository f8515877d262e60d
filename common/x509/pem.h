#ifndef CERTPOOL_X509_PEM_H
#define CERTPOOL_X509_PEM_H

#include "common/base/bytes.h"

/*
 * PEM (RFC 7468) of one object. The reader is strict: exactly one block, with only white space
 * around it; base64 lines of any length in it, each ending with LF or CR LF; no headers. A text
 * with several blocks is cut into them first.
 */

/*
 * The octets inside the block. The label is that of -----BEGIN label-----; a block with
 * `other_label`, which may be NULL, is accepted as well.
 * Errors: FAULT_MALFORMED; FAULT_TOO_LARGE for a text of more than `max` octets.
 */
int unwrap_pem(struct bytes pem, const char *label, const char *other_label, size_t max,
	       struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * Takes the first block off a text with several: everything up to its line -----END label-----, to
 * where the next block begins, or to the text's end if there is neither; and the white space after
 * it, so that *text is empty after the last block.
 */
struct bytes cut_pem(struct bytes *text, const char *label);

/* Writes lines of 64 characters, each ending with LF. */
int format_pem(struct bytes der, const char *label, struct buffer *ret_pem,
	       struct fault *fault) MUST_CHECK;

#endif
