#include "common/wire/envelope.h"

#include "common/net/http.h"
#include "common/wire/certificates.h"
#include "common/wire/claims_json.h"
#include "common/wire/key_exchange.h"
#include "common/wire/revocation.h"
#include "common/wire/roots.h"
#include "common/wire/status.h"
#include "common/wire/statuses.h"

#include <string.h>

enum { HTTP_BAD_REQUEST = 400 };

const struct message_kind certificates_kind = {
	.path = CERTIFICATES_PATH,
	.typ = CERTIFICATES_TYPE,
	.answer_typ = CERTIFICATES_ANSWER_TYPE,
	.answer_max = CERTIFICATES_ANSWER_MAX,
};

const struct message_kind status_kind = {
	.path = STATUS_PATH,
	.typ = STATUS_TYPE,
	.answer_typ = STATUS_ANSWER_TYPE,
	.answer_max = STATUS_ANSWER_MAX,
};

const struct message_kind revocations_kind = {
	.path = REVOCATIONS_PATH,
	.typ = REVOCATIONS_TYPE,
	.answer_typ = REVOCATIONS_ANSWER_TYPE,
	.answer_max = REVOCATIONS_ANSWER_MAX,
};

const struct message_kind statuses_kind = {
	.path = STATUSES_PATH,
	.typ = STATUSES_TYPE,
	.answer_typ = STATUSES_ANSWER_TYPE,
	.answer_max = STATUSES_ANSWER_MAX,
};

const struct message_kind key_kind = {
	.path = KEY_PATH,
	.typ = KEY_TYPE,
	.answer_typ = KEY_ANSWER_TYPE,
	.answer_max = KEY_ANSWER_MAX,
};

const struct message_kind roots_kind = {
	.path = ROOTS_PATH,
	.typ = ROOTS_TYPE,
	.answer_typ = ROOTS_ANSWER_TYPE,
	.answer_max = ROOTS_ANSWER_MAX,
};

const struct message_kind signed_message_kind = {
	.path = MESSAGES_PATH,
	.typ = MESSAGE_TYPE,
	.cty = MESSAGE_CONTENT_TYPE,
	.answer_typ = MESSAGE_ANSWER_TYPE,
	.answer_max = MESSAGE_ANSWER_MAX,
};

int open_answer(const struct message_kind *kind, const struct shared_key *key, struct bytes jwe,
		struct secret *ret_answer, struct fault *fault)
{
	struct peer_key peer = {.key = *key};
	const struct key_ring ring = {.keys = &peer, .count = 1};
	CLEANUP(clear_decrypted_message) struct decrypted_message message = {0};
	struct fault problem = {0};
	int decrypted = decrypt_message(&ring, jwe, &message, &problem);

	clear_shared_key(&peer.key);
	if (decrypted < 0)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "the answer cannot be decrypted: %s: it is not from the node that "
				 "shares this key with us",
				 problem.text);
	if (strcmp(message.typ, kind->answer_typ) != 0)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "the answer's typ: expected \"%s\", found \"%s\"",
				 kind->answer_typ, message.typ);
	*ret_answer = take_secret(&message.plaintext);
	return 0;
}

int send_encrypted(struct http_client *client, const struct message_kind *kind,
		   const struct shared_key *key, struct bytes jwe, struct secret *ret_answer,
		   struct fault *fault)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	struct fault problem = {0};

	if (exchange_http(client, kind->path, CONTENT_JOSE, jwe, kind->answer_max, &answer, fault) <
	    0)
		return -1;
	if (check_http_answer(client, kind->path, &answer, CONTENT_JOSE, &problem) < 0)
		return answer.status == HTTP_BAD_REQUEST
			       ? set_fault(fault, problem.class,
					   "%s: if it was replaced there, take the new one by an "
					   "invitation: certpool join --replace",
					   problem.text)
			       : pass_fault(&problem, fault);
	return open_answer(kind, key, bytes_of_buffer(&answer.body), ret_answer, fault);
}

