#include "common/crypto/shared_key.h"
#include "tests/fuzz/target.h"

#include <assert.h>
#include <string.h>

/* A shared key is refused with a reason, or can be written, and read again as the same key. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_shared_key) struct shared_key again = {0};
	CLEANUP(clear_secret) struct secret jwk = {0};
	struct fault fault = {0};

	if (parse_shared_key((struct bytes){data, size}, &key, &fault) < 0) {
		assert(key.kid[0] == '\0');
		assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
		return 0;
	}
	assert(valid_name(key.kid));
	assert(format_shared_key(&key, &jwk, &fault) == 0);
	assert(parse_shared_key(bytes_of_secret(&jwk), &again, &fault) == 0);
	assert(strcmp(key.kid, again.kid) == 0);
	assert(memcmp(key.key, again.key, sizeof(key.key)) == 0);
	assert(key.ends_s == again.ends_s && key.offer == again.offer);
	return 0;
}
