#include "common/pool/enrolment/exported_requests.h"
#include "tests/fuzz/target.h"

#include <stdlib.h>

/* What is accepted is written as it was read, or shorter: 5,6 as 5-6. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes text = {data, size};
	CLEANUP(clear_exported_requests) struct exported_requests requests = {0};
	CLEANUP(clear_buffer) struct buffer written = {0};
	struct fault fault = {0};

	if (parse_exported_requests(text, &requests, &fault) < 0)
		return 0;
	if (format_exported_requests(&requests, &written, &fault) < 0 || written.len > size)
		abort();
	return 0;
}
