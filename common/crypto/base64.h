#ifndef CERTPOOL_CRYPTO_BASE64_H
#define CERTPOOL_CRYPTO_BASE64_H

#include "common/base/bytes.h"

/*
 * base64 in its two alphabets. The decoders accept exactly the texts that the encoders write: no
 * white space, no other alphabet, no missing or superfluous padding, no non-zero trailing bits.
 * Errors of decoding: FAULT_MALFORMED, which quotes nothing of the text.
 */

/* base64url without padding (RFC 4648 section 5, RFC 7515 section 2). */
void append_base64url(struct buffer *buffer, struct bytes data);
int decode_base64url(struct bytes text, struct buffer *ret_data, struct fault *fault) MUST_CHECK;

/* base64 with padding (RFC 4648 section 4), as in x5c and PEM. */
void append_base64(struct buffer *buffer, struct bytes data);
int decode_base64(struct bytes text, struct buffer *ret_data, struct fault *fault) MUST_CHECK;

/* Decodes base64url into a secret. */
int decode_base64url_secret(struct bytes text, struct secret *ret_data,
			    struct fault *fault) MUST_CHECK;

#endif
