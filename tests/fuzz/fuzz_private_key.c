#include "common/crypto/key.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct private_key *key = NULL;
	struct fault fault = {0};

	if (parse_private_key((struct bytes){data, size}, &key, &fault) == 0)
		free_private_key(&key);
	return 0;
}
