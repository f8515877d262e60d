#ifndef CERTPOOL_CRYPTO_SIGNED_MESSAGE_H
#define CERTPOOL_CRYPTO_SIGNED_MESSAGE_H

#include "common/base/name.h"
#include "common/crypto/digest.h"
#include "common/crypto/signature.h"

/*
 * A message M with signature and certificate chain, as JWS compact (RFC 7515): protected header
 * {"alg":…,"typ":"certpool.message","x5c":[…],"iss":…,"aud":…,"iat":…,"jti":…}, payload M, octet
 * for octet. aud, iat and jti are signed, so that a message can be neither forwarded to a third
 * node nor replayed. Senders always write iss, their node; receivers check it if it is present.
 * Instead of x5c, x5t#S256 names the signer's certificate by its SHA-256 (RFC 7515 section 4.1.8)
 * to a receiver that remembers it.
 *
 * A sealed message is for everybody who has the root: the same without iss and aud. It is signed
 * only, names no node, and always has x5c. Neither kind can pass for the other, since the header is
 * signed.
 */

#define MESSAGE_TYPE "certpool.message"

enum { JTI_SIZE = 23, CHAIN_MAX = 4, CHAIN_OCTETS_MAX = 16384 };

/* Draws 128 random bits, and writes them in base64url. */
int generate_jti(char ret_jti[static JTI_SIZE], struct fault *fault) MUST_CHECK;

/* Whether the text is 22 characters of base64url. */
bool valid_jti(const char *jti);

struct message_claims {
	char iss[NAME_SIZE]; /* "": none */
	char aud[NAME_SIZE]; /* "": a sealed message, which has no iss either */
	int64_t iat_s;
	char jti[JTI_SIZE];
};

/*
 * Signs the payload with the key, by default_signature_algorithm of its type.
 * Shape: chain is 1 … CHAIN_MAX DER certificates, the signer's first (RFC 7515 section 4.1.6).
 */
int sign_message(const struct private_key *key, const struct message_claims *claims,
		 const struct bytes *chain, size_t chain_count, struct bytes payload,
		 struct buffer *ret_jws, struct fault *fault) MUST_CHECK;

/* The same with x5t#S256: the SHA-256 of the signer's certificate, instead of a chain. */
int sign_message_by_digest(const struct private_key *key, const struct message_claims *claims,
			   const uint8_t sha256[static SHA256_LEN], struct bytes payload,
			   struct buffer *ret_jws, struct fault *fault) MUST_CHECK;

/* A parsed JWS. Nothing in it may be relied on before verify_message. */
struct signed_message {
	enum signature_algorithm algorithm;
	struct message_claims claims;
	struct buffer chain[CHAIN_MAX]; /* DER, the signer's certificate first */
	size_t chain_count;             /* 0 by digest, until the caller fills the chain */
	bool by_digest;
	uint8_t sha256[SHA256_LEN]; /* by digest: of the signer's certificate */
	struct buffer payload;
	struct buffer signing_input; /* RFC 7515 section 5.2: ASCII(header) "." ASCII(payload) */
	struct buffer signature;
};

/*
 * Parses a JWS, without parsing the certificates. The header must be one JSON object with exactly
 * the members above, without duplicates; iss may be missing. alg is of enum signature_algorithm,
 * and never none; x5c has 1 … CHAIN_MAX base64 strings of at most CHAIN_OCTETS_MAX octets in all;
 * iss and aud are valid names; iat is an integer from 1 to 253402300799 (the year 9999); jti is
 * valid. x5t#S256, 43 characters of base64url, may stand in the place of x5c.
 * Errors: FAULT_MALFORMED.
 */
int parse_signed_message(struct bytes jws, struct signed_message *ret_message,
			 struct fault *fault) MUST_CHECK;

/* The same for a sealed message, in which iss, aud and x5t#S256 are refused. */
int parse_sealed_message(struct bytes jws, struct signed_message *ret_message,
			 struct fault *fault) MUST_CHECK;

/*
 * Whether the signature is by the key, and the algorithm fits the key. The caller takes the key
 * from the first certificate of the chain.
 */
int verify_message(const struct signed_message *message, const struct public_key *key,
		   struct verdict *verdict, struct fault *fault) MUST_CHECK;
void clear_signed_message(struct signed_message *message);

#endif
