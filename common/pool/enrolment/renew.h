#ifndef CERTPOOL_POOL_ENROLMENT_RENEW_H
#define CERTPOOL_POOL_ENROLMENT_RENEW_H

#include "common/pool/enrolment/enroll.h"

/*
 * Renewal: new keys, requests and certificates for the members whose certificate ends soon. Only a
 * member whose key is here can be renewed: a key that is kept elsewhere is renewed there.
 */

/* Which members are due: all, or those whose certificate ends within a time or has ended. */
struct renewal_options {
	bool all;
	int64_t within_s; /* 0: a third of that certificate's life */
};

struct renewal_need {
	size_t due;       /* also a member of which a renewal was begun and not completed */
	size_t kept;      /* have a certificate that is not due */
	size_t elsewhere; /* due, and their keys are not here */
};

/*
 * Which members are to be renewed at a time. Takes no lock and changes nothing. ret_members may be
 * NULL.
 */
int find_due(const struct layout *layout, const struct client_node *client,
	     const struct renewal_options *terms, int64_t now_s, struct renewal_need *ret_need,
	     struct member_set *ret_members, struct fault *fault) MUST_CHECK;

struct renewal {
	struct enrollment enrollment; /* its progress is that of the certificates */
	struct progress making;       /* of keys and requests */
	struct renewal_options terms;
};

struct renewed {
	size_t renewed;
	size_t kept;
	size_t elsewhere;
	size_t refused; /* keep what they have; the next renewal makes them another key */
};

/*
 * Renews the members that are due: makes their keys and requests, has them certified as enroll_pool
 * does, with the same checks, and lets the new take the place of the old (replace_member.h). Until
 * then the old ones can be used. Killed at any moment, each member has its old key and certificate
 * or its new ones, or is completed by the next renew_pool, enroll_pool or make_pool. Old private
 * keys are gone then; old certificates end when they end. Memory does not grow with the pool's
 * size. Errors: those of make_pool and enroll_pool; what was renewed until then stays so.
 */
int renew_pool(const struct renewal *renewal, int64_t now_s, struct renewed *ret_renewed,
	       struct fault *fault) MUST_CHECK;

#endif
