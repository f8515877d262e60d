#include "common/crypto/shared_key.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shared_key key;
	struct fault fault = {0};

	if (parse_shared_key((struct bytes){data, size}, &key, &fault) == 0)
		clear_shared_key(&key);
	return 0;
}