int ask_encrypted(struct http_client *client, const struct message_kind *kind,
		  const struct shared_key *key, struct bytes plaintext, struct secret *ret_answer,
		  uint8_t ret_sha256[static SHA256_LEN], struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	if (encrypt_message(key, kind->typ, kind->cty, plaintext, &jwe, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(&jwe), ret_sha256);
	return send_encrypted(client, kind, key, bytes_of_buffer(&jwe), ret_answer, fault);
}

int open_request(const struct key_ring *ring, const struct message_kind *kind, struct bytes jwe,
		 struct question *ret_question, struct fault *fault)
{
	CLEANUP(clear_decrypted_message) struct decrypted_message message = {0};
	const char *cty = kind->cty != NULL ? kind->cty : "";

	if (decrypt_message(ring, jwe, &message, fault) < 0)
		return -1;
	if (strcmp(message.typ, kind->typ) != 0 || strcmp(message.cty, cty) != 0)
		return set_fault(fault, FAULT_UNDECRYPTABLE,
				 "from \"%s\": expected typ \"%s\" and cty \"%s\", found \"%s\" "
				 "and \"%s\"",
				 message.peer, kind->typ, cty, message.typ, message.cty);
	digest_sha256(jwe, ret_question->sha256);
	MOVE(&ret_question->message, message);
	return 0;
}

void clear_request(struct question *question)
{
	clear_decrypted_message(&question->message);
}

int encrypt_answer(const struct key_ring *ring, const struct message_kind *kind,
		   const struct question *question, struct bytes plaintext, struct buffer *ret_jwe,
		   struct fault *fault)
{
	const struct peer_key *peer = find_key_id(ring, bytes_of_string(question->message.kid));

	if (peer == NULL)
		return set_fault(fault, FAULT_FAILED, "the key shared with \"%s\" is gone",
				 question->message.peer);
	return encrypt_message(&peer->key, kind->answer_typ, NULL, plaintext, ret_jwe, fault);
}

int answer_request(const struct key_ring *ring, const struct message_kind *kind,
		   const struct question *question, struct bytes plaintext,
		   struct http_response *response, struct fault *fault)
{
	response->content_type = CONTENT_JOSE;
	return encrypt_answer(ring, kind, question, plaintext, &response->body, fault);
}

static const char verified_text[] = "verified";
static const char refused_text[] = "refused";
static const char wanted_text[] = "certificate_wanted";

/* In "reason" beside "verified", where senders of before certificates were remembered pass over it:
   they refuse a member that they do not know. */
static const char remembered_text[] = "certificate_remembered";

int format_message_answer(const struct message_answer *answer, struct secret *ret_json,
			  struct fault *fault)
{
	const struct refusal not_refused = {0};
	CLEANUP(free_json) json_t *object = new_answer_json(&answer->claims, &not_refused, fault);
	const char *verdict = answer->verified             ? verified_text
			      : answer->certificate_wanted ? wanted_text
							   : refused_text;
	const char *reason = NULL;

	if (object == NULL)
		return -1;
	if (answer->verified && answer->remembered)
		reason = remembered_text;
	else if (!answer->verified && !answer->certificate_wanted)
		reason = answer->reason;
	if (json_object_set_new(object, "verdict", json_string(verdict)) < 0 ||
	    (reason != NULL && json_object_set_new(object, "reason", json_string(reason)) < 0))
		return set_memory_fault(fault);
	return format_json(object, ret_json, fault);
}

int parse_message_answer(struct bytes json, struct message_answer *ret_answer, struct fault *fault)
{
	static const struct member_rule rules[] = {
		ANSWER_CLAIM_RULES, {"verdict", JSON_STRING, true}, {"reason", JSON_STRING, false}};
	CLEANUP(free_json) json_t *object = NULL;
	struct message_answer answer = {0};
	struct refusal not_refused = {0};
	const char *verdict;
	const char *reason;

	if (parse_json_object(json, "message answer", &object, fault) < 0 ||
	    check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_answer_claims(object, &answer.claims, &not_refused, fault) < 0)
		return -1;
	verdict = get_string(object, "verdict");
	answer.verified = strcmp(verdict, verified_text) == 0;
	answer.certificate_wanted = strcmp(verdict, wanted_text) == 0;
	if (!answer.verified && !answer.certificate_wanted && strcmp(verdict, refused_text) != 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"verdict\": expected verified, refused or "
				 "certificate_wanted, found \"%s\"",
				 verdict);
	reason = get_string(object, "reason");
	answer.remembered =
		answer.verified && reason != NULL && strcmp(reason, remembered_text) == 0;
	if (!answer.verified && !answer.certificate_wanted &&
	    copy_string(object, "reason", answer.reason, sizeof(answer.reason), fault) < 0)
		return -1;
	mask_control_characters(answer.reason);
	*ret_answer = answer;
	return 0;
}
