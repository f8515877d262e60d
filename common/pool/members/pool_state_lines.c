#include "common/pool/members/pool_state_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A line `marks` is of that many numbers, where lines of runs would be more than RUNS_MAX. */
enum { MARKS_MAX = 256, RUNS_MAX = 8 };

/* The character of each mark. */
static const char mark_letters[] = {
	[MEMBER_UNUSED] = '-', [MEMBER_USED] = 'u', [MEMBER_RETIRED] = 'r'};

bool cut_number(const char **text, char end, uint64_t most, uint64_t *ret_number)
{
	size_t len = strspn(*text, "0123456789");

	if (len == 0 || len > 20 || (*text)[len] != end)
		return false;
	errno = 0;
	*ret_number = strtoull(*text, NULL, 10);
	*text += len + (end != '\0' ? 1 : 0);
	return errno == 0 && *ret_number <= most;
}

bool cut_member(const char **text, char end, size_t *ret_member)
{
	uint64_t number;

	if (!cut_number(text, end, POOL_SIZE_MAX, &number) || number == 0)
		return false;
	*ret_member = (size_t)number;
	return true;
}

bool cut_word(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len) != 0 || (*text)[len] != ' ')
		return false;
	*text += len + 1;
	return true;
}

/* False: the number has a mark. */
static bool set_mark(struct pool_state *state, size_t number, enum member_mark mark)
{
	uint8_t *own = &state->marks[number - 1];

	if (*own != MEMBER_UNUSED)
		return false;
	*own = (uint8_t)mark;
	return true;
}

static bool parse_run(const char *text, struct pool_state *state)
{
	enum member_mark mark = text[0] == 'u' ? MEMBER_USED : MEMBER_RETIRED;
	size_t first;
	size_t last;

	if (!cut_word(&text, mark == MEMBER_USED ? "used" : "retired") ||
	    !cut_member(&text, ' ', &first) || !cut_member(&text, '\0', &last) || first > last ||
	    last > state->last)
		return false;
	for (size_t i = first; i <= last; i++)
		if (!set_mark(state, i, mark))
			return false;
	return true;
}

bool parse_marks(const char *text, struct pool_state *state)
{
	size_t first;
	size_t len;

	if (!cut_word(&text, "marks"))
		return parse_run(text, state);
	if (!cut_member(&text, ' ', &first))
		return false;
	len = strlen(text);
	if (len == 0 || first > state->last || len > state->last - first + 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		const char *letter = memchr(mark_letters, text[i], sizeof(mark_letters));

		if (letter == NULL ||
		    !set_mark(state, first + i, (enum member_mark)(letter - mark_letters)))
			return false;
	}
	return true;
}

/* The end of the run of numbers with the same mark that begins behind `begin` of them. */
static size_t end_of_run(const struct pool_state *state, size_t begin, size_t end)
{
	size_t i = begin;

	while (i < end && state->marks[i] == state->marks[begin])
		i++;
	return i;
}

static bool has_many_runs(const struct pool_state *state, size_t begin, size_t end)
{
	size_t runs = 0;

	for (size_t i = begin; i < end && runs <= RUNS_MAX; i = end_of_run(state, i, end))
		runs++;
	return runs > RUNS_MAX;
}

void append_marks(const struct pool_state *state, struct buffer *text)
{
	size_t end;

	for (size_t i = 0; i < state->last; i = end) {
		char letters[MARKS_MAX + 1] = "";

		end = state->last - i < MARKS_MAX ? state->last : i + MARKS_MAX;
		if (has_many_runs(state, i, end)) {
			for (size_t j = i; j < end; j++)
				letters[j - i] = mark_letters[state->marks[j]];
			append_format(text, "marks %zu %s\n", i + 1, letters);
			continue;
		}
		end = end_of_run(state, i, state->last);
		if (state->marks[i] != MEMBER_UNUSED)
			append_format(text, "%s %zu %zu\n",
				      state->marks[i] == MEMBER_USED ? "used" : "retired", i + 1,
				      end);
	}
}
