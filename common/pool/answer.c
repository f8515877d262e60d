#include "common/pool/answer.h"

#include <string.h>

int check_ca_answer(const struct answer_claims *claims, const struct refusal *refusal,
		    const struct request_claims *request,
		    const uint8_t request_sha256[static SHA256_LEN], struct fault *fault)
{
	bool failed = strcmp(refusal->type, "failed") == 0;

	if (check_answer_claims(claims, request, request_sha256, fault) < 0)
		return -1;
	if (refusal->type[0] == '\0')
		return 0;
	return set_fault(fault, failed ? FAULT_FAILED : FAULT_REFUSED, "the CA refused (%s): %s",
			 refusal->type, refusal->detail);
}
