#ifndef CERTPOOL_POOL_ENROLMENT_CERTIFICATION_H
#define CERTPOOL_POOL_ENROLMENT_CERTIFICATION_H

#include "common/pool/enrolment/enroll.h"
#include "common/pool/members/member_files.h"
#include "common/wire/certificates.h"

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
