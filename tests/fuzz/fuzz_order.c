#include "common/ca/signer/channel.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* What the front of a CA asks its signer is refused, or is exactly what append_order writes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(clear_parsed_order) struct parsed_order parsed = {0};
	CLEANUP(clear_buffer) struct buffer again = {0};
	struct signed_result result = {0};
	struct bytes octets = {data, size};
	struct fault fault = {0};

	if (parse_results(octets, &result, 1, &fault) < 0)
		assert(fault.class == FAULT_FAILED);
	clear_signed_result(&result);
	fault = (struct fault){0};
	if (parse_order(octets, &parsed, &fault) < 0) {
		assert(parsed.bodies == NULL && parsed.order.count == 0);
		assert(fault.class == FAULT_MALFORMED && fault.text[0] != '\0');
		return 0;
	}
	append_order(&again, &parsed.order);
	assert(equal_bytes(bytes_of_buffer(&again), octets));
	return 0;
}
