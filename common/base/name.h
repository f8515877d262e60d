#ifndef CERTPOOL_BASE_NAME_H
#define CERTPOOL_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Names of nodes and members: ^[A-Za-z0-9_-]{1,64}$, not beginning with '-'. Such a name is safe in
 * a path, a URL, a JSON string and an SQL literal, and cannot be taken for an option. Names are
 * case-sensitive; two names of one manifest that differ only in case are refused there.
 */

enum { NAME_SIZE = 65 }; /* the longest name and its NUL */

bool valid_name(const char *name);

/*
 * The name that was probably meant by a word which is none of the names, for a message: the nearest
 * by slips of the fingers (a letter that is missing, too many, another one, or exchanged with the
 * next), at most one in four letters; or the first that begins with the word. Digits are no slips:
 * client12 is not meant by client13. Begins as {.word = …}; compare_name is called for each name.
 * Owns: nearest is borrowed from the names, and NULL when none comes near.
 */
struct nearest_name {
	const char *word;
	const char *nearest;
	size_t slips; /* of nearest */
};
void compare_name(struct nearest_name *search, const char *name);

/* Writes ": did you mean NAME?" for the end of a message, or "" when none comes near. */
enum { MEANT_SIZE = 96 };
void format_meant(const struct nearest_name *search, char ret_text[static MEANT_SIZE]);

/* The node name of the certification authority; a client cannot have it. */
#define CA_NAME "ca"

#endif
