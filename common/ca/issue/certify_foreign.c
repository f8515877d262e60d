#include "common/ca/issue/certify_foreign.h"

#include "common/ca/issue/candidate.h"
#include "common/x509/signing_order.h"

#include <string.h>

/* One certificate, on its way from the request to the record. */
struct foreign_issue {
	struct issue_options options;
	struct client client;
	struct candidate candidate;
	struct issued_certificate record;
	struct signed_result result;
};

static void clear_foreign_issue(struct foreign_issue *issue)
{
	clear_client(&issue->client);
	clear_candidate(&issue->candidate);
	clear_issued_certificate(&issue->record);
	clear_signed_result(&issue->result);
}

void clear_foreign_answer(struct foreign_answer *answer)
{
	clear_buffer(&answer->der);
}

static int sign_foreign(struct foreign_issue *issue, struct fault *fault)
{
	struct signing_order order = {.kind = SIGN_MEMBERS,
				      .client = issue->client.name,
				      .bodies = &issue->candidate.body,
				      .count = 1,
				      .now_s = issue->options.now_s};

	if (sign_order(issue->options.issuer, &order, &issue->result, fault) < 0)
		return -1;
	if (issue->result.verdict.invalid)
		return refuse_unsigned(&issue->options, &issue->result.verdict,
				       &issue->candidate.refusal, fault);
	issue->record.der = take_buffer(&issue->result.der);
	return 0;
}

static int record_foreign(struct foreign_issue *issue, const struct foreign_request *request,
			  struct fault *fault)
{
	const struct insertion insertion = {.records = &issue->record,
					    .count = 1,
					    .quota = issue->client.policy.certificates,
					    .now_s = issue->options.now_s,
					    .beside = request->beside,
					    .beside_context = request->beside_context,
					    .shuffle_ms = issue->options.shuffle_ms};
	enum insert_result result;

	if (insert_certificates(issue->options.store, &insertion, &result, fault) < 0)
		return -1;
	return settle_candidate(&issue->options, result, &issue->record, &issue->candidate, fault);
}

static int issue_foreign(struct foreign_issue *issue, const struct foreign_request *request,
			 struct fault *fault)
{
	struct candidate *candidate = &issue->candidate;

	if (examine_csr(&issue->options, request->csr, candidate, &issue->record, fault) < 0)
		return -1;
	if (is_refused(&candidate->refusal))
		return 0;
	/* What was read may have been committed on one server of several alone, until a commit
	   after it says that all have it. */
	if (!candidate->is_new)
		return confirm_store(issue->options.store, fault);
	if (sign_foreign(issue, fault) < 0)
		return -1;
	return is_refused(&candidate->refusal) ? 0 : record_foreign(issue, request, fault);
}

int certify_foreign(struct authority *authority, const struct foreign_request *request,
		    int64_t now_s, struct foreign_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_foreign_issue)
	struct foreign_issue issue = {.options = {.prefix = request->prefix,
						  .names = request->names,
						  .usages = request->usages,
						  .new_keys = request->new_key},
				      .candidate = {.name = request->prefix}};
	int result = 0;

	if (begin_issue(authority, request->client, now_s, &issue.client, &issue.options,
			&issue.candidate.refusal, fault) < 0)
		return -1;
	if (!is_refused(&issue.candidate.refusal)) {
		expect_insertion(issue.options.store);
		result = issue_foreign(&issue, request, fault);
		dismiss_insertion(issue.options.store);
	}
	if (result < 0)
		return -1;
	*ret_answer = (struct foreign_answer){.refusal = issue.candidate.refusal,
					      .der = take_buffer(&issue.candidate.der),
					      .issuer = issue.candidate.issuer};
	memcpy(ret_answer->serial, issue.record.serial, SERIAL_MAX);
	return 0;
}
