#include "common/ca/service/offline_request.h"

#include "common/ca/issue/certify_batch.h"
#include "common/ca/service/roots_request.h"
#include "common/ca/store/client_roots.h"
#include "common/ca/store/fleet.h"
#include "common/wire/envelope.h"

#include <string.h>

void clear_offline_answer(struct offline_answer *answer)
{
	clear_certificates_answer(&answer->answer);
	clear_buffer(&answer->jwe);
	clear_buffer(&answer->roots);
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

/* What the client has pinned. One that is too old to count is passed over: its requests for
   certificates, which lie beside it, are refused. */
static int note_offline_roots(struct authority *authority, const struct question *question,
			      int64_t now_s, struct fault *fault)
{
	const char *client = question->message.peer;
	struct roots_request request;
	struct request_claims claims = {0};
	struct refusal refusal = {0};
	struct bytes digests;
	bool is_new;

	if (parse_roots_request(bytes_of_secret(&question->message.plaintext), &request, &claims,
				fault) < 0)
		return -1;
	check_offline_claims(&claims, client, CA_NAME, now_s, &refusal);
	if (is_refused(&refusal))
		return 0;
	digests = (struct bytes){request.sha256[0], request.count * SHA256_LEN};
	if (find_new_roots(authority_store(authority), client, digests, &is_new, fault) < 0)
		return -1;
	return is_new ? note_client_roots(authority_store(authority), client, digests, fault) : 0;
}

/* Says which roots the client should have, unless they are what they always were. */
static int add_roots(const struct layout *layout, const struct key_ring *ring,
		     const struct question *question, struct offline_answer *offline,
		     struct fault *fault)
{
	CLEANUP(clear_roots_answer) struct roots_answer answer = {0};
	CLEANUP(clear_secret) struct secret json = {0};

	if (answer_roots(layout, &answer, fault) < 0)
		return -1;
	if (answer.cross_count == 0)
		return 0;
	answer.claims = offline->answer.claims;
	if (format_roots_answer(&answer, &json, fault) < 0)
		return -1;
	return encrypt_answer(ring, &roots_kind, question, bytes_of_secret(&json), &offline->roots,
			      fault);
}

int answer_offline_request(struct authority *authority, const struct layout *layout,
			   const struct key_ring *ring, struct bytes jwe, int64_t now_s,
			   struct offline_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_offline_answer) struct offline_answer answer = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	struct fault problem = {0};
	struct fault ignored = {0};

	if (open_request(ring, &certificates_kind, jwe, &question, &problem) < 0) {
		if (open_request(ring, &roots_kind, jwe, &question, &ignored) < 0)
			return pass_fault(&problem, fault);
		memcpy(ret_answer->client, question.message.peer, sizeof(ret_answer->client));
		return note_offline_roots(authority, &question, now_s, fault);
	}
	memcpy(answer.client, question.message.peer, sizeof(answer.client));
	if (answer_question(authority, &question, now_s, &answer.answer, fault) < 0 ||
	    format_certificates_answer(&answer.answer, &json, fault) < 0 ||
	    encrypt_answer(ring, &certificates_kind, &question, bytes_of_secret(&json), &answer.jwe,
			   fault) < 0 ||
	    add_roots(layout, ring, &question, &answer, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}
