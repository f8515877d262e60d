#ifndef CERTPOOL_NET_SHARED_BODY_H
#define CERTPOOL_NET_SHARED_BODY_H

#include "common/base/bytes.h"

/*
 * Octets that never change and that several answers may send at the same time without a copy each.
 * Whoever holds them releases them; the last one frees. Safe for several threads.
 */
struct shared_body;

/* Takes the content over, also on failure. The caller holds it. */
int new_shared_body(struct buffer *content, struct shared_body **ret_body,
		    struct fault *fault) MUST_CHECK;

/* Holds it once more. */
struct shared_body *hold_shared_body(struct shared_body *body);
void release_shared_body(struct shared_body **body);

/* Borrowed for as long as it is held. */
struct bytes shared_octets(const struct shared_body *body);

#endif
