#ifndef CERTPOOL_POOL_ENROLMENT_ENROLL_H
#define CERTPOOL_POOL_ENROLMENT_ENROLL_H

#include "common/pool/enrolment/learn_roots.h"
#include "common/pool/enrolment/request_batch.h"
#include "common/pool/members/pool.h"

/*
 * Called for each member whose request the CA refused, or cannot be read and was not sent
 * (bad_request); from one thread at a time.
 */
typedef void refusal_function(void *context, size_t member, const struct refusal *refusal);

struct enrollment {
	const struct layout *layout; /* the caller holds its lock */
	const struct client_node *client;
	struct endpoint ca;
	struct progress progress;
	refusal_function *refused; /* may be NULL */
	void *refused_context;
};

struct enroll_summary {
	size_t present;             /* members that had a certificate before */
	size_t saved;               /* certificates saved */
	size_t refused;             /* members refused */
	struct cut_short cut_short; /* of those saved */
	struct root_change root_change;
	size_t others; /* of import_answers: lines for other clients */
};

/*
 * The members that have a request and no certificate, and the number that have a certificate.
 * Errors: FAULT_NOT_FOUND if no member has either.
 */
int find_missing_members(const struct layout *layout, const struct client_node *client,
			 struct member_set *ret_missing, size_t *ret_present,
			 struct fault *fault) MUST_CHECK;

/*
 * Part 1, the client's side: has the CA certify the members that have a request and no certificate.
 * A request to the CA has up to batch_size members, and several are in flight at a time; a smaller
 * pool is split over them.
 *
 * All certificates of an answer are checked before any is written: each is for the key in its
 * member's request, chains to the pinned root and is in PROFILE_MEMBER, and every member of the
 * request has one certificate or one refusal. Otherwise nothing of the answer is written
 * (FAULT_UNVERIFIED). The certificates of one answer are saved together, durably.
 *
 * First it learns of a new root of the CA (learn_roots).
 *
 * A refused member is reported, and the others are saved. Called again, it asks only for the
 * members that have no certificate yet. A renewal that was killed during its renames is completed
 * first.
 * Errors: FAULT_NOT_FOUND if no member has a request. Otherwise the first failure of a request; the
 * certificates of earlier answers stay. A CA that is busy, or limits the client's rate, is asked
 * again for 90 s: then FAULT_BUSY.
 */
int enroll_pool(const struct enrollment *enrollment, struct enroll_summary *ret_summary,
		struct fault *fault) MUST_CHECK;

/* Called after the certificates of one answer were saved, from several threads at once. */
typedef int saved_function(void *context, const struct certificates_answer *answer,
			   struct fault *fault);

/* For certify_members: which members, and under which file names. */
struct certification {
	const struct enrollment *enrollment;
	const struct member_files *files;
	const struct member_set *members; /* each has a request, and none has a certificate */
	saved_function *saved;            /* may be NULL */
	void *saved_context;
};

struct certify_summary {
	size_t saved;
	size_t refused;
	struct cut_short cut_short; /* of those saved */
};

/* Adds certificates that were cut short to others. */
void add_cut_short(struct cut_short *sum, const struct cut_short *more);

/* The part of enroll_pool that a renewal needs too: certifies these members. */
int certify_members(const struct certification *certification, struct certify_summary *ret_summary,
		    struct fault *fault) MUST_CHECK;

#endif
