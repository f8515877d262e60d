#ifndef CERTPOOL_CRYPTO_PBES2_H
#define CERTPOOL_CRYPTO_PBES2_H

#include "common/base/bytes.h"

/* Encryption of private keys under a passphrase (RFC 5958 section 3, RFC 8018 section 6.2). For
   this folder. */

enum { PASSPHRASE_MAX = 1024 };

/*
 * Normalises a passphrase for the key derivation (RFC 8265 section 4.2), as GnuTLS does when it
 * reads a key. ASCII does not change. ret_passphrase must be empty.
 * Shape: 1 to PASSPHRASE_MAX octets of UTF-8, without control characters.
 * Errors: FAULT_USAGE, which does not quote the passphrase.
 */
int normalize_passphrase(struct bytes passphrase, struct secret *ret_passphrase,
			 struct fault *fault) MUST_CHECK;

/*
 * Encrypts the DER of a PKCS#8 key, and writes it in PEM: PBES2 with PBKDF2 (HMAC with SHA-256,
 * 600,000 rounds, 128 bits of salt) and AES-256-CBC. GnuTLS would use 5,120 rounds with SHA-1.
 * Shape: passphrase from normalize_passphrase.
 */
int encrypt_pkcs8(struct bytes der, struct bytes passphrase, struct secret *ret_pem,
		  struct fault *fault) MUST_CHECK;

#endif
