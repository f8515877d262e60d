#ifndef CERTPOOL_LAYOUT_POOL_REUSE_H
#define CERTPOOL_LAYOUT_POOL_REUSE_H

#include "common/layout/field.h"

/* How the member that signs a message is chosen, in the words of ETSI TS 119 472-3
   (credential_reuse_policy). */
enum reuse {
	REUSE_RANDOM,            /* uniformly for each message; keeps no state */
	REUSE_LIMITED_TIME,      /* one member until its time is over, then another */
	REUSE_ROTATING_BATCH,    /* each once, in random order, then again in another order */
	REUSE_PER_RELYING_PARTY, /* one for each receiver, and for no other */
};

enum { HOLD_MESSAGES_MAX = 1000000 };

struct pool_reuse {
	enum reuse method;
	size_t hold_messages; /* that a member signs before the next is chosen; 0: one */
	int64_t hold_s;       /* the same as a time; 0: not given */
};

/* "random", "rotating-batch" and so on. */
const char *format_reuse(enum reuse method);

/* Setters of a table's row: of an enum reuse, and of a whole struct pool_reuse, whose hold is a
   number of messages or a duration. */
field_setter set_reuse;
field_setter set_hold;

/*
 * Refuses what does not go together. pool is the mapping that was read, NULL if there was none.
 * Errors: FAULT_USAGE with line and column.
 */
int check_reuse(const struct yaml_node *pool, const struct pool_reuse *reuse,
		struct fault *fault) MUST_CHECK;

#endif
