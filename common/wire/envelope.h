#ifndef CERTPOOL_WIRE_ENVELOPE_H
#define CERTPOOL_WIRE_ENVELOPE_H

#include "common/crypto/digest.h"
#include "common/crypto/message.h"
#include "common/net/client.h"
#include "common/net/server.h"

/*
 * One encrypted question and its encrypted answer, under the same shared key, on either side. What
 * is said inside is for the other files of this folder.
 */

/* What kind of question: where it goes and how both sides of it are marked. */
struct message_kind {
	const char *path;
	const char *typ;
	const char *cty; /* of the question; NULL for JSON */
	const char *answer_typ;
	size_t answer_max;
};

extern const struct message_kind certificates_kind;
extern const struct message_kind status_kind;
extern const struct message_kind revocations_kind;
extern const struct message_kind signed_message_kind;

/*
 * Asks: encrypts, sends, checks the HTTP answer, decrypts, checks typ.
 * Units: *ret_sha256 is the digest of the JWE sent, for check_answer_claims.
 * Errors: those of exchange_http and check_http_answer; FAULT_REFUSED when the other side could not
 * decrypt (the shared keys differ); FAULT_UNVERIFIED when the answer is not under our key or of
 * another type.
 */
int ask_encrypted(struct http_client *client, const struct message_kind *kind,
		  const struct shared_key *key, struct bytes plaintext, struct secret *ret_answer,
		  uint8_t ret_sha256[static SHA256_LEN], struct fault *fault) MUST_CHECK;

/* The same from a JWE that is encrypted already (made with encrypt_message). */
int send_encrypted(struct http_client *client, const struct message_kind *kind,
		   const struct shared_key *key, struct bytes jwe, struct secret *ret_answer,
		   struct fault *fault) MUST_CHECK;

/*
 * An answer that came by another way: decrypts, checks typ. The answer must be under the key that
 * the question was under: FAULT_UNVERIFIED.
 */
int open_answer(const struct message_kind *kind, const struct shared_key *key, struct bytes jwe,
		struct secret *ret_answer, struct fault *fault) MUST_CHECK;

/* A question as the answering side gets it. */
struct question {
	struct decrypted_message message;
	uint8_t sha256[SHA256_LEN];
};

/* Decrypts and checks typ and cty: FAULT_UNDECRYPTABLE for all that is wrong. */
int open_request(const struct key_ring *ring, const struct message_kind *kind, struct bytes jwe,
		 struct question *ret_question, struct fault *fault) MUST_CHECK;
void clear_request(struct question *question);

/* Encrypts the answer for the peer that asked and fills the HTTP response. */
int answer_request(const struct key_ring *ring, const struct message_kind *kind,
		   const struct question *question, struct bytes plaintext,
		   struct http_response *response, struct fault *fault) MUST_CHECK;

#endif
