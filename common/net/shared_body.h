#ifndef CERTPOOL_NET_SHARED_BODY_H
#define CERTPOOL_NET_SHARED_BODY_H

#include "common/base/bytes.h"

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

/* Borrowed from the body. */
struct bytes shared_octets(const struct shared_body *body);

#endif
