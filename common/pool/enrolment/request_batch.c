#include "common/pool/enrolment/request_batch.h"

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/staging.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/csr.h"

#include <stdlib.h>
#include <string.h>

int init_request_batch(const struct member_files *files, size_t max_count,
		       struct request_batch *ret_batch, struct fault *fault)
{
	CLEANUP(clear_request_batch) struct request_batch batch = {.files = files};

	batch.members = calloc(max_count, sizeof(*batch.members));
	batch.request.members = calloc(max_count, sizeof(*batch.request.members));
	if (batch.members == NULL || batch.request.members == NULL)
		return set_memory_fault(fault);
	MOVE(ret_batch, batch);
	return 0;
}

void clear_request_batch(struct request_batch *batch)
{
	free(batch->members);
	clear_certificates_request(&batch->request);
	clear_intermediates(&batch->chain);
	*batch = (struct request_batch){0};
}

static int read_request(const struct layout *layout, const char *name, struct buffer *ret_pem,
			uint8_t ret_key_sha256[static SHA256_LEN], struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_csr) struct csr *csr = NULL;

	if (read_file(layout->csr_file, name, CSR_PEM_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "%s/CSR_file", layout->path);
	if (parse_csr_pem(bytes_of_buffer(&pem), &csr, fault) < 0)
		return prefix_fault(fault, "%s/CSR_file/%s", layout->path, name);
	public_key_sha256(csr_public_key(csr), ret_key_sha256);
	*ret_pem = take_buffer(&pem);
	return 0;
}

/* Whether read_request failed because of the file's content. */
static bool is_bad_request(enum fault_class class)
{
	return class == FAULT_MALFORMED || class == FAULT_TOO_LARGE || class == FAULT_REFUSED;
}

int add_to_request_batch(const struct layout *layout, size_t index, struct request_batch *batch,
			 struct refusal *refusal, struct fault *fault)
{
	struct batch_member member = {.index = index};
	struct member_pem *request = &batch->request.members[batch->request.count];
	struct fault failure = {0};
	char csr_name[FILE_NAME_SIZE];
	char name[FILE_NAME_SIZE];

	batch->files->csr(index, csr_name);
	if (read_request(layout, csr_name, &request->pem, member.key_sha256, &failure) < 0) {
		if (!is_bad_request(failure.class))
			return pass_fault(&failure, fault);
		set_refusal(refusal, "bad_request", "%s", failure.text);
		return 0;
	}
	name_member(index, name);
	memcpy(request->name, name, sizeof(request->name));
	batch->members[batch->request.count++] = member;
	return 0;
}

bool may_share_request(const struct pool_settings *pool, size_t member, size_t other)
{
	return !has_windows(pool) ||
	       window_of_member(&pool->windows, &pool->window_numbers, member).begin_s ==
		       window_of_member(&pool->windows, &pool->window_numbers, other).begin_s;
}

int ask_for_window(const struct pool_settings *pool, struct request_batch *batch,
		   struct fault *fault)
{
	struct member_pem *members = batch->request.members;

	if (!has_windows(pool) || batch->request.count == 0)
		return 0;
	batch->request.window =
		window_of_member(&pool->windows, &pool->window_numbers, batch->members[0].index);
	for (size_t i = batch->request.count; i > 1; i--) {
		struct member_pem last = members[i - 1];
		uint64_t other;

		if (draw_below(i, &other, fault) < 0)
			return -1;
		members[i - 1] = members[other];
		members[other] = last;
	}
	return 0;
}

static int compare_members(const void *a, const void *b)
{
	size_t a_index = ((const struct batch_member *)a)->index;
	size_t b_index = ((const struct batch_member *)b)->index;

	return (a_index > b_index) - (a_index < b_index);
}

/* The batch's member of that name; NULL if there is none. */
static struct batch_member *find_batch_member(const struct request_batch *batch, const char *name)
{
	const struct batch_member wanted = {.index = parse_member(name)};

	return bsearch(&wanted, batch->members, batch->request.count, sizeof(*batch->members),
		       compare_members);
}

/* Marks the member as answered. It must be in the batch, and not answered yet. */
static int mark_answered(struct request_batch *batch, const char *name, struct fault *fault)
{
	struct batch_member *member = find_batch_member(batch, name);

	if (member == NULL)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "the answer has a member \"%s\" that was not asked for", name);
	if (member->answered)
		return set_fault(fault, FAULT_UNVERIFIED, "the answer has member \"%s\" twice",
				 name);
	member->answered = true;
	return 0;
}

