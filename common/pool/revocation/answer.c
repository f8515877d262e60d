#include "common/pool/revocation/answer.h"

#include <string.h>

static enum fault_class class_of(const struct refusal *refusal)
{
	if (strcmp(refusal->type, RATE_REFUSAL) == 0)
		return FAULT_BUSY;
	return strcmp(refusal->type, "failed") == 0 ? FAULT_FAILED : FAULT_REFUSED;
}

int check_ca_answer(const struct answer_claims *claims, const struct refusal *refusal,
		    const struct request_claims *request,
		    const uint8_t request_sha256[static SHA256_LEN], struct fault *fault)
{
	if (check_answer_claims(claims, request, request_sha256, fault) < 0)
		return -1;
	if (refusal->type[0] == '\0')
		return 0;
	return set_fault(fault, class_of(refusal), "the CA refused (%s): %s", refusal->type,
			 refusal->detail);
}
