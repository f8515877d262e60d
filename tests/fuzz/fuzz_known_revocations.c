#include "common/pool/members/known_revocations.h"
#include "tests/fuzz/target.h"

#include <stdlib.h>

/* What is accepted has a line for each, by rising serial, and every serial is found. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(clear_known_revocations) struct known_revocations known = {0};
	struct fault fault = {0};

	if (parse_known_revocations((struct bytes){data, size}, &known, &fault) < 0)
		return 0;
	for (size_t i = 0; i < known.count; i++)
		if (find_known_revocation(&known, (struct bytes){known.items[i].serial,
								 SERIAL_MAX}) != &known.items[i])
			abort();
	return 0;
}
