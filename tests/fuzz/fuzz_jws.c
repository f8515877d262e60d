#include "common/crypto/signed_message.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* A JWS is refused with a reason, or holds what signed_message.h says; it is of one kind at most.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(clear_signed_message) struct signed_message message = {0};
	CLEANUP(clear_signed_message) struct signed_message sealed = {0};
	struct bytes jws = {data, size};
	struct fault fault = {0};
	struct fault other = {0};
	size_t octets = 0;
	bool is_sealed = parse_sealed_message(jws, &sealed, &other) == 0;

	if (is_sealed)
		assert(sealed.claims.iss[0] == '\0' && sealed.claims.aud[0] == '\0' &&
		       valid_jti(sealed.claims.jti) && sealed.chain_count >= 1 &&
		       !sealed.by_digest);
	else
		assert(other.class == FAULT_MALFORMED && other.text[0] != '\0');
	if (parse_signed_message(jws, &message, &fault) < 0) {
		assert(message.chain_count == 0 && message.payload.data == NULL);
		assert(fault.class == FAULT_MALFORMED && fault.text[0] != '\0');
		return 0;
	}
	assert(!is_sealed);
	assert(message.algorithm < SIGNATURE_ALGORITHM_COUNT);
	assert(message.claims.iss[0] == '\0' || valid_name(message.claims.iss));
	assert(valid_name(message.claims.aud) && valid_jti(message.claims.jti));
	assert(message.claims.iat_s > 0);
	assert(message.by_digest ? message.chain_count == 0 : message.chain_count >= 1);
	assert(message.chain_count <= CHAIN_MAX);
	for (size_t i = 0; i < message.chain_count; i++)
		octets += message.chain[i].len;
	assert(octets <= CHAIN_OCTETS_MAX);
	assert(equal_bytes(bytes_of_buffer(&message.signing_input),
			   (struct bytes){jws.data, message.signing_input.len}));
	return 0;
}
