#include "common/pool/revocation/ask_statuses.h"

#include "common/crypto/key_file.h"
#include "common/wire/claims.h"
#include "common/wire/envelope.h"

#include <string.h>

/* At the CA the question may wait for the work of others. */
enum { CONNECT_TIMEOUT_MS = 5000, TIMEOUT_MS = 60000 };

static bool was_asked(const struct statuses_question *question,
		      const uint8_t serial[static SERIAL_MAX])
{
	for (size_t i = 0; i < question->serial_count; i++)
		if (memcmp(question->serials[i], serial, SERIAL_MAX) == 0)
			return true;
	return false;
}

static int check_asked(const struct statuses_question *question,
		       const struct statuses_answer *answer, struct fault *fault)
{
	bool asked = true;

	for (size_t i = 0; i < answer->revoked_count; i++)
		asked = asked && was_asked(question, answer->revoked[i].serial);
	for (size_t i = 0; i < answer->unknown_count; i++)
		asked = asked && was_asked(question, answer->unknown[i]);
	if (asked)
		return 0;
	return set_fault(fault, FAULT_UNVERIFIED,
			 "the CA's answer: names a certificate that was not asked about");
}

int ask_statuses(const struct statuses_question *question, int64_t now_s,
		 struct statuses_answer *ret_answer, bool *ret_known, struct fault *fault)
{
	struct http_client_settings settings = {.endpoint = question->ca,
						.roots = question->layout->root_path,
						.connect_timeout_ms = CONNECT_TIMEOUT_MS,
						.timeout_ms = TIMEOUT_MS};
	uint8_t serials[STATUSES_MAX][SERIAL_MAX];
	struct statuses_request request = {.serials = serials,
					   .serial_count = question->serial_count};
	CLEANUP(free_http_client) struct http_client *http = NULL;
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_secret) struct secret plaintext = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_statuses_answer) struct statuses_answer answer = {0};
	struct fault failure = {0};
	uint8_t sha256[SHA256_LEN];

	memcpy(serials, question->serials, question->serial_count * SERIAL_MAX);
	if (read_shared_key(question->layout, CA_NAME, &key, fault) < 0 ||
	    make_request_claims(question->client, CA_NAME, now_s, &request.claims, fault) < 0 ||
	    format_statuses_request(&request, &plaintext, fault) < 0 ||
	    new_http_client(&settings, &http, fault) < 0)
		return -1;
	if (ask_encrypted(http, &statuses_kind, &key, bytes_of_secret(&plaintext), &json, sha256,
			  &failure) < 0) {
		*ret_known = false;
		return failure.class == FAULT_NOT_FOUND ? 0 : pass_fault(&failure, fault);
	}
	if (parse_statuses_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    check_ca_answer(&answer.claims, &answer.refusal, &request.claims, sha256, fault) < 0 ||
	    check_asked(question, &answer, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	*ret_known = true;
	return 0;
}
