#include "common/ca/service/est_route.h"
#include "common/x509/csr.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* The body of an enrolment is refused with a reason, or gives a request. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_csr) struct csr *csr = NULL;
	struct fault fault = {0};

	if (parse_est_csr((struct bytes){data, size}, &csr, &fault) < 0) {
		assert(csr == NULL);
		assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
		return 0;
	}
	assert(csr_subject(csr) != NULL && csr_public_key(csr) != NULL);
	return 0;
}
