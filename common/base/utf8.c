#include "common/base/utf8.h"

/* From the first octet: how many follow, and the least character that needs so many. */
static bool begin_character(uint8_t first, size_t *ret_more, uint32_t *ret_least,
			    uint32_t *ret_character)
{
	static const struct {
		uint8_t mask;
		uint8_t mark;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		if ((first & forms[i].mask) != forms[i].mark)
			continue;
		*ret_more = i;
		*ret_least = forms[i].least;
		*ret_character = first & (uint8_t)~forms[i].mask;
		return true;
	}
	return false;
}

bool read_utf8(struct bytes *text, uint32_t *ret_character)
{
	uint32_t character;
	uint32_t least;
	size_t more;

	if (text->len == 0 || !begin_character(text->data[0], &more, &least, &character) ||
	    text->len <= more)
		return false;
	for (size_t i = 1; i <= more; i++) {
		if ((text->data[i] & 0xc0) != 0x80)
			return false;
		character = character << 6 | (text->data[i] & 0x3f);
	}
	if (character < least || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return false;
	*ret_character = character;
	text->data += more + 1;
	text->len -= more + 1;
	return true;
}

bool deceptive_character(uint32_t character)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} ranges[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},
		      {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};

	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}
