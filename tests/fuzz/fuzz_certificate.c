#include "common/x509/certificate.h"
#include "common/x509/chain.h"
#include "common/x509/profile.h"
#include "tests/fuzz/target.h"

#include <assert.h>
#include <string.h>

/* Each profile judges it; no certificate is both a member's and a CA's, and none signs itself. */
static void check_verdicts(const struct certificate *certificate)
{
	struct verdict verdicts[PROFILE_RESPONDER + 1] = {0};
	const struct trust trust = {
		.root = certificate, .intermediates = &certificate, .intermediate_count = 1};
	struct verdict chain = {0};
	struct fault fault = {0};

	for (int profile = PROFILE_ROOT; profile <= PROFILE_RESPONDER; profile++) {
		struct verdict *verdict = &verdicts[profile];

		assert(check_profile(certificate, (enum profile)profile, verdict, &fault) == 0);
		assert(verdict->invalid == (verdict->reason[0] != '\0'));
		assert(!verdict->invalid || strncmp(verdict->reason, "RFC ", 4) == 0 ||
		       strncmp(verdict->reason, "certpool expects", 16) == 0);
	}
	assert(verdicts[PROFILE_MEMBER].invalid || verdicts[PROFILE_ROOT].invalid);
	assert(verdicts[PROFILE_MEMBER].invalid || verdicts[PROFILE_INTERMEDIATE].invalid);
	assert(verdicts[PROFILE_MEMBER].invalid || verdicts[PROFILE_RESPONDER].invalid);
	assert(verify_chain(&trust, certificate, certificate_not_before(certificate), NULL, &chain,
			    &fault) == 0);
	assert(chain.invalid);
}

/* A certificate, in DER or in PEM, is refused with a reason, or holds what certificate.h says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct bytes octets = {data, size};
	struct fault fault = {0};

	if ((size > 0 && data[0] == '-'
		     ? parse_certificate_pem(octets, &certificate, &fault)
		     : parse_certificate_der(octets, &certificate, &fault)) < 0) {
		assert(certificate == NULL);
		assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
		return 0;
	}
	assert(certificate_serial(certificate).len >= 1);
	assert(certificate_serial(certificate).len <= SERIAL_MAX);
	assert(certificate_subject(certificate) != NULL && certificate_issuer(certificate) != NULL);
	if (get_certificate_alt_names(certificate, &names, &fault) < 0)
		assert(fault.class == FAULT_MALFORMED && names.count == 0);
	check_verdicts(certificate);
	return 0;
}
