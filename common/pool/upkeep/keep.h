#ifndef CERTPOOL_POOL_UPKEEP_KEEP_H
#define CERTPOOL_POOL_UPKEEP_KEEP_H

#include "common/pool/enrolment/renew.h"

/* What a member needs. A need of another kind, for members that were used say, is one more of
   these, and one more case in plan_member (keep.c). */
enum member_need {
	NEED_NOTHING,
	NEED_CERTIFICATE, /* it has none: it is made and enrolled */
	NEED_REPAIR,      /* its files are damaged, do not fit, or its key is lost */
	NEED_REPLACEMENT, /* its certificate is revoked: new key, new certificate */
	NEED_RENEWAL,     /* its certificate ends soon: new key, new certificate */
	NEED_KEY,         /* one of these, but its key is not in Private/ */
	NEED_HAND,        /* a file has permissions, or is of a kind, that its owner has to mend */
	MEMBER_NEED_COUNT,
};

enum upkeep_scope {
	UPKEEP_ALL,    /* keep */
	UPKEEP_REPAIR, /* repair: certificates that are missing, and damage */
};

struct upkeep {
	struct enrollment enrollment; /* its progress counts certificates */
	struct progress making;       /* counts keys and requests */
	enum upkeep_scope scope;
	const struct member_set *only; /* NULL: all members; else these, whose keys count as lost if
					  they are not here */
	bool lost_keys;                /* keys that are not here are lost, and not elsewhere */
	int64_t within_s;              /* as in struct renewal_options */
	struct bytes unknown;          /* struct learned's: they get successors */
};

struct upkeep_summary {
	size_t members;                    /* looked at */
	size_t needs[MEMBER_NEED_COUNT];   /* members, by what they needed */
	size_t refused[MEMBER_NEED_COUNT]; /* of these, those that the CA refused */
	struct cut_short cut_short;        /* of the certificates saved */
	struct root_change root_change;
	size_t keyless;       /* members without their key, whatever they need */
	bool chain_fetched;   /* cert/ca.crt was missing or damaged */
	int64_t next_due_s;   /* when a certificate becomes due; 0: none will */
	struct fault by_hand; /* the first of NEED_HAND */
};

/*
 * Makes of a pool what its manifest says. A key that can be read is used, and what is not for it is
 * made anew: the CA gives the certificate of a key that it has certified before. A key that cannot
 * be read, is lost, or whose certificate was revoked or is not in the CA's record gets a successor.
 * What does not fit is set aside (set_aside.h); a renewal replaces as renew_pool does. Nothing is
 * asked of the CA if nothing is needed; what is known to be revoked is read from state/revoked
 * (learn_revocations comes before). After a kill at any moment the next call completes the work.
 * Errors: those of make_pool, enroll_pool and renew_pool.
 */
int keep_pool(const struct upkeep *upkeep, int64_t now_s, struct upkeep_summary *ret_summary,
	      struct fault *fault) MUST_CHECK;

/*
 * Sets the files of the members above the pool's size aside; their certificates can be revoked
 * then (revoke_replaced). The caller holds the layout's lock.
 */
int shrink_pool(const struct layout *layout, const struct client_node *client, size_t *ret_count,
		struct fault *fault) MUST_CHECK;

#endif
