#include "common/crypto/key.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct public_key *key = NULL;
	struct fault fault = {0};

	if (parse_public_key((struct bytes){data, size}, &key, &fault) == 0)
		free_public_key(&key);
	return 0;
}
