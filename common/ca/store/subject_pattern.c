#include "common/ca/store/subject_pattern.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Takes one character off the text; 0 at its end. A character is its octets in a row, which puts
 * well-formed ones in the order of their code points.
 */
static uint32_t take_character(const char **text)
{
	uint32_t character = (uint8_t) * *text;

	if (character == 0)
		return 0;
	++*text;
	while (character >= 0xc0 && ((uint8_t) * *text & 0xc0) == 0x80)
		character = character << 8 | (uint8_t) * (*text)++;
	return character;
}

/* Whether the character is in the set behind a `[`. Takes the set, with its `]`, off the pattern.
 */
static bool matches_set(const char **pattern, uint32_t character)
{
	uint32_t from = 0; /* what a range would begin with */
	bool inverted = **pattern == '^';
	bool member = false;
	uint32_t next;

	if (inverted)
		++*pattern;
	next = take_character(pattern);
	if (next == ']') {
		member = character == ']';
		next = take_character(pattern);
	}
	for (; next != 0 && next != ']'; next = take_character(pattern)) {
		bool range = next == '-' && from != 0 && **pattern != ']' && **pattern != '\0';

		if (range)
			next = take_character(pattern);
		member |= range ? character >= from && character <= next : character == next;
		from = range ? 0 : next;
	}
	return next == ']' && member != inverted;
}

/* Matches one character of the text against one element of the pattern that is no `*`. */
static bool matches_one(const char **pattern, const char **text)
{
	uint32_t expected = take_character(pattern);
	uint32_t character = take_character(text);

	if (character == 0)
		return false;
	if (expected == '[')
		return matches_set(pattern, character);
	return expected == '?' || expected == character;
}

bool matches_pattern(const char *pattern, const char *text)
{
	const char *star = NULL; /* behind the last `*` */
	const char *rest = NULL; /* where the text goes on after what that `*` took */

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			rest = text;
		} else if (*pattern == '\0' && *text == '\0') {
			return true;
		} else if (*pattern == '\0' || !matches_one(&pattern, &text)) {
			/* The last `*` takes one character more; an earlier one need not change. */
			if (star == NULL || take_character(&rest) == 0)
				return false;
			pattern = star;
			text = rest;
		}
	}
}
