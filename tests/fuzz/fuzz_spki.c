#include "common/crypto/key.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* A public key is refused with a reason, or is exactly the octets that were read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_public_key) struct public_key *key = NULL;
	struct bytes spki = {data, size};
	struct fault fault = {0};

	if (parse_public_key(spki, &key, &fault) < 0) {
		assert(key == NULL);
		assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
		return 0;
	}
	assert(public_key_type(key) < KEY_TYPE_COUNT);
	assert(equal_bytes(public_key_spki(key), spki));
	return 0;
}
