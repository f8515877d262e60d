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

/* The node name of the certification authority; a client cannot have it. */
#define CA_NAME "ca"

#endif
