#include "common/ca/service/est_route.h"
#include "common/x509/csr.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* The body of an enrolment is refused with a reason, or gives a request whose PEM is the same one.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_csr) struct csr *csr = NULL;
	CLEANUP(free_csr) struct csr *again = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct fault fault = {0};

	if (parse_est_csr((struct bytes){data, size}, &csr, &pem, &fault) < 0) {
		assert(csr == NULL);
		assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
		return 0;
	}
	assert(parse_csr_pem(bytes_of_buffer(&pem), &again, &fault) == 0);
	assert(equal_bytes(public_key_spki(csr_public_key(csr)),
			   public_key_spki(csr_public_key(again))));
	assert(equal_bytes(csr_subject_der(csr), csr_subject_der(again)));
	return 0;
}
