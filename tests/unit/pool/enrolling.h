#ifndef CERTPOOL_TESTS_UNIT_POOL_ENROLLING_H
#define CERTPOOL_TESTS_UNIT_POOL_ENROLLING_H

#include "common/pool/enrolment/enroll.h"
#include "tests/unit/pool/fake_ca.h"

/* What an enrolment reported. */
struct enroll_reports {
	size_t count; /* refusals */
	size_t last_member;
	struct refusal last;
	size_t done; /* progress */
	size_t total;
};

/* The first client's enrolment at the fake CA. reports must outlive it. */
struct enrollment enrollment_of(const struct fixture *fixture, const struct fake_ca *ca,
				struct enroll_reports *reports);

/* Enrolls the first client's pool at the fake CA. */
int enroll(const struct fixture *fixture, const struct fake_ca *ca, struct enroll_reports *reports,
	   struct enroll_summary *ret_enrolled, struct fault *fault);

#endif
