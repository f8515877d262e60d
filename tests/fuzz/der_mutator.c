#include "tests/fuzz/der_mutator.h"

#include "common/x509/der.h"

#include <string.h>

enum { NODES_MAX = 1024, DEPTH_MAX = 24, NO_PARENT = -1 };

/* An item of the tree, by offsets into the object. */
struct node {
	size_t begin;   /* of the tag */
	size_t content; /* of the content, or of the items in it */
	size_t end;
	uint8_t tag;
	int parent;
};

struct tree {
	struct bytes der;
	struct node nodes[NODES_MAX];
	int count;
};

size_t draw(struct lot *lot, size_t bound)
{
	lot->state ^= lot->state >> 12;
	lot->state ^= lot->state << 25;
	lot->state ^= lot->state >> 27;
	return (size_t)((lot->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % bound;
}

/* Whether the octets are a sequence of items, at least one. */
static bool is_items(struct bytes content)
{
	struct der_item item;

	if (content.len == 0)
		return false;
	while (content.len > 0)
		if (!read_der(&content, &item))
			return false;
	return true;
}

/* Adds the items between the two offsets, and what is in them. */
static void add_items(struct tree *tree, size_t begin, size_t end, int parent, int depth)
{
	struct bytes rest = {tree->der.data + begin, end - begin};
	struct der_item item;

	while (tree->count < NODES_MAX && read_der(&rest, &item)) {
		const int index = tree->count++;
		struct node *node = &tree->nodes[index];
		struct bytes inner = item.content;

		if (item.tag == DER_BIT_STRING && inner.len > 1 && inner.data[0] == 0) {
			inner.data++;
			inner.len--;
		}
		*node = (struct node){
			.begin = (size_t)(item.whole.data - tree->der.data),
			.content = (size_t)(inner.data - tree->der.data),
			.end = (size_t)(item.whole.data - tree->der.data) + item.whole.len,
			.tag = item.tag,
			.parent = parent,
		};
		if (depth < DEPTH_MAX &&
		    ((item.tag & 0x20) != 0 ||
		     ((item.tag == DER_OCTET_STRING || item.tag == DER_BIT_STRING) &&
		      is_items(inner))))
			add_items(tree, node->content, node->end, index, depth + 1);
	}
}

static struct bytes whole_of(const struct tree *tree, const struct node *node)
{
	return (struct bytes){tree->der.data + node->begin, node->end - node->begin};
}

static struct bytes content_of(const struct tree *tree, const struct node *node)
{
	return (struct bytes){tree->der.data + node->content, node->end - node->content};
}

/* Appends an item with the node's tag, and a BIT STRING's octet that counts unused bits. */
static void append_like(struct buffer *buffer, const struct node *node, struct bytes content)
{
	const size_t begin = buffer->len;

	if (node->tag == DER_BIT_STRING)
		append_bytes(buffer, (struct bytes){(const uint8_t *)"", 1});
	append_bytes(buffer, content);
	enclose_der(buffer, begin, node->tag);
}

/* The contents that a parser could stumble over. */
static struct bytes draw_content(struct lot *lot)
{
	static const char *const texts[] = {
		"",
		"\x01",
		"\x7f",
		"\xff",
		"\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
		"12345678901234567890",
		"123456789012345678901",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"260101000000Z",
		"500101000000Z",
		"20260101000000Z",
		"99991231235959Z",
		"2601010000Z",
		"10.0.0.1",
		"*.example.org",
		"\xc3\xa9",
	};
	const char *text = texts[draw(lot, COUNT_OF(texts))];

	/* One octet of zero is a content too. */
	return draw(lot, 17) == 0 ? (struct bytes){(const uint8_t *)"", 1} : bytes_of_string(text);
}

/* Appends the content with one octet, or bit, changed, inserted or taken away. */
static void append_changed(struct lot *lot, struct bytes content, struct buffer *buffer)
{
	const size_t begin = buffer->len;
	const uint8_t octet = (uint8_t)draw(lot, 256);
	const size_t at = content.len > 0 ? draw(lot, content.len) : 0;

	append_bytes(buffer, (struct bytes){content.data, at});
	if (content.len == 0 || draw(lot, 4) == 0)
		append_bytes(buffer, (struct bytes){&octet, 1});
	if (content.len == 0)
		return;
	if (draw(lot, 4) > 0) {
		append_bytes(buffer, (struct bytes){content.data + at, content.len - at});
		if (!buffer->failed && draw(lot, 2) == 0)
			buffer->data[begin + at] ^= (uint8_t)(1U << draw(lot, 8));
	} else {
		append_bytes(buffer, (struct bytes){content.data + at + 1, content.len - at - 1});
	}
}

enum change { OMIT, DOUBLE, SWAP_TAG, EMPTY, NEW_CONTENT, CHANGE, BORROW, GIVE, CHANGE_COUNT };

/* Appends what stands in the place of the node. */
static void append_replacement(struct lot *lot, const struct tree *tree, const struct node *node,
			       struct bytes donor, struct buffer *buffer)
{
	static const uint8_t tags[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13,
				       0x14, 0x16, 0x17, 0x18, 0x1e, 0x30, 0x31, 0x80, 0x81,
				       0x82, 0x86, 0x87, 0xa0, 0xa1, 0xa3, 0xa4};
	const struct bytes whole = whole_of(tree, node);
	struct node other = *node;

	switch ((enum change)draw(lot, CHANGE_COUNT)) {
	case OMIT:
		return;
	case DOUBLE:
		append_bytes(buffer, whole);
		append_bytes(buffer, whole);
		return;
	case SWAP_TAG:
		other.tag = tags[draw(lot, COUNT_OF(tags))];
		append_like(buffer, &other, content_of(tree, node));
		return;
	case EMPTY:
		append_like(buffer, node, (struct bytes){0});
		return;
	case NEW_CONTENT:
		append_like(buffer, node, draw_content(lot));
		return;
	case CHANGE: {
		CLEANUP(clear_buffer) struct buffer content = {0};

		append_changed(lot, content_of(tree, node), &content);
		append_like(buffer, node, bytes_of_buffer(&content));
		return;
	}
	case BORROW:
		append_bytes(buffer, donor);
		return;
	case GIVE:
		append_bytes(buffer, whole);
		append_bytes(buffer, donor);
		return;
	case CHANGE_COUNT:
		return;
	}
}

/* A donor, or another item of the object. */
static struct bytes draw_donor(struct lot *lot, const struct tree *tree, const struct bytes *donors,
			       size_t donor_count)
{
	if (donor_count > 0 && draw(lot, 2) == 0)
		return donors[draw(lot, donor_count)];
	return whole_of(tree, &tree->nodes[draw(lot, (size_t)tree->count)]);
}

void mutate_der(struct lot *lot, struct bytes der, const struct bytes *donors, size_t donor_count,
		struct buffer *ret_mutant)
{
	CLEANUP(clear_buffer) struct buffer part = {0};
	struct tree tree = {.der = der};
	const struct node *node;
	size_t begin;
	size_t end;

	add_items(&tree, 0, der.len, NO_PARENT, 0);
	if (tree.count == 0) {
		append_changed(lot, der, ret_mutant);
		return;
	}
	node = &tree.nodes[draw(lot, (size_t)tree.count)];
	append_replacement(lot, &tree, node, draw_donor(lot, &tree, donors, donor_count), &part);
	begin = node->begin;
	end = node->end;
	while (node->parent != NO_PARENT) {
		CLEANUP(clear_buffer) struct buffer content = {0};

		node = &tree.nodes[node->parent];
		append_bytes(&content,
			     (struct bytes){der.data + node->content, begin - node->content});
		append_bytes(&content, bytes_of_buffer(&part));
		append_bytes(&content, (struct bytes){der.data + end, node->end - end});
		clear_buffer(&part);
		append_like(&part, node, bytes_of_buffer(&content));
		begin = node->begin;
		end = node->end;
	}
	append_bytes(ret_mutant, (struct bytes){der.data, begin});
	append_bytes(ret_mutant, bytes_of_buffer(&part));
	append_bytes(ret_mutant, (struct bytes){der.data + end, der.len - end});
}
