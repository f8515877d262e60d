#ifndef CERTPOOL_X509_REVOCATION_OCSP_EXTENSION_H
#define CERTPOOL_X509_REVOCATION_OCSP_EXTENSION_H

#include "common/base/bytes.h"

/* The extensions of OCSP requests and responses, of which we know one (RFC 6960 section 4.4). */

enum { OCSP_NONCE_MAX = 32 }; /* RFC 8954 section 2.1; at least 1 */

/*
 * Reads the contents of an Extensions, strict DER, and finds the nonce: empty when there is none.
 * NULL, or what is wrong: a critical extension that is not known, two nonces, a nonce that is
 * empty or longer than OCSP_NONCE_MAX.
 */
const char *read_ocsp_extensions(struct bytes extensions, struct bytes *ret_nonce);

/*
 * Takes Extensions under an explicit tag off *rest, when they are there, as above. ret_nonce may be
 * NULL where a nonce has no place.
 */
const char *take_ocsp_extensions(struct bytes *rest, uint8_t tag, struct bytes *ret_nonce);

/* Appends Extensions with the nonce alone, under the explicit tag; nothing for an empty one. */
void append_ocsp_nonce(struct buffer *buffer, uint8_t tag, struct bytes nonce);

#endif
