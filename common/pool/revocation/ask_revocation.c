#include "common/pool/revocation/ask_revocation.h"

#include "common/crypto/key_file.h"
#include "common/wire/claims.h"
#include "common/wire/envelope.h"

#include <stdlib.h>
#include <string.h>

/* At the CA the request may wait for the work of others. */
enum { CONNECT_TIMEOUT_MS = 5000, TIMEOUT_MS = 60000 };

static int format_question(const struct revocation_options *options,
			   const struct request_claims *claims, struct secret *ret_json,
			   struct fault *fault)
{
	CLEANUP(clear_revocation_request) struct revocation_request request = {0};

	request.serials = calloc(options->serial_count, sizeof(*request.serials));
	if (request.serials == NULL)
		return set_memory_fault(fault);
	memcpy(request.serials, options->serials, options->serial_count * SERIAL_MAX);
	request.serial_count = options->serial_count;
	request.claims = *claims;
	request.reason = options->reason;
	return format_revocation_request(&request, ret_json, fault);
}

static bool has_serial(const struct revocation_answer *answer,
		       const uint8_t serial[static SERIAL_MAX])
{
	for (size_t i = 0; i < answer->revoked_count; i++)
		if (memcmp(answer->revoked[i].serial, serial, SERIAL_MAX) == 0)
			return true;
	return false;
}

/* The answer has as many certificates as the request and names each: so it names none twice. */
static int check_complete(const struct revocation_options *options,
			  const struct revocation_answer *answer, struct fault *fault)
{
	if (answer->revoked_count != options->serial_count)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "the CA's answer: expected %zu certificates, found %zu",
				 options->serial_count, answer->revoked_count);
	for (size_t i = 0; i < options->serial_count; i++) {
		char text[SERIAL_TEXT_SIZE];

		if (has_serial(answer, options->serials[i]))
			continue;
		format_serial((struct bytes){options->serials[i], SERIAL_MAX}, text);
		return set_fault(fault, FAULT_UNVERIFIED,
				 "the CA's answer: expected certificate %s, which it does not name",
				 text);
	}
	return 0;
}

static int check_answer(const struct revocation_options *options,
			const struct revocation_answer *answer, const struct request_claims *claims,
			const uint8_t sha256[static SHA256_LEN], struct fault *fault)
{
	struct fault failure = {0};

	if (check_ca_answer(&answer->claims, &answer->refusal, claims, sha256, &failure) < 0)
		return set_fault(fault,
				 failure.class == FAULT_REFUSED &&
						 strcmp(answer->refusal.type, "not_issued") == 0
					 ? FAULT_NOT_FOUND
					 : failure.class,
				 "%s", failure.text);
	return check_complete(options, answer, fault);
}

int ask_revocation(const struct revocation_options *options, int64_t now_s,
		   struct revocation_answer *ret_answer, struct fault *fault)
{
	struct http_client_settings settings = {.endpoint = options->ca,
						.roots = options->layout->root_path,
						.connect_timeout_ms = CONNECT_TIMEOUT_MS,
						.timeout_ms = TIMEOUT_MS};
	CLEANUP(free_http_client) struct http_client *http = NULL;
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_secret) struct secret question = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};
	struct request_claims claims;
	uint8_t sha256[SHA256_LEN];

	if (read_shared_key(options->layout, CA_NAME, &key, fault) < 0 ||
	    make_request_claims(options->client, CA_NAME, now_s, &claims, fault) < 0 ||
	    format_question(options, &claims, &question, fault) < 0 ||
	    new_http_client(&settings, &http, fault) < 0 ||
	    ask_encrypted(http, &revocations_kind, &key, bytes_of_secret(&question), &json, sha256,
			  fault) < 0 ||
	    parse_revocation_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    check_answer(options, &answer, &claims, sha256, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}
