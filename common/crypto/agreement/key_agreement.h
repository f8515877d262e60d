#ifndef CERTPOOL_CRYPTO_AGREEMENT_KEY_AGREEMENT_H
#define CERTPOOL_CRYPTO_AGREEMENT_KEY_AGREEMENT_H

#include "common/base/bytes.h"

/*
 * A key pair of X25519 (RFC 7748 section 5), to which octets are sealed: with a key pair that is
 * made for it and forgotten, Diffie-Hellman (section 6.1), HKDF with SHA-256 over both public
 * halves (RFC 5869), and AES-256-GCM. Not done: who sealed the octets cannot be told.
 */
enum { AGREEMENT_KEY_LEN = 32 };

struct agreement_key {
	uint8_t private_half[AGREEMENT_KEY_LEN];
	uint8_t public_half[AGREEMENT_KEY_LEN];
};

int generate_agreement_key(struct agreement_key *ret_key, struct fault *fault) MUST_CHECK;
void clear_agreement_key(struct agreement_key *key);

/* The private half as text: 64 lower-case hexadecimal digits and a line end. */
int format_agreement_key(const struct agreement_key *key, struct secret *ret_text,
			 struct fault *fault) MUST_CHECK;
/* Errors: FAULT_MALFORMED, which never quotes the text. */
int parse_agreement_key(struct bytes text, struct agreement_key *ret_key,
			struct fault *fault) MUST_CHECK;

/*
 * Seals octets to a public half. The context, which says what and whose they are, is authenticated,
 * and not in the result. Errors: FAULT_MALFORMED for octets that are no public half (RFC 7748
 * section 6.1: those that lead to zeros).
 */
int seal_to_key(const uint8_t public_half[static AGREEMENT_KEY_LEN], const char *context,
		struct bytes plaintext, struct buffer *ret_sealed, struct fault *fault) MUST_CHECK;

/* Errors: FAULT_UNDECRYPTABLE for octets to another key, of another context, or that were changed.
 */
int open_with_key(const struct agreement_key *key, const char *context, struct bytes sealed,
		  struct secret *ret_plaintext, struct fault *fault) MUST_CHECK;

#endif
