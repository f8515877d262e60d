#ifndef CERTPOOL_TOOLS_HELP_OPERANDS_H
#define CERTPOOL_TOOLS_HELP_OPERANDS_H

#include <stdbool.h>

/* One word of a verb's operands (struct verb), such as "key", "CLIENT", "[CERT]", "FILE..." or
   "--before", without what is around it. "|" is between two ways of calling the verb. */
struct operand {
	char *word;
	bool optional;
	bool repeats;
};

/* Cuts the first operand off *rest, whose text it changes. Returns false after the last one. */
bool next_operand(char **rest, struct operand *ret_operand);

/* A word in small letters is itself: "disable|enable" is one of two. */
bool is_literal(const char *word);

#endif
