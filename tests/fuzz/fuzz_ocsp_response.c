#include "common/x509/revocation/ocsp_verify.h"

#include "common/x509/der.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* Judged as if the first certificate in it were the issuer's, and all that it says asked for. */
static void judge(struct bytes der, const struct ocsp_response *response,
		  const struct ocsp_single *single)
{
	CLEANUP(free_certificate) struct certificate *issuer = NULL;
	struct bytes rest = response->certificates;
	struct ocsp_question question = {.serial = single->id.serial,
					 .nonce = response->nonce,
					 .now_s = single->this_update_s};
	struct ocsp_single found = {.reason = -1};
	struct verdict verdict = {0};
	struct fault fault = {0};
	struct der_item item;

	if (!read_der(&rest, &item) || parse_certificate_der(item.whole, &issuer, &fault) < 0)
		return;
	question.issuer = issuer;
	assert(verify_ocsp_response(der, &question, &found, &verdict, &fault) == 0);
	assert(verdict.invalid == (verdict.reason[0] != '\0'));
	assert(verdict.invalid == (found.reason == -1));
}

/* An OCSP response is refused with a reason, or holds what ocsp_response.h says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes der = {data, size};
	struct ocsp_response response = {.outcome = -1};
	struct ocsp_single single = {0};
	struct fault fault = {0};
	struct bytes rest;

	if (parse_ocsp_response(der, &response, &fault) < 0) {
		assert(response.outcome == -1);
		assert(fault.class == FAULT_MALFORMED || fault.class == FAULT_TOO_LARGE);
		assert(fault.text[0] != '\0');
		return 0;
	}
	assert(format_ocsp_outcome(response.outcome)[0] != '\0');
	if (response.outcome != OCSP_SUCCESSFUL) {
		assert(response.singles.data == NULL && response.signed_object.body.data == NULL);
		return 0;
	}
	assert((response.responder_name.len == 0) != (response.responder_key.len == 0) ||
	       response.responder_key.data != NULL);
	rest = response.singles;
	while (rest.len > 0 && read_ocsp_single(&rest, &single) == NULL) {
		assert(single.status == OCSP_REVOKED || single.revoked_at_s == 0);
		judge(der, &response, &single);
	}
	return 0;
}
