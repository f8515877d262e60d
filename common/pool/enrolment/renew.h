#ifndef CERTPOOL_POOL_ENROLMENT_RENEW_H
#define CERTPOOL_POOL_ENROLMENT_RENEW_H

#include "common/pool/enrolment/enroll.h"

/*
 * Renewal: new keys, requests and certificates for the members whose certificate expires soon. Only
 * members whose key is in this layout can be renewed; the others are renewed where their keys are.
 */

/* Which members are due: all, those of a set, or those whose certificate expires within a time or
   has expired. */
struct renewal_options {
	bool all;
	const struct member_set *only; /* NULL: not given; else these, and no others */
	int64_t within_s;              /* 0: a part of the certificate's lifetime */
	size_t lifetime_left_percent;  /* that part; 0: a third; find_due_members sets the pool's */
	bool windows;                  /* certificates end with their window, and are never due;
					  find_due_members sets it */
};

/* From when on a certificate is due, by its end; INT64_MAX: it never is. */
int64_t renewal_due_at(const struct renewal_options *options,
		       const struct certificate *certificate);

struct renewal_need {
	size_t due;       /* members to renew, also those of a renewal that was not completed */
	size_t kept;      /* members that keep a certificate that is not due */
	size_t elsewhere; /* members that are due, whose keys are elsewhere */
	size_t damaged;   /* members whose certificate cannot be read: not renewed unless named */
};

/*
 * Finds the members that are due at a time. Takes no lock and changes nothing.
 * Owns: ret_members may be NULL; otherwise the caller clears it.
 */
int find_due_members(const struct layout *layout, const struct client_node *client,
		     const struct renewal_options *options, int64_t now_s,
		     struct renewal_need *ret_need, struct member_set *ret_members,
		     struct fault *fault) MUST_CHECK;

struct renewal {
	struct enrollment enrollment; /* its progress counts certificates */
	struct progress making;       /* counts keys and requests */
	struct renewal_options options;
	bool keep_old; /* the old certificates get names as in set_aside.h, to be revoked */
};

struct renewal_summary {
	size_t renewed;
	size_t kept;      /* as in renewal_need */
	size_t elsewhere; /* as in renewal_need */
	size_t damaged;   /* as in renewal_need */
	size_t refused;   /* keep their certificate; the next renewal makes them another key */
	struct cut_short cut_short; /* of those renewed */
	struct root_change root_change;
};

/*
 * Renews the members that are due: makes new keys and requests, has them certified as enroll_pool
 * does, with the same checks, and replaces the old files (replace_member.h). The old files can be
 * used until then. After a kill at any moment each member has its old key and certificate or its
 * new ones, or is completed by the next renew_pool, enroll_pool or make_pool. The old private keys
 * are destroyed; the old certificates stay valid until they expire. Memory does not grow with the
 * pool. Errors: those of make_pool and enroll_pool; members renewed before stay renewed.
 */
int renew_pool(const struct renewal *renewal, int64_t now_s, struct renewal_summary *ret_summary,
	       struct fault *fault) MUST_CHECK;

/* The part of renew_pool that renews these members, each of which has a key or nothing. The caller
   has completed what a killed renewal left (complete_renewals). */
int renew_members(const struct renewal *renewal, const struct member_set *members,
		  struct certify_summary *ret_summary, struct fault *fault) MUST_CHECK;

#endif
