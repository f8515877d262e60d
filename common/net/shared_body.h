#ifndef CERTPOOL_NET_SHARED_BODY_H
#define CERTPOOL_NET_SHARED_BODY_H

#include "common/base/bytes.h"

#include <stdbool.h>

/*
 * Immutable octets with a reference count, so that several answers can send them at the same time
 * without copies. The last release frees them. Safe for several threads.
 */
struct shared_body;

/* Takes the content over, also on failure. Owns: the caller has the first reference. */
int new_shared_body(struct buffer *content, struct shared_body **ret_body,
		    struct fault *fault) MUST_CHECK;

/* Adds a reference; returns the body. */
struct shared_body *hold_shared_body(struct shared_body *body);
void release_shared_body(struct shared_body **body);

/*
 * Says that nobody should go on sending the body: the server ends its readers within a second or
 * so, and their references with them.
 */
void withdraw_shared_body(struct shared_body *body);
bool is_withdrawn(const struct shared_body *body);

/* Borrowed from the body. */
struct bytes shared_octets(const struct shared_body *body);

/*
 * The bodies that later ones have taken the place of, and that some answers still send. The newest
 * of them is kept, whatever its size; beyond that they are bounded in number and in octets, and the
 * oldest withdrawn. Zero-initialised is empty. For one thread at a time.
 */
enum { RETIRED_BODIES_MAX = 8 };

struct retired_bodies {
	struct shared_body *bodies[RETIRED_BODIES_MAX]; /* the oldest first */
	size_t count;
};

/* Takes the caller's reference over; *body may be NULL. */
void retire_shared_body(struct retired_bodies *retired, size_t most_octets,
			struct shared_body **body);

/* Releases the bodies that no answer sends any more. */
void sweep_retired_bodies(struct retired_bodies *retired);

/* Withdraws and releases all of them. */
void clear_retired_bodies(struct retired_bodies *retired);

#endif
