#include "common/crypto/key.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* A private key is refused with a reason, or can be written, and read again as the same key. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_private_key) struct private_key *again = NULL;
	CLEANUP(clear_secret) struct secret pem = {0};
	struct fault fault = {0};

	if (parse_private_key((struct bytes){data, size}, &key, &fault) < 0) {
		assert(key == NULL);
		assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
		return 0;
	}
	assert(format_private_key(key, &pem, &fault) == 0);
	assert(parse_private_key(bytes_of_secret(&pem), &again, &fault) == 0);
	assert(private_key_type(again) == private_key_type(key));
	return 0;
}
