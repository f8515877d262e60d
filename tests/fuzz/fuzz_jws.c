#include "common/crypto/signed_message.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signed_message message = {0};
	struct fault fault = {0};

	if (parse_signed_message((struct bytes){data, size}, &message, &fault) == 0)
		clear_signed_message(&message);
	return 0;
}
