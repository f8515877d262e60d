#include "common/ca/backup/key_files.h"
#include "tests/fuzz/target.h"

#include <assert.h>
#include <string.h>

/*
 * An archive of keys is refused with a reason, or taken apart to its end: every file has a plain
 * name of a key of a CA's layout, and lies within the archive.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = {data, size};
	bool found = true;

	while (found) {
		struct archived_key key = {0};
		struct fault fault = {0};
		size_t left = rest.len;

		if (take_archived_key(&rest, &key, &found, &fault) < 0) {
			assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
			return 0;
		}
		if (!found)
			break;
		assert(rest.len < left);
		assert(key.name[0] != '.' && key.name[0] != '\0');
		assert(strchr(key.name, '/') == NULL);
		assert(key.content.data >= data);
		assert(key.content.data + key.content.len <= data + size);
	}
	return 0;
}
