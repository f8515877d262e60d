#include "common/crypto/json_memory.h"

#include "common/base/bytes.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>

static void wipe_and_free(void *memory)
{
	wipe(memory, malloc_usable_size(memory));
	free(memory);
}

void wipe_json_memory(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}
