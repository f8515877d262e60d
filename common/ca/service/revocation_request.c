#include "common/ca/service/revocation_request.h"

#include "common/ca/store/crl_state.h"
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

int revoke_own(struct authority *authority, const char *client,
	       const struct revocation_request *request, int64_t now_s,
	       struct revocation_answer *ret_answer, struct fault *fault)
{
	struct store *store = authority_store(authority);
	const struct revocation revocation = {
		.serials = (const uint8_t(*)[SERIAL_MAX])request->serials,
		.serial_count = request->serial_count,
		.by = client,
		.reason = request->reason,
		.now_s = now_s,
		.rounding = authority_ca(authority)->rounding,
	};
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};
	struct revocation_summary summary;
	struct fault problem = {0};

	answer.revoked = calloc(request->serial_count, sizeof(*answer.revoked));
	if (answer.revoked == NULL)
		return set_memory_fault(fault);
	if (revoke_certificates(store, &revocation, add_member, &answer, &summary, &problem) < 0) {
		if (problem.class != FAULT_NOT_FOUND && problem.class != FAULT_REFUSED)
			return pass_fault(&problem, fault);
		answer.revoked_count = 0;
		set_refusal(&answer.refusal,
			    problem.class == FAULT_NOT_FOUND ? "not_issued" : "not_yours", "%s",
			    problem.text);
	} else {
		if (read_complete_crl_number(store, now_s, &answer.crl_number, fault) < 0)
			return -1;
	}
	MOVE(ret_answer, answer);
	return 0;
}
