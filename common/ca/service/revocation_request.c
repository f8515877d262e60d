#include "common/ca/service/revocation_request.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/revoke.h"

#include <stdlib.h>
#include <string.h>

static int add_member(void *context, const struct revoked_certificate *revoked, struct fault *fault)
{
	struct revocation_answer *answer = context;
	struct revoked_member *member = &answer->revoked[answer->revoked_count++];

	(void)fault;
	memcpy(member->serial, revoked->serial, SERIAL_MAX);
	memcpy(member->member, revoked->member, NAME_SIZE);
	member->revoked_at_s = revoked->revoked_at_s;
	member->reason = revoked->reason;
	member->already = revoked->already;
	return 0;
}

static int refuse(struct store *store, const char *client, int64_t now_s, const struct fault *found,
		  struct refusal *refusal, struct fault *fault)
{
	set_refusal(refusal, found->class == FAULT_NOT_FOUND ? "not_issued" : "not_yours", "%s",
		    found->text);
	return record_refusal(store, client, NULL, refusal, now_s, fault);
}

int revoke_own(const struct ca_crl_options *terms, const char *client,
	       const struct revocation_request *request, int64_t now_s,
	       struct revocation_answer *ret_answer, struct fault *ret_trouble, struct fault *fault)
{
	const struct revocation revocation = {
		.serials = (const uint8_t(*)[SERIAL_MAX])request->serials,
		.serial_count = request->serial_count,
		.by = client,
		.reason = request->reason,
		.now_s = now_s,
	};
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};
	struct revocation_summary summary;
	struct crl_info crl = {0};
	struct fault found = {0};

	answer.revoked = calloc(request->serial_count, sizeof(*answer.revoked));
	if (answer.revoked == NULL)
		return set_memory_fault(fault);
	if (revoke_certificates(terms->store, &revocation, add_member, &answer, &summary, &found) <
	    0) {
		if (found.class != FAULT_NOT_FOUND && found.class != FAULT_REFUSED)
			return pass_fault(&found, fault);
		answer.revoked_count = 0;
		if (refuse(terms->store, client, now_s, &found, &answer.refusal, fault) < 0)
			return -1;
	} else if (publish_crl(terms, CRL_WHEN_DUE, now_s, &crl, ret_trouble) == 0) {
		answer.crl_number = crl.number;
	}
	MOVE(ret_answer, answer);
	return 0;
}
