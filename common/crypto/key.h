#ifndef CERTPOOL_CRYPTO_KEY_H
#define CERTPOOL_CRYPTO_KEY_H

#include "common/base/bytes.h"
#include "common/base/key_type.h"
#include "common/crypto/digest.h"

/*
 * Key pairs of the types in key_type.h. Signatures by them are in signature.h.
 *
 * Always holds of a public_key: its type is in key_type.h, with the same named curve or size; an EC
 * point is on its curve and not the identity; an Ed25519 point has a large order; an RSA modulus is
 * odd, of 2048, 3072 or 4096 bits, without the ROCA fingerprint, and its exponent is odd, at least
 * 65537 and below 2^32. Other keys are not parsed: a weak key never becomes an object.
 *
 * A private key is in memory, or in a PKCS#11 token that computes with it.
 *
 * Not done: key agreement, encryption with these keys, generating keys in a token.
 */
struct private_key;
struct public_key;

/* Generates a key pair in memory. */
int generate_private_key(enum key_type type, struct private_key **ret_key,
			 struct fault *fault) MUST_CHECK;

/* Writes unencrypted PKCS#8 in PEM (RFC 5958, RFC 7468).
   Errors: FAULT_REFUSED for a key in a token, which cannot be exported. */
int format_private_key(const struct private_key *key, struct secret *ret_pem,
		       struct fault *fault) MUST_CHECK;

/* The same, encrypted under a passphrase as encrypt_pkcs8 does.
   Shape: passphrase as for normalize_passphrase. */
int format_encrypted_private_key(const struct private_key *key, struct bytes passphrase,
				 struct secret *ret_pem, struct fault *fault) MUST_CHECK;

/* Reads unencrypted PKCS#8 in PEM, or the traditional PEM forms of openssl.
   Errors: FAULT_MALFORMED; FAULT_TOO_LARGE beyond 64 KiB; FAULT_REFUSED for a weak key. */
int parse_private_key(struct bytes pem, struct private_key **ret_key,
		      struct fault *fault) MUST_CHECK;

/* Whether the PEM has the label of PKCS#8 under a passphrase. */
bool is_encrypted_private_key(struct bytes pem);

/*
 * Reads PKCS#8 under a passphrase: PBES2 with AES, ours or another program's.
 * Errors: FAULT_REFUSED for a wrong passphrase and for a damaged key, which look the same;
 * FAULT_MALFORMED for another encryption.
 */
int parse_encrypted_private_key(struct bytes pem, struct bytes passphrase,
				struct private_key **ret_key, struct fault *fault) MUST_CHECK;

/*
 * Opens a private key in a PKCS#11 token, by its URL (check_key_url), through the modules that
 * p11-kit is configured with. The key must be marked as private and as sensitive, and its public
 * key must be in the token too. A wrong PIN is tried once, and never again while the key is open.
 * Shape: an empty pin means none.
 * Errors: FAULT_UNREACHABLE if the token cannot be found or used, FAULT_NOT_FOUND if it has no such
 * key, FAULT_REFUSED for a wrong or missing PIN, and for a key without these marks.
 */
int open_token_key(const char *url, struct bytes pin, struct private_key **ret_key,
		   struct fault *fault) MUST_CHECK;
void free_private_key(struct private_key **key);

enum key_type private_key_type(const struct private_key *key);

/* Appends the DER SubjectPublicKeyInfo of the public key. */
int append_spki(const struct private_key *key, struct buffer *buffer,
		struct fault *fault) MUST_CHECK;

/* The public key of the pair. Owns: the caller frees. */
int get_public_key(const struct private_key *key, struct public_key **ret_key,
		   struct fault *fault) MUST_CHECK;

/*
 * Parses exactly one SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) in DER.
 * Errors: FAULT_MALFORMED for other octets; FAULT_TOO_LARGE; FAULT_REFUSED for a key that is weak
 * or not of our types.
 */
int parse_public_key(struct bytes spki, struct public_key **ret_key,
		     struct fault *fault) MUST_CHECK;
void free_public_key(struct public_key **key);

enum key_type public_key_type(const struct public_key *key);

/* The DER SubjectPublicKeyInfo, borrowed. */
struct bytes public_key_spki(const struct public_key *key);

/* SHA-256 of the SubjectPublicKeyInfo, by which keys are compared and stored. */
void public_key_sha256(const struct public_key *key, uint8_t ret_digest[static SHA256_LEN]);

#endif
