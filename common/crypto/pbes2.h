#ifndef CERTPOOL_CRYPTO_PBES2_H
#define CERTPOOL_CRYPTO_PBES2_H

#include "common/base/bytes.h"

/* For key.c: private keys under a passphrase (RFC 5958 section 3, RFC 8018 section 6.2). */

enum { PASSPHRASE_MAX = 1024 };

/*
 * The passphrase as it goes into the key derivation: UTF-8 in one spelling (RFC 8265 section 4.2),
 * which is what GnuTLS does with it when it reads. ASCII stays as it is.
 * Errors: FAULT_USAGE, which does not quote it.
 */
int normalize_passphrase(struct bytes passphrase, struct secret *ret_passphrase,
			 struct fault *fault) MUST_CHECK;

/*
 * Encrypts the DER of a PKCS#8 key: PBES2 with PBKDF2 (HMAC with SHA-256, 600,000 rounds, 128 bits
 * of salt) and AES-256-CBC, in PEM. Not by GnuTLS, which makes 5,120 rounds with SHA-1.
 * Shape: passphrase from normalize_passphrase.
 */
int encrypt_pkcs8(struct bytes der, struct bytes passphrase, struct secret *ret_pem,
		  struct fault *fault) MUST_CHECK;

#endif