/* Checks that the answer names every member of the batch once, and no other. */
static int check_names(struct request_batch *batch, const struct certificates_answer *answer,
		       struct fault *fault)
{
	for (size_t i = 0; i < answer->certificate_count; i++)
		if (mark_answered(batch, answer->certificates[i].name, fault) < 0)
			return -1;
	for (size_t i = 0; i < answer->refusal_count; i++)
		if (mark_answered(batch, answer->refusals[i].name, fault) < 0)
			return -1;
	for (size_t i = 0; i < batch->request.count; i++) {
		char name[FILE_NAME_SIZE];

		if (batch->members[i].answered)
			continue;
		name_member(batch->members[i].index, name);
		return set_fault(fault, FAULT_UNVERIFIED,
				 "the answer has neither a certificate nor a refusal for "
				 "member \"%s\"",
				 name);
	}
	return 0;
}

static int parse_chain(const struct certificates_answer *answer, struct intermediates *chain,
		       struct fault *fault)
{
	for (size_t i = 0; i < answer->chain_count; i++) {
		struct certificate *certificate = NULL;
		struct fault failure = {0};

		if (parse_certificate_pem(bytes_of_buffer(&answer->chain[i]), &certificate,
					  &failure) < 0) {
			if (pass_failure(&failure, fault) < 0)
				return -1;
			return set_fault(fault, FAULT_UNVERIFIED, "chain: certificate %zu: %s",
					 i + 1, failure.text);
		}
		if (add_intermediate(chain, &certificate, fault) < 0)
			return -1;
	}
	return 0;
}

/* What an answer's certificates are to have, and what their paths have shown. */
struct path_notes {
	const struct window *asked;   /* their validity; end_s 0: any */
	size_t chain_count;           /* of its chain, which is the first of the intermediates */
	bool used[INTERMEDIATES_MAX]; /* which certificates of the chain they have */
	struct cut_short cut_short;
};

static int set_chain_fault(const struct certificate *certificate, struct fault *fault)
{
	return set_fault(fault, FAULT_UNVERIFIED,
			 "chain: %s: expected the certificates between the members' and the root, "
			 "and no other",
			 certificate_subject(certificate));
}

/* Notes the intermediates on the certificate's path, which verify_chain has verified. A CA whose
   root lies apart, and whose own certificate may have none below it, issues nothing with the root.
   A root that issues by itself may have had another one before it. */
static int check_path(const struct trust *trust, int64_t now_s,
		      const struct certificate *certificate, struct path_notes *notes,
		      struct fault *fault)
{
	int64_t end_s = certificate_not_after(certificate);
	struct path path = {0};
	struct verdict verdict = {0};
	unsigned int path_length;

	if (verify_chain(trust, certificate, now_s, &path, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_UNVERIFIED, "%s", verdict.reason);
	for (size_t i = 0; path.count == 2 && i < notes->chain_count; i++)
		if (find_path_length(certificate_fields(trust->intermediates[i]), &path_length))
			return set_chain_fault(trust->intermediates[i], fault);
	for (size_t i = 0; i < notes->chain_count; i++)
		for (size_t step = 1; step + 1 < path.count; step++)
			notes->used[i] |= path.steps[step] == trust->intermediates[i];
	if (end_s == certificate_not_after(path.steps[1]))
		notes->cut_short = (struct cut_short){notes->cut_short.count + 1, end_s};
	return 0;
}

/* Every certificate of the chain has to be on a path: so all of it was verified. */
static int check_all_used(const struct trust *trust, const struct path_notes *notes,
			  struct fault *fault)
{
	for (size_t i = 0; i < notes->chain_count; i++)
		if (!notes->used[i])
			return set_chain_fault(trust->intermediates[i], fault);
	return 0;
}

/* Whether a certificate has the validity that was asked for, if any was. */
static int check_asked_validity(const struct window *asked, const struct certificate *certificate,
				struct fault *fault)
{
	char expected[2][TIME_TEXT_SIZE];
	char found[2][TIME_TEXT_SIZE];

