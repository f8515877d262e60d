#include "tests/unit/pool/enrolling.h"

#include <criterion/criterion.h>

static void note_refusal(void *context, size_t member, const struct refusal *refusal)
{
	struct told *told = context;

	told->count++;
	told->last_member = member;
	told->last = *refusal;
}

static void note_progress(void *context, size_t done, size_t total)
{
	struct told *told = context;

	cr_assert(done >= told->done);
	told->done = done;
	told->total = total;
}

struct enrollment enrollment_of(const struct fixture *fixture, const struct fake_ca *ca,
				struct told *told)
{
	return (struct enrollment){.layout = fixture->layouts[0],
				   .client = &fixture->clients[0],
				   .ca = ca->endpoint,
				   .progress = {note_progress, told},
				   .refused = note_refusal,
				   .refused_context = told};
}

int enroll(const struct fixture *fixture, const struct fake_ca *ca, struct told *told,
	   struct enroll_summary *ret_enrolled, struct fault *fault)
{
	const struct enrollment enrollment = enrollment_of(fixture, ca, told);

	return enroll_pool(&enrollment, ret_enrolled, fault);
}
