#ifndef CERTPOOL_CRYPTO_EC_KEY_H
#define CERTPOOL_CRYPTO_EC_KEY_H

#include "common/base/bytes.h"
#include "common/base/key_type.h"

#include <gnutls/abstract.h>

/* For key.c: ECDSA key pairs, where Nettle is faster than GnuTLS and we are stricter. */

/* Whether the type is KEY_ECDSA_P256 or KEY_ECDSA_P384, which the functions below are for. */
bool is_ec_key_type(enum key_type type);

/*
 * Makes a key pair: a scalar from the kernel, one multiplication by Nettle (gnutls_privkey_generate
 * multiplies twice). handle is initialised and empty.
 */
int generate_ec_key(enum key_type type, gnutls_privkey_t handle, struct fault *fault) MUST_CHECK;

/*
 * PKCS#8 DER (RFC 5958) in which the scalar has the length that RFC 5915 section 3 asks for. GnuTLS
 * writes the scalar as an INTEGER's octets, 33 of them half the time for P-256, which strict
 * readers refuse.
 */
int format_ec_key(enum key_type type, gnutls_privkey_t handle, struct secret *ret_der,
		  struct fault *fault) MUST_CHECK;

#endif
