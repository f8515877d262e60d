#include "common/base/name.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

bool valid_name(const char *name)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789_-";
	size_t len = strnlen(name, NAME_SIZE);

	return len > 0 && len < NAME_SIZE && name[0] != '-' && strspn(name, alphabet) == len;
}

enum { COMPARED_MAX = 64, DIGIT_SLIPS = 16, SHORTEST_BEGINNING = 3 };

static size_t weigh(char c)
{
	return c >= '0' && c <= '9' ? DIGIT_SLIPS : 1;
}

static size_t smallest(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Another letter instead of a. */
static size_t weigh_exchange(char a, char b)
{
	if (a == b)
		return 0;
	return weigh(a) > weigh(b) ? weigh(a) : weigh(b);
}

typedef unsigned short slip_table[COMPARED_MAX + 1][COMPARED_MAX + 1];

/* Of the first i letters of a and the first j of b, from those of fewer letters. */
static size_t find_slips(slip_table table, const char *a, size_t i, const char *b, size_t j)
{
	size_t best = i == 0 && j == 0 ? 0 : SIZE_MAX;

	if (i > 0)
		best = table[i - 1][j] + weigh(a[i - 1]);
	if (j > 0)
		best = smallest(best, table[i][j - 1] + weigh(b[j - 1]));
	if (i > 0 && j > 0)
		best = smallest(best, table[i - 1][j - 1] + weigh_exchange(a[i - 1], b[j - 1]));
	if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
		best = smallest(best, table[i - 2][j - 2] + weigh(a[i - 1]));
	return best;
}

/* The optimal string alignment distance. */
static size_t count_slips(const char *a, size_t a_len, const char *b, size_t b_len)
{
	slip_table table;

	for (size_t i = 0; i <= a_len; i++)
		for (size_t j = 0; j <= b_len; j++)
			table[i][j] = (unsigned short)find_slips(table, a, i, b, j);
	return table[a_len][b_len];
}

void compare_name(struct nearest_name *search, const char *name)
{
	size_t len = strnlen(search->word, COMPARED_MAX + 1);
	size_t name_len = strnlen(name, COMPARED_MAX + 1);
	size_t slips;

	if (len > COMPARED_MAX || name_len > COMPARED_MAX)
		return;
	slips = count_slips(search->word, len, name, name_len);
	if (len >= SHORTEST_BEGINNING && strncmp(name, search->word, len) == 0)
		slips = 1;
	if (slips > 1 + len / 4 || slips >= len ||
	    (search->nearest != NULL && slips >= search->slips))
		return;
	search->nearest = name;
	search->slips = slips;
}

void format_meant(const struct nearest_name *search, char ret_text[static MEANT_SIZE])
{
	ret_text[0] = '\0';
	if (search->nearest != NULL)
		(void)snprintf(ret_text, MEANT_SIZE, ": did you mean %s?", search->nearest);
}
