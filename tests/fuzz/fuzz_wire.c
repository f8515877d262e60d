#include "common/wire/certificates.h"
#include "common/wire/envelope.h"
#include "common/wire/invitation.h"
#include "common/wire/key_exchange.h"
#include "common/wire/revocation.h"
#include "common/wire/roots.h"
#include "common/wire/status.h"
#include "common/wire/statuses.h"
#include "tests/fuzz/target.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes json = {data, size};
	struct certificates_request request = {0};
	struct certificates_answer answer = {0};
	struct status_request status = {0};
	struct status_answer status_answer = {0};
	struct message_answer message_answer = {0};
	struct revocation_request revocation = {0};
	struct revocation_answer revocation_answer = {0};
	struct statuses_request statuses = {0};
	struct statuses_answer statuses_answer = {0};
	struct key_request key = {0};
	struct key_answer key_answer = {0};
	struct roots_request roots = {0};
	struct roots_answer roots_answer = {0};
	struct invitation invitation = {0};
	struct request_claims claims = {0};
	struct fault fault = {0};

	if (parse_certificates_request(json, &request, &claims, &fault) == 0)
		clear_certificates_request(&request);
	if (parse_certificates_answer(json, &answer, &fault) == 0)
		clear_certificates_answer(&answer);
	if (parse_status_request(json, &status, &claims, &fault) == 0)
		clear_status_request(&status);
	if (parse_revocation_request(json, &revocation, &claims, &fault) == 0)
		clear_revocation_request(&revocation);
	if (parse_revocation_answer(json, &revocation_answer, &fault) == 0)
		clear_revocation_answer(&revocation_answer);
	if (parse_statuses_request(json, &statuses, &claims, &fault) == 0)
		clear_statuses_request(&statuses);
	if (parse_statuses_answer(json, &statuses_answer, &fault) == 0)
		clear_statuses_answer(&statuses_answer);
	if (parse_key_request(json, &key, &claims, &fault) == 0)
		clear_key_request(&key);
	if (parse_key_answer(json, &key_answer, &fault) == 0)
		clear_key_answer(&key_answer);
	if (parse_roots_request(json, &roots, &claims, &fault) == 0)
		assert(roots.count >= 1 && roots.count <= ROOTS_MAX);
	if (parse_roots_answer(json, &roots_answer, &fault) == 0)
		clear_roots_answer(&roots_answer);
	if (parse_invitation(json, &invitation, &fault) == 0)
		clear_invitation(&invitation);
	if (parse_status_answer(json, &status_answer, &fault) < 0)
		fault = (struct fault){0};
	if (parse_message_answer(json, &message_answer, &fault) < 0)
		fault = (struct fault){0};
	return 0;
}
