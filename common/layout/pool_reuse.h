#ifndef CERTPOOL_LAYOUT_POOL_REUSE_H
#define CERTPOOL_LAYOUT_POOL_REUSE_H

#include "common/layout/field.h"

/* How the member that signs a message is chosen, in the words of ETSI TS 119 472-3
   (credential_reuse_policy). */
enum reuse {
	REUSE_RANDOM,            /* uniformly for each message, or each hold */
	REUSE_LIMITED_TIME,      /* one member until its hold is over, then another */
	REUSE_ROTATING_BATCH,    /* each once, in random order, then again in another order */
	REUSE_PER_RELYING_PARTY, /* one for each receiver, and for no other */
	REUSE_ONCE_ONLY,         /* each for one message */
};

/* What is done with reuse: once_only when no unused member is left. */
enum on_empty {
	EMPTY_FAIL,
	EMPTY_REUSE, /* one that was used signs until the pool is filled up */
	EMPTY_BLOCK, /* it is waited for */
};

enum { HOLD_MESSAGES_MAX = 1000000 };

struct pool_reuse {
	enum reuse method;
	size_t hold_messages; /* that a member signs before the next is chosen; 0: one */
	int64_t hold_s;       /* the same as a time; 0: not given */
	enum on_empty on_empty;
	/*
	 * With once_only the pool is filled up when so few members are unused. Another method uses
	 * none up: all that can sign count as unused, and each that cannot is replaced at once, so
	 * that a pool has so few only while keep fails or does not run.
	 */
	size_t topup_unused;
	/* Else it is DEFAULT_UNUSED_PERCENT of a pool with once_only, rounded up. */
	bool has_topup_unused;
	size_t lifetime_left_percent; /* members with less left are renewed; 0: a third */
};

enum { DEFAULT_UNUSED_PERCENT = 40 };

/* "random", "rotating-batch" and so on. */
const char *format_reuse(enum reuse method);

/* Whether a member is drawn for each message, so that nothing has to be remembered. */
bool draws_each_message(const struct pool_reuse *reuse);
/* Whether the member changes by a number of messages, and not by the time or the receiver. */
bool counts_messages(const struct pool_reuse *reuse);

/* Setters of a table's row: of an enum reuse, and of a whole struct pool_reuse, whose hold is a
   number of messages or a duration. */
field_setter set_reuse;
field_setter set_hold;
/* Of an enum on_empty, and of a whole struct pool_reuse by a mapping. */
field_setter set_on_empty;
field_setter set_topup;

/*
 * Refuses what does not go together, and sets the default of topup_unused. pool is the mapping that
 * was read, NULL if there was none; size the pool's.
 * Errors: FAULT_USAGE with line and column.
 */
int complete_reuse(const struct yaml_node *pool, size_t size, struct pool_reuse *reuse,
		   struct fault *fault) MUST_CHECK;

#endif
