#include "common/pool/members/duplicate_keys.h"

#include <stdlib.h>
#include <string.h>

struct member_key {
	uint8_t sha256[SHA256_LEN];
	size_t index;
	bool certified; /* the member's certificate is for it */
};

int note_member_key(const struct member_view *view, struct buffer *keys, struct fault *fault)
{
	struct member_key key = {.index = view->index, .certified = view->certificate != NULL};

	if (view->public_key == NULL)
		return 0;
	public_key_sha256(view->public_key, key.sha256);
	append_bytes(keys, (struct bytes){(const uint8_t *)&key, sizeof(key)});
	return check_buffer(keys, fault);
}

/* Equal keys stand together, and the one that keeps it comes first. */
static int compare_keys(const void *a, const void *b)
{
	const struct member_key *left = a;
	const struct member_key *right = b;
	int order = memcmp(left->sha256, right->sha256, SHA256_LEN);

	if (order == 0)
		order = (int)right->certified - (int)left->certified;
	if (order == 0)
		order = (left->index > right->index) - (left->index < right->index);
	return order;
}

int find_duplicate_keys(struct buffer *keys, struct buffer *duplicates, struct fault *fault)
{
	struct member_key *items = (void *)keys->data;
	size_t count = keys->len / sizeof(*items);
	size_t first = 0;

	if (count > 0)
		qsort(items, count, sizeof(*items), compare_keys);
	for (size_t i = 1; i < count; i++) {
		const struct duplicate_key duplicate = {items[i].index, items[first].index};

		if (memcmp(items[i].sha256, items[first].sha256, SHA256_LEN) == 0)
			append_bytes(duplicates, (struct bytes){(const uint8_t *)&duplicate,
								sizeof(duplicate)});
		else
			first = i;
	}
	return check_buffer(duplicates, fault);
}
