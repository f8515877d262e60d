#include "tests/unit/pool/enrolling.h"

#include <criterion/criterion.h>

static void note_refusal(void *context, size_t member, const struct refusal *refusal)
{
	struct enroll_reports *reports = context;

	reports->count++;
	reports->last_member = member;
	reports->last = *refusal;
}

static void note_progress(void *context, size_t done, size_t total)
{
	struct enroll_reports *reports = context;

	cr_assert(done >= reports->done);
	reports->done = done;
	reports->total = total;
}

struct enrollment enrollment_of(const struct fixture *fixture, const struct fake_ca *ca,
				struct enroll_reports *reports)
{
	return (struct enrollment){.layout = fixture->layouts[0],
				   .client = &fixture->clients[0],
				   .ca = ca->endpoint,
				   .progress = {note_progress, reports},
				   .refused = note_refusal,
				   .refused_context = reports};
}

int enroll(const struct fixture *fixture, const struct fake_ca *ca, struct enroll_reports *reports,
	   struct enroll_summary *ret_enrolled, struct fault *fault)
{
	const struct enrollment enrollment = enrollment_of(fixture, ca, reports);

	return enroll_pool(&enrollment, ret_enrolled, fault);
}
