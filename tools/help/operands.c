#include "tools/help/operands.h"

#include <ctype.h>
#include <string.h>

static const char dots[] = "...";

bool next_operand(char **rest, struct operand *ret_operand)
{
	char *word = strsep(rest, " ");

	if (word == NULL || *word == '\0')
		return false;
	ret_operand->optional = word[0] == '[';
	ret_operand->repeats = strstr(word, dots) != NULL;
	if (*rest != NULL && strcmp(*rest, dots) == 0) {
		ret_operand->repeats = true;
		*rest = NULL;
	}
	ret_operand->word = word + (ret_operand->optional ? 1 : 0);
	ret_operand->word[strcspn(ret_operand->word, ".]")] = '\0';
	return true;
}

bool is_literal(const char *word)
{
	return islower((unsigned char)word[0]) != 0;
}
