#include "common/ca/service/offline_request.h"

#include "common/wire/envelope.h"

#include <string.h>

void clear_offline_answer(struct offline_answer *answer)
{
	clear_certificates_answer(&answer->answer);
	clear_buffer(&answer->jwe);
	*answer = (struct offline_answer){0};
}

/* A request that is no request is refused; one that we could not look at is our failure. */
static int parse_carried(const struct question *question, int64_t now_s,
			 struct certificates_request *ret_request,
			 struct request_claims *ret_claims, struct refusal *refusal,
			 struct fault *fault)
{
	struct fault found = {0};

	if (parse_certificates_request(bytes_of_secret(&question->message.plaintext), ret_request,
				       ret_claims, &found) == 0) {
		check_offline_claims(ret_claims, question->message.peer, CA_NAME, now_s, refusal);
		return 0;
	}
	if (pass_failure(&found, fault) < 0)
		return -1;
	set_refusal(refusal, found.class == FAULT_TOO_LARGE ? "too_many" : "malformed", "%s",
		    found.text);
	return 0;
}

static int certify_carried(struct authority *authority, const struct question *question,
			   int64_t now_s, struct certificates_answer *ret_answer,
			   struct fault *fault)
{
	const char *client = question->message.peer;
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct request_claims claims = {0};
	struct refusal refusal = {0};
	int result;

	if (parse_carried(question, now_s, &request, &claims, &refusal, fault) < 0)
		return -1;
	if (refusal.type[0] != '\0')
		result = refuse_batch(authority, client, &refusal, now_s, &answer, fault);
	else
		result = certify_batch(authority, client, &request, now_s, &answer, fault);
	if (result < 0)
		return -1;
	answer.claims = make_answer_claims(&claims, question->sha256, CA_NAME, client, now_s);
	MOVE(ret_answer, answer);
	return 0;
}

static int encrypt_answer(const struct key_ring *ring, const char *client,
			  const struct certificates_answer *answer, struct buffer *ret_jwe,
			  struct fault *fault)
{
	const struct peer_key *peer = find_peer_key(ring, client);
	CLEANUP(clear_secret) struct secret json = {0};

	if (peer == NULL)
		return set_fault(fault, FAULT_FAILED, "the key shared with \"%s\" is gone", client);
	if (format_certificates_answer(answer, &json, fault) < 0)
		return -1;
	return encrypt_message(&peer->key, certificates_kind.answer_typ, NULL,
			       bytes_of_secret(&json), ret_jwe, fault);
}

int answer_offline_request(struct authority *authority, const struct key_ring *ring,
			   struct bytes jwe, int64_t now_s, struct offline_answer *ret_answer,
			   struct fault *fault)
{
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_offline_answer) struct offline_answer answer = {0};

	if (open_request(ring, &certificates_kind, jwe, &question, fault) < 0)
		return -1;
	memcpy(answer.client, question.message.peer, sizeof(answer.client));
	if (certify_carried(authority, &question, now_s, &answer.answer, fault) < 0 ||
	    encrypt_answer(ring, answer.client, &answer.answer, &answer.jwe, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}