	if (asked->end_s == 0 || (certificate_not_before(certificate) == asked->begin_s &&
				  certificate_not_after(certificate) == asked->end_s))
		return 0;
	format_time(asked->begin_s, expected[0]);
	format_time(asked->end_s, expected[1]);
	format_time(certificate_not_before(certificate), found[0]);
	format_time(certificate_not_after(certificate), found[1]);
	return set_fault(fault, FAULT_UNVERIFIED,
			 "expected a certificate for the window from %s to %s, for which the "
			 "request asks, found %s to %s",
			 expected[0], expected[1], found[0], found[1]);
}

/* At which its path is looked at: now, or when it ended; or, in a window to come, when it begins.
 */
static int64_t choose_time(const struct window *asked, const struct certificate *certificate,
			   int64_t now_s)
{
	if (certificate_not_after(certificate) < now_s)
		return certificate_not_after(certificate);
	return asked->end_s != 0 && asked->begin_s > now_s ? asked->begin_s : now_s;
}

/* *ret_ended: the certificate was good, and has ended: an older CA gives it to a key again. */
static int check_certificate(const struct batch_member *member, const struct trust *trust,
			     int64_t now_s, struct buffer *pem, struct path_notes *notes,
			     bool *ret_ended, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer own_pem = {0};
	const struct cut_short cut_short = notes->cut_short;
	uint8_t key_sha256[SHA256_LEN];
	struct fault failure = {0};

	if (parse_certificate_pem(bytes_of_buffer(pem), &certificate, &failure) < 0) {
		if (pass_failure(&failure, fault) < 0)
			return -1;
		return set_fault(fault, FAULT_UNVERIFIED, "%s", failure.text);
	}
	public_key_sha256(certificate_public_key(certificate), key_sha256);
	if (memcmp(key_sha256, member->key_sha256, SHA256_LEN) != 0)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "the certificate is for another key than the request's");
	if (check_asked_validity(notes->asked, certificate, fault) < 0 ||
	    check_path(trust, choose_time(notes->asked, certificate, now_s), certificate, notes,
		       fault) < 0 ||
	    format_certificate_pem(certificate_der(certificate), &own_pem, fault) < 0)
		return -1;
	*ret_ended = certificate_not_after(certificate) < now_s;
	if (*ret_ended)
		notes->cut_short = cut_short;
	clear_buffer(pem);
	*pem = take_buffer(&own_pem);
	return 0;
}

/* Has the answer refuse certificate i instead, as a newer CA does. The last one takes its place. */
static int refuse_ended(struct certificates_answer *answer, size_t i, struct fault *fault)
{
	struct member_pem ended = answer->certificates[i];
	struct member_refusal *refusals = reallocarray(answer->refusals, answer->refusal_count + 1,
						       sizeof(*answer->refusals));
	struct member_refusal *refusal;

	if (refusals == NULL)
		return set_memory_fault(fault);
	answer->refusals = refusals;
	refusal = &refusals[answer->refusal_count++];
	*refusal = (struct member_refusal){0};
	memcpy(refusal->name, ended.name, sizeof(refusal->name));
	set_refusal(&refusal->refusal, "key_spent",
		    "the certificate of this public key has expired: make another key");
	answer->certificates[i] = answer->certificates[--answer->certificate_count];
	answer->certificates[answer->certificate_count] = (struct member_pem){0};
	clear_buffer(&ended.pem);
	return 0;
}

int check_batch_answer(struct request_batch *batch, const struct trust *known, int64_t now_s,
		       struct certificates_answer *answer, struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates chain = {0};
	const struct certificate *above[ANSWER_CHAIN_MAX + INTERMEDIATES_MAX];
	struct trust trust = *known;
	struct path_notes notes = {.asked = &batch->request.window};

	if (check_names(batch, answer, fault) < 0 || parse_chain(answer, &chain, fault) < 0)
		return prefix_fault(fault, "nothing of the CA's answer is saved");
	notes.chain_count = chain.count;
	trust.intermediates = above;
	trust.intermediate_count = 0;
	for (size_t i = 0; i < chain.count; i++)
		above[trust.intermediate_count++] = chain.certificates[i];
	for (size_t i = 0;
	     i < known->intermediate_count && trust.intermediate_count < INTERMEDIATES_MAX; i++)
		above[trust.intermediate_count++] = known->intermediates[i];
	for (size_t i = 0; i < answer->certificate_count;) {
		struct member_pem *member = &answer->certificates[i];
		bool ended = false;

		if (check_certificate(find_batch_member(batch, member->name), &trust, now_s,
				      &member->pem, &notes, &ended, fault) < 0)
			return prefix_fault(fault,
					    "nothing of the CA's answer is saved: member \"%s\"",
					    member->name);
		if (!ended)
			i++;
		else if (refuse_ended(answer, i, fault) < 0)
			return -1;
	}
	if (answer->certificate_count > 0 && check_all_used(&trust, &notes, fault) < 0)
		return prefix_fault(fault, "nothing of the CA's answer is saved");
	batch->cut_short = notes.cut_short;
	if (answer->certificate_count > 0) {
		batch->chain = chain;
		chain.count = 0;
	}
	return 0;
}

int save_certificates(const struct layout *layout, const struct member_files *files,
		      const struct certificates_answer *answer, struct fault *fault)
{
	CLEANUP(free_staging) struct staging *staging = NULL;

	if (new_staging(&staging, fault) < 0)
		return -1;
	for (size_t i = 0; i < answer->certificate_count; i++) {
		const struct member_pem *certificate = &answer->certificates[i];
		char name[FILE_NAME_SIZE];

		files->certificate(parse_member(certificate->name), name);
		if (stage_file(staging, layout->cert, name, STAGE_NEW, 0644,
			       bytes_of_buffer(&certificate->pem), fault) < 0)
			return prefix_fault(fault, "%s/cert", layout->path);
	}
	if (commit_staging(staging, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}
