#include "common/crypto/compact.h"

#include "common/crypto/base64.h"

#include <string.h>

int split_compact(struct bytes text, size_t count, struct bytes ret_parts[static COMPACT_PARTS_MAX],
		  struct fault *fault)
{
	size_t found = 0;
	size_t begin = 0;

	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && text.data[i] != '.')
			continue;
		if (found < count)
			ret_parts[found] = (struct bytes){text.data + begin, i - begin};
		found++;
		begin = i + 1;
	}
	if (found != count)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected %zu parts between dots, found %zu", count, found);
	return 0;
}

static bool is_allowed(const char *name, const char *const *allowed)
{
	while (*allowed != NULL && strcmp(name, *allowed) != 0)
		allowed++;
	return *allowed != NULL;
}

int parse_header(struct bytes part, const char *const *allowed, json_t **ret_header,
		 struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(free_json) json_t *header = NULL;

	if (part.len > HEADER_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "header: expected at most %d characters, found %zu", HEADER_MAX,
				 part.len);
	if (decode_base64url(part, &text, fault) < 0)
		return prefix_fault(fault, "header");
	if (parse_json_object(bytes_of_buffer(&text), "header", &header, fault) < 0)
		return -1;
	for (void *at = json_object_iter(header); at != NULL;
	     at = json_object_iter_next(header, at)) {
		const char *name = json_object_iter_key(at);

		if (!is_allowed(name, allowed))
			return set_fault(fault, FAULT_MALFORMED,
					 "header: member \"%s\" is not allowed", name);
	}
	*ret_header = TAKE(header);
	return 0;
}

int append_json(struct buffer *buffer, const json_t *object, struct fault *fault)
{
	size_t len = json_dumpb(object, NULL, 0, JSON_COMPACT);
	uint8_t *begin = len > 0 ? extend_buffer(buffer, len) : NULL;

	if (begin == NULL || json_dumpb(object, (char *)begin, len, JSON_COMPACT) != len)
		return set_memory_fault(fault);
	return 0;
}
