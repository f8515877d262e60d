#include "common/ca/service/offline_request.h"

#include "common/ca/issue/certify_batch.h"
#include "common/ca/store/fleet.h"
#include "common/wire/envelope.h"

#include <string.h>

void clear_offline_answer(struct offline_answer *answer)
{
	clear_certificates_answer(&answer->answer);
	clear_buffer(&answer->jwe);
	*answer = (struct offline_answer){0};
}

/* Certifies, or refuses the whole request in the answer. */
static int answer_question(struct authority *authority, const struct question *question,
			   int64_t now_s, struct certificates_answer *ret_answer,
			   struct fault *fault)
{
	const char *client = question->message.peer;
	const struct sighting sighting = {
		.client = client, .kid = question->message.kid, .now_s = now_s};
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct request_claims claims = {0};
	struct fault problem = {0};

	if (parse_certificates_request(bytes_of_secret(&question->message.plaintext), &request,
				       &claims, &problem) == 0)
		check_offline_claims(&claims, client, CA_NAME, now_s, &answer.refusal);
	else if (refuse_for_fault(&problem, NULL, &answer.refusal, fault) < 0)
		return -1;
	if (!is_refused(&answer.refusal) &&
	    admit_presence(authority, &sighting, &answer.refusal, fault) < 0)
		return -1;
	if (!is_refused(&answer.refusal) &&
	    certify_batch(authority, client, &request, now_s, &answer, fault) < 0)
		return -1;
	if (record_answer_refusals(authority_refusals(authority), client, &answer, now_s, fault) <
	    0)
		return -1;
	answer.claims = make_answer_claims(&claims, question->sha256, CA_NAME, client, now_s);
	MOVE(ret_answer, answer);
	return 0;
}

int answer_offline_request(struct authority *authority, const struct key_ring *ring,
			   struct bytes jwe, int64_t now_s, struct offline_answer *ret_answer,
			   struct fault *fault)
{
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_offline_answer) struct offline_answer answer = {0};
	CLEANUP(clear_secret) struct secret json = {0};

	if (open_request(ring, &certificates_kind, jwe, &question, fault) < 0)
		return -1;
	memcpy(answer.client, question.message.peer, sizeof(answer.client));
	if (answer_question(authority, &question, now_s, &answer.answer, fault) < 0 ||
	    format_certificates_answer(&answer.answer, &json, fault) < 0 ||
	    encrypt_answer(ring, &certificates_kind, &question, bytes_of_secret(&json), &answer.jwe,
			   fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}
