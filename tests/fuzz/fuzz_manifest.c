#include "common/layout/manifest.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* A manifest is refused with a reason, or holds what manifest.h says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	struct fault fault = {0};

	if (parse_manifest((struct bytes){data, size}, "manifest.yaml", &manifest, &fault) < 0) {
		assert(manifest == NULL);
		assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
		return 0;
	}
	for (size_t i = 0; i < manifest->client_count; i++) {
		assert(valid_name(manifest->clients[i].name));
		assert(manifest->clients[i].pool.size >= 1);
		assert(manifest->clients[i].pool.size <= POOL_SIZE_MAX);
		assert(manifest->clients[i].policy.subject != NULL);
	}
	for (size_t i = 0; i < manifest->step_count; i++) {
		assert(manifest->steps[i].from < manifest->client_count);
		assert(manifest->steps[i].to < manifest->client_count);
	}
	return 0;
}
