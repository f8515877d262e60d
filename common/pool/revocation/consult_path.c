#include "common/pool/revocation/consult_path.h"

#include "common/base/clock.h"

void consult_path(struct crl_source *source, const struct path *path, int64_t at_s,
		  struct crl_finding *ret_finding)
{
	struct crl_finding worst = {.status = CRL_GOOD};

	for (size_t step = 0; step + 1 < path->count && worst.status != CRL_REVOKED; step++) {
		struct crl_finding finding;

		consult_crl(source, path->steps[step + 1], path->steps[step], at_s, &finding);
		finding.step = step;
		if (finding.status == CRL_UNKNOWN && step > 0)
			prefix_fault(&finding.problem, "the intermediate %s",
				     certificate_subject(path->steps[step]));
		if (step == 0 || finding.status == CRL_REVOKED ||
		    (finding.status == CRL_UNKNOWN && worst.status == CRL_GOOD))
			worst = finding;
	}
	*ret_finding = worst;
}

void reject_revoked(const struct crl_finding *finding, struct verdict *verdict)
{
	const bool above = finding->step > 0;
	char revoked_at[TIME_TEXT_SIZE];

	format_time(finding->revoked_at_s, revoked_at);
	reject_because(verdict, "CRL number %s: the %s%s was revoked at %s (%s)", finding->number,
		       above ? "intermediate " : "certificate",
		       above ? certificate_subject(finding->certificate) : "", revoked_at,
		       format_crl_reason(finding->reason));
}

void check_path_status(struct crl_source *source, const struct path *path, int64_t at_s,
		       struct verdict *verdict)
{
	struct crl_finding finding;

	consult_path(source, path, at_s, &finding);
	switch (finding.status) {
	case CRL_GOOD:
		return;
	case CRL_REVOKED:
		reject_revoked(&finding, verdict);
		return;
	case CRL_UNKNOWN:
		reject_because(verdict, "%s", finding.problem.text);
	}
}
