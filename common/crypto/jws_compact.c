#include "common/crypto/jws_compact.h"

#include "common/crypto/base64.h"

#include <string.h>

int split_compact(struct bytes text, size_t count, struct bytes ret_parts[static COMPACT_PARTS_MAX],
		  struct fault *fault)
{
	const uint8_t *end = text.data + text.len;
	const uint8_t *begin = text.data;
	const uint8_t *dot = NULL;
	size_t found = 0;

	do {
		dot = begin < end ? memchr(begin, '.', (size_t)(end - begin)) : NULL;
		if (found < count)
			ret_parts[found] =
				(struct bytes){begin, (size_t)((dot != NULL ? dot : end) - begin)};
		found++;
		begin = dot != NULL ? dot + 1 : end;
	} while (dot != NULL);
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
