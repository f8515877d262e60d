#include "common/x509/csr.h"
#include "tests/fuzz/target.h"

#include <assert.h>
#include <string.h>

/* The proof of possession holds or does not; either way it can be judged, and always alike. */
static void check_proof(const struct csr *csr)
{
	struct verdict verdict = {0};
	struct fault fault = {0};

	assert(verify_csr(csr, &verdict, &fault) == 0);
	assert(verdict.invalid == (verdict.reason[0] != '\0'));
}

/* A request, in DER or in PEM, is refused with a reason, or holds what csr.h says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_csr) struct csr *csr = NULL;
	struct bytes octets = {data, size};
	struct fault fault = {0};

	if ((size > 0 && data[0] == '-' ? parse_csr_pem(octets, &csr, &fault)
					: parse_csr_der(octets, &csr, &fault)) < 0) {
		assert(csr == NULL);
		assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
		return 0;
	}
	assert(csr_subject(csr)[0] != '\0' && strlen(csr_subject(csr)) < SUBJECT_SIZE);
	assert(csr_public_key(csr) != NULL);
	assert((csr_alt_names(csr)->count > 0) == (csr_alt_names_der(csr).len > 0));
	for (size_t i = 0; i < csr_alt_names(csr)->count; i++)
		assert(strlen(csr_alt_names(csr)->names[i]) <= ALT_NAME_MAX);
	check_proof(csr);
	return 0;
}
