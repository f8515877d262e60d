#include "common/x509/revocation/ocsp_request.h"
#include "tests/fuzz/target.h"

#include <assert.h>

static bool lies_within(struct bytes inner, struct bytes outer)
{
	return inner.len == 0 ||
	       (inner.data >= outer.data && inner.data + inner.len <= outer.data + outer.len);
}

/* An OCSP request is refused with a reason, or holds what ocsp_request.h says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct issuer_hashes nobody;
	struct bytes der = {data, size};
	struct ocsp_request request = {0};
	struct fault fault = {0};

	if (parse_ocsp_request(der, &request, &fault) < 0) {
		assert(request.count == 0);
		assert(fault.class == FAULT_MALFORMED || fault.class == FAULT_TOO_LARGE);
		assert(fault.text[0] != '\0');
		return 0;
	}
	assert(request.count >= 1 && request.count <= OCSP_CERTIFICATES_MAX);
	assert(request.nonce.len <= OCSP_NONCE_MAX && lies_within(request.nonce, der));
	for (size_t i = 0; i < request.count; i++) {
		const struct cert_id *id = &request.ids[i];

		assert(id->whole.len <= CERT_ID_MAX && lies_within(id->whole, der));
		assert(lies_within(id->issuer_name_hash, id->whole));
		assert(lies_within(id->issuer_key_hash, id->whole));
		assert(id->serial.len >= 1 && lies_within(id->serial, id->whole));
		(void)cert_id_matches_issuer(id, &nobody);
	}
	return 0;
}
