#ifndef CERTPOOL_WIRE_ENVELOPE_H
#define CERTPOOL_WIRE_ENVELOPE_H

#include "common/crypto/digest.h"
#include "common/crypto/message.h"
#include "common/net/client/client.h"
#include "common/net/server.h"
#include "common/wire/claims.h"

/*
 * An encrypted question and its encrypted answer under the same shared key: both sides of the
 * exchange. The plaintexts are the business of the other files of this folder.
 */

/* A kind of question. */
struct message_kind {
	const char *path;       /* to which the question is posted */
	const char *typ;        /* of the question's JWE */
	const char *cty;        /* the same; NULL for JSON */
	const char *answer_typ; /* of the answer's JWE */
	size_t answer_max;      /* octets of the answer's JWE */
};

extern const struct message_kind certificates_kind;
extern const struct message_kind status_kind;
extern const struct message_kind revocations_kind;
extern const struct message_kind statuses_kind;
extern const struct message_kind key_kind;
extern const struct message_kind roots_kind;
extern const struct message_kind signed_message_kind;

/* A signed message is a JWS (common/crypto/signed_message.h) in the JWE. */
#define MESSAGES_PATH "/v1/messages"
#define MESSAGE_CONTENT_TYPE "jose" /* cty of the JWE: a JWS is inside */
#define MESSAGE_ANSWER_TYPE "certpool.message.answer"

enum { MESSAGE_ANSWER_MAX = 16 * 1024 };

/*
 * Asks: encrypts, sends, checks the HTTP answer, decrypts, checks typ. *ret_sha256 is the digest of
 * the JWE sent, for check_answer_claims.
 * Errors: those of exchange_http and check_http_answer; FAULT_REFUSED when the other side could not
 * decrypt (the shared keys differ); FAULT_UNVERIFIED when the answer is not under our key or of
 * another type.
 */
int ask_encrypted(struct http_client *client, const struct message_kind *kind,
		  const struct shared_key *key, struct bytes plaintext, struct secret *ret_answer,
		  uint8_t ret_sha256[static SHA256_LEN], struct fault *fault) MUST_CHECK;

/* The same for a JWE that the caller made with encrypt_message. */
int send_encrypted(struct http_client *client, const struct message_kind *kind,
		   const struct shared_key *key, struct bytes jwe, struct secret *ret_answer,
		   struct fault *fault) MUST_CHECK;

/* Decrypts an answer and checks its typ. FAULT_UNVERIFIED unless it is under the question's key. */
int open_answer(const struct message_kind *kind, const struct shared_key *key, struct bytes jwe,
		struct secret *ret_answer, struct fault *fault) MUST_CHECK;

/* A question as the answering side received it. */
struct question {
	struct decrypted_message message;
	uint8_t sha256[SHA256_LEN]; /* of its JWE */
};

/* Decrypts a question, checks typ and cty: any problem is FAULT_UNDECRYPTABLE. Owns: clear_request.
 */
int open_request(const struct key_ring *ring, const struct message_kind *kind, struct bytes jwe,
		 struct question *ret_question, struct fault *fault) MUST_CHECK;
void clear_request(struct question *question);

/* Encrypts an answer under the key of the question. FAULT_FAILED when that key is gone. */
int encrypt_answer(const struct key_ring *ring, const struct message_kind *kind,
		   const struct question *question, struct bytes plaintext, struct buffer *ret_jwe,
		   struct fault *fault) MUST_CHECK;

/* The same as an HTTP response. */
int answer_request(const struct key_ring *ring, const struct message_kind *kind,
		   const struct question *question, struct bytes plaintext,
		   struct http_response *response, struct fault *fault) MUST_CHECK;

/* A receiver's answer to a signed message: the message verified, or it was refused, or it named its
   signer's certificate by a digest that the receiver does not know. */
struct message_answer {
	struct answer_claims claims;
	bool verified;
	bool remembered;         /* verified, and from now on a digest names the certificate */
	bool certificate_wanted; /* not verified: the same message is to come with its certificate
				  */
	char reason[512];        /* of a refusal, else "" */
};

/* {"iss","aud","iat","in_reply_to","request_sha256","verdict":"verified"}, with
   "reason":"certificate_remembered" where it is; or "verdict":"refused","reason":"…"; or
   "verdict":"certificate_wanted". */
int format_message_answer(const struct message_answer *answer, struct secret *ret_json,
			  struct fault *fault) MUST_CHECK;
/* FAULT_MALFORMED for anything else. */
int parse_message_answer(struct bytes json, struct message_answer *ret_answer,
			 struct fault *fault) MUST_CHECK;

#endif
