#ifndef CERTPOOL_POOL_ENROLMENT_LEARN_ROOTS_H
#define CERTPOOL_POOL_ENROLMENT_LEARN_ROOTS_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"
#include "common/pool/members/trust.h"
#include "common/wire/roots.h"

enum { ROOT_NAME_SIZE = 256 };

/* What changed among the pinned roots; "": nothing. */
struct root_change {
	char pinned[ROOT_NAME_SIZE];
	char dropped[ROOT_NAME_SIZE];
};

/* The roots that a client should have, by the CA's answer, and the certificates by which they
   certify each other. Zero-initialised is empty. */
struct offered_roots {
	struct roots roots;
	struct intermediates cross;
};

void clear_offered_roots(struct offered_roots *offered);

/*
 * Reads what the CA has answered, and says what it changes.
 * Errors: FAULT_UNVERIFIED for a root that no pinned one certifies.
 */
int read_offer(const struct roots *pinned, const struct roots_answer *answer,
	       struct offered_roots *ret_offered, struct root_change *ret_change,
	       struct fault *fault) MUST_CHECK;

/* Whether anything changes. */
bool changes_roots(const struct root_change *change);

/*
 * Whether the offer is what the CA offered before: a root that it has replaced since, above the one
 * that is pinned, or the present root without the next one, which is pinned beside it. A CA never
 * goes back by itself; an answer in a file may be old.
 */
bool goes_back(const struct roots *pinned, const struct roots *offered);

/* Tells in a request which roots are pinned. */
void name_pinned_roots(const struct roots *roots, struct roots_request *request);

/*
 * Asks the CA, under the shared key, which roots the client should have, and pins those: a root
 * that the CA is about to replace and its successor, or the successor alone. Then tells the CA so.
 * The shared key is not enough for a new root: it is pinned only with a cross certificate by a root
 * that was pinned before. The cross certificates are kept among the intermediates, so that messages
 * can present them.
 *
 * An older CA, and one that cannot be asked now, change nothing: that is no failure. The caller
 * holds the layout's lock. Errors: FAULT_UNVERIFIED for a root that no pinned one certifies.
 */
int learn_roots(const struct layout *layout, const char *client, const struct endpoint *ca,
		int64_t now_s, struct root_change *ret_change, struct fault *fault) MUST_CHECK;

#endif
