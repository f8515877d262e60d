#ifndef CERTPOOL_CRYPTO_KEY_H
#define CERTPOOL_CRYPTO_KEY_H

#include "common/base/bytes.h"
#include "common/base/key_type.h"
#include "common/crypto/digest.h"

/*
 * Key pairs of the types in key_type.h, and signatures by them.
 *
 * What holds of a public_key: its type is one of ours (named curve and size alike); an EC point is
 * on its curve and not the identity; an RSA modulus is odd, of 2048, 3072 or 4096 bits, without the
 * ROCA fingerprint, and its exponent is odd, at least 65537 and below 2^32. What does not hold of
 * it is not parsed: a weak key never becomes an object.
 *
 * A private key is in memory, or in a PKCS#11 token that computes with it.
 *
 * Not done: key agreement, encryption with these keys, making keys in a token.
 */
struct private_key;
struct public_key;

/* A fresh key pair. */
int generate_private_key(enum key_type type, struct private_key **ret_key,
			 struct fault *fault) MUST_CHECK;

/* PKCS#8 PEM (RFC 5958, RFC 7468), unencrypted. */
int format_private_key(const struct private_key *key, struct secret *ret_pem,
		       struct fault *fault) MUST_CHECK;

/* The same, encrypted under a passphrase: encrypt_pkcs8. A key in a token cannot be written. */
int format_encrypted_private_key(const struct private_key *key, struct bytes passphrase,
				 struct secret *ret_pem, struct fault *fault) MUST_CHECK;

/* Reads PKCS#8, or the traditional PEM forms of openssl. FAULT_MALFORMED. */
int parse_private_key(struct bytes pem, struct private_key **ret_key,
		      struct fault *fault) MUST_CHECK;

/* Whether the PEM says of itself that it is PKCS#8 under a passphrase. */
bool is_encrypted_private_key(struct bytes pem);

/*
 * Reads PKCS#8 under a passphrase: PBES2 with AES, whoever wrote it. FAULT_REFUSED for another
 * passphrase, which cannot be told from damage; FAULT_MALFORMED for another encryption.
 */
int parse_encrypted_private_key(struct bytes pem, struct bytes passphrase,
				struct private_key **ret_key, struct fault *fault) MUST_CHECK;

/*
 * Opens a private key in a PKCS#11 token, by its URL (check_key_url). The modules are those that
 * p11-kit is configured with. The key must be marked as private and as sensitive, and its public
 * half must be in the token too. A PIN that the token says is wrong is not tried again, now or when
 * the key signs.
 * Shape: pin is empty when none is to be given.
 * Errors: FAULT_UNREACHABLE when no such token is there, FAULT_NOT_FOUND when it has no such key,
 * FAULT_REFUSED for a wrong PIN, one that is missing, and a key that is not marked so.
 */
int open_token_key(const char *url, struct bytes pin, struct private_key **ret_key,
		   struct fault *fault) MUST_CHECK;
void free_private_key(struct private_key **key);

enum key_type private_key_type(const struct private_key *key);

/* Appends the DER SubjectPublicKeyInfo of the public half. */
int append_spki(const struct private_key *key, struct buffer *buffer,
		struct fault *fault) MUST_CHECK;

/* The public half. Owns: the caller's. */
int get_public_key(const struct private_key *key, struct public_key **ret_key,
		   struct fault *fault) MUST_CHECK;

/*
 * A public key from a DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), exactly one, in DER.
 * FAULT_MALFORMED for what cannot be parsed, FAULT_REFUSED for a key that is not of our types or
 * is weak, with what was found.
 */
int parse_public_key(struct bytes spki, struct public_key **ret_key,
		     struct fault *fault) MUST_CHECK;
void free_public_key(struct public_key **key);

enum key_type public_key_type(const struct public_key *key);

/* The DER SubjectPublicKeyInfo, borrowed. */
struct bytes public_key_spki(const struct public_key *key);

/* SHA-256 of the SubjectPublicKeyInfo: what a key is recognised by. */
void public_key_sha256(const struct public_key *key, uint8_t ret_digest[static SHA256_LEN]);

#endif
