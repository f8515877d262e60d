#ifndef CERTPOOL_POOL_ENROLMENT_ENROLL_H
#define CERTPOOL_POOL_ENROLMENT_ENROLL_H

#include "common/pool/members/pool.h"
#include "common/wire/certificates.h"

/*
 * Told of each member that the CA refused, or whose request cannot be read and was not sent
 * (bad_request), from one thread at a time.
 */
typedef void refusal_function(void *context, size_t member, const struct refusal *refusal);

struct enrollment {
	const struct layout *layout; /* the caller holds its lock */
	const struct client_node *client;
	struct endpoint ca;
	struct progress progress;
	refusal_function *refused;
	void *refused_context;
};

struct enrolled {
	size_t present; /* had a certificate before */
	size_t saved;   /* certificates saved now */
	size_t refused;
};

/*
 * Which members have a request and no certificate, and how many have a certificate. FAULT_NOT_FOUND
 * when no member has either.
 */
int find_missing(const struct layout *layout, const struct client_node *client,
		 struct member_set *ret_missing, size_t *ret_present,
		 struct fault *fault) MUST_CHECK;

/*
 * Part 1, the client's half: has every member certified that has a request and no certificate, in
 * requests of up to batch_size members, several in flight (a pool that would fit into fewer is
 * split over them). Of each answer every certificate is checked before any is written: it is for
 * the key of its member's request, it chains to the pinned root, it is in PROFILE_MEMBER, its
 * member was asked for, and no member is missing. An answer with one that does not hold is refused
 * whole (FAULT_UNVERIFIED), and nothing of it is written. Those of one answer are saved together,
 * durably. Asked again it only sends what is missing. Members that are refused are told one by one;
 * the others are saved. A renewal that was killed halfway through its renames is completed first.
 * Errors: FAULT_NOT_FOUND when no member has a request; the first failure of a request (what other
 * requests brought until then stays saved). A CA that is busy, or that was asked more often than it
 * allows, is asked again for a minute and a half: then FAULT_BUSY.
 */
int enroll_pool(const struct enrollment *enrollment, struct enrolled *ret_enrolled,
		struct fault *fault) MUST_CHECK;

/* Having members' requests certified by the CA: what enrolling and renewing have in common. */

/* Told of each answer after its certificates were saved, from several threads at once. */
typedef int saved_function(void *context, const struct certificates_answer *answer,
			   struct fault *fault);

struct certification {
	const struct enrollment *enrollment;
	const struct member_files *files;
	const struct member_set *members; /* each has a request, and none has a certificate */
	saved_function *saved;            /* may be NULL */
	void *saved_context;
};

struct certified {
	size_t saved;
	size_t refused;
};

/* Has the members certified, in several requests at a time; enroll.h says what is checked. */
int certify_members(const struct certification *certification, struct certified *ret_certified,
		    struct fault *fault) MUST_CHECK;

#endif
