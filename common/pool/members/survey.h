#ifndef CERTPOOL_POOL_MEMBERS_SURVEY_H
#define CERTPOOL_POOL_MEMBERS_SURVEY_H

#include "common/layout/manifest.h"
#include "common/pool/members/known_revocations.h"
#include "common/pool/members/member.h"
#include "common/x509/chain.h"

/*
 * A look at every member of a pool: its files against each other, the certificate against the root,
 * and against what is known to be revoked. It changes nothing. A file that cannot be used is a
 * finding, and not a failure: the other members are looked at all the same.
 *
 * What belongs together is decided by the key: a request or a certificate that is not for it does
 * not fit, nor does a certificate that is not for the request of a member whose key is elsewhere.
 */
struct member_view {
	size_t index;
	/* Whether there is such a file, usable or not. */
	bool has_key;
	bool has_csr;
	bool has_certificate;
	bool renewing; /* a renewal has made its new key */
	/* The member cannot sign because of its files. */
	bool damaged;
	/* Files to be replaced, as they cannot be read or do not fit. Not those that are damaged
	   otherwise, by their permissions say. */
	bool unfit_key;
	bool unfit_csr;
	bool unfit_certificate;
	bool unverified;      /* the certificate, by the trust */
	struct fault finding; /* the file and what is wrong: of the key that needs its owner, or
				 the first; FAULT_NONE: nothing is */
	const struct public_key *public_key;       /* of its key, if it was read; borrowed */
	const struct certificate *certificate;     /* that fits; NULL: none; borrowed */
	const struct known_revocation *revocation; /* of that certificate; NULL: none; borrowed */
};

/* Called for one member at a time, in no order, from several threads. */
typedef int survey_function(void *context, const struct member_view *view, struct fault *fault);

struct survey {
	const struct layout *layout;
	const struct client_node *client; /* its members, without those that are set apart */
	/* NULL: certificates are not verified. They are at their own end, so that what has expired
	   is no damage. */
	const struct trust *trust;
	const struct known_revocations *revocations; /* may be NULL */
	bool certificates_only; /* keys and requests are not read: whether they fit is not known */
	survey_function *function;
	void *context;
};

/* Looks at all members, on all cores. Memory does not grow with the pool. Errors: FAULT_FAILED, and
   those of the function. */
int survey_pool(const struct survey *survey, struct fault *fault) MUST_CHECK;

/*
 * Whether the member's key cannot be read because of its permissions or the kind of its file, so
 * that nothing can be made of it until its owner mends that. Not for a survey of certificates only.
 */
bool needs_owner(const struct member_view *view);

/* What counts first of all that can be said of a member's certificate. */
enum member_state {
	MEMBER_WITHOUT, /* has none */
	MEMBER_DAMAGED,
	MEMBER_REVOKED,
	MEMBER_EXPIRED,
	MEMBER_EARLY, /* is not valid yet */
	MEMBER_VALID,
	MEMBER_STATE_COUNT,
};

enum member_state state_of_member(const struct member_view *view, int64_t now_s);

/* The files of a pool at a time, as `certpool status` prints them. */
struct pool_summary {
	size_t size; /* of the manifest */
	size_t keys;
	size_t requests;
	size_t states[MEMBER_STATE_COUNT]; /* of the members */
	int64_t first_expiry_s;            /* of the valid certificates; 0 if there is none */
	int64_t last_expiry_s;
	size_t ending; /* of those, with less of their life left than the pool's lifetime_left */
	/* When the first of those has so little left; 0: none will, as with windows. */
	int64_t first_due_s;
	int64_t last_end_s; /* of the valid certificates and those that are not valid yet; 0: none
			     */
};

/* Counts members 1 … size. revocations may be NULL. */
int summarize_pool(const struct layout *layout, const struct client_node *client,
		   const struct known_revocations *revocations, int64_t now_s,
		   struct pool_summary *ret_summary, struct fault *fault) MUST_CHECK;

#endif
