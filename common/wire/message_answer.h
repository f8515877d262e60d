#ifndef CERTPOOL_WIRE_MESSAGE_ANSWER_H
#define CERTPOOL_WIRE_MESSAGE_ANSWER_H

#include "common/wire/claims.h"

/* Part 2: what the receiver says of a message. The message itself is signed_message.h's JWS. */

#define MESSAGES_PATH "/v1/messages"
#define MESSAGE_CONTENT_TYPE "jose" /* cty of the JWE: a JWS is inside */
#define MESSAGE_ANSWER_TYPE "certpool.message.answer"

enum { MESSAGE_ANSWER_MAX = 16 * 1024 };

struct message_answer {
	struct answer_claims claims;
	bool verified;
	char reason[512]; /* why not; "" when verified */
};

/* {"iss","aud","iat","in_reply_to","request_sha256","verdict":"verified"}, or
   "verdict":"refused","reason":"…". */
int format_message_answer(const struct message_answer *answer, struct secret *ret_json,
			  struct fault *fault) MUST_CHECK;
int parse_message_answer(struct bytes json, struct message_answer *ret_answer,
			 struct fault *fault) MUST_CHECK;

#endif
