#include "common/pool/enrolment/offline_enroll.h"

#include "common/base/staging.h"
#include "common/crypto/key_file.h"
#include "common/pool/enrolment/exported_requests.h"
#include "common/pool/enrolment/request_batch.h"
#include "common/pool/members/replace_member.h"
#include "common/pool/members/trust.h"
#include "common/wire/envelope.h"

#include <stdlib.h>
#include <string.h>

/* The parts of one export_requests. */
struct export_context {
	const struct enrollment *enrollment;
	struct shared_key key;
	struct member_set missing;
	struct exported_requests recorded; /* state/exported */
	struct buffer text;
	struct export_summary summary;
};

static void clear_export_context(struct export_context *context)
{
	clear_buffer(&context->text);
	clear_exported_requests(&context->recorded);
	clear_member_set(&context->missing);
	clear_shared_key(&context->key);
}

static void report_refusal(const struct enrollment *enrollment, size_t member,
			   const struct refusal *refusal)
{
	if (enrollment->refused != NULL)
		enrollment->refused(enrollment->refused_context, member, refusal);
}

/* Fills a batch with the missing members after *last, and updates *last. The batch is empty if
   there are no more. */
static int fill_batch(struct export_context *context, size_t *last, struct request_batch *ret_batch,
		      struct fault *fault)
{
	const struct enrollment *enrollment = context->enrollment;
	size_t most = enrollment->client->pool.batch_size;
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	size_t member;

	if (init_request_batch(&current_files, most, &batch, fault) < 0)
		return -1;
	while (batch.request.count < most &&
	       (member = next_in_member_set(&context->missing, *last)) != 0) {
		struct refusal refusal = {0};

		*last = member;
		if (add_to_request_batch(enrollment->layout, member, &batch, &refusal, fault) < 0)
			return -1;
		if (is_refused(&refusal)) {
			context->summary.refused++;
			report_refusal(enrollment, member, &refusal);
		}
	}
	MOVE(ret_batch, batch);
	return 0;
}

static int record_batch(struct export_context *context, const struct request_batch *batch,
			struct bytes jwe, struct fault *fault)
{
	struct exported_request request = {.iat_s = batch->request.claims.iat_s,
					   .count = batch->request.count};

	memcpy(request.jti, batch->request.claims.jti, sizeof(request.jti));
	digest_sha256(jwe, request.sha256);
	request.members = calloc(request.count, sizeof(*request.members));
	if (request.members == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < request.count; i++)
		request.members[i] = batch->members[i].index;
	return add_exported_request(&context->recorded, &request, fault);
}

static int export_batch(struct export_context *context, struct request_batch *batch, int64_t now_s,
			struct fault *fault)
{
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	if (make_request_claims(context->enrollment->client->name, CA_NAME, now_s,
				&batch->request.claims, fault) < 0 ||
	    format_certificates_request(&batch->request, &json, fault) < 0 ||
	    encrypt_message(&context->key, certificates_kind.typ, certificates_kind.cty,
			    bytes_of_secret(&json), &jwe, fault) < 0 ||
	    record_batch(context, batch, bytes_of_buffer(&jwe), fault) < 0)
		return -1;
	append_bytes(&context->text, bytes_of_buffer(&jwe));
	append_string(&context->text, "\n");
	context->summary.members += batch->request.count;
	context->summary.requests++;
	if (context->text.len > OFFLINE_FILE_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "the pool's requests are more than the %d octets of one file",
				 OFFLINE_FILE_MAX);
	return check_buffer(&context->text, fault);
}

static int export_missing(struct export_context *context, int64_t now_s, struct fault *fault)
{
	size_t last = 0;

	for (;;) {
		CLEANUP(clear_request_batch) struct request_batch batch = {0};

		if (fill_batch(context, &last, &batch, fault) < 0)
			return -1;
		if (batch.request.count == 0)
			return 0;
		if (export_batch(context, &batch, now_s, fault) < 0)
			return -1;
	}
}

int export_requests(const struct enrollment *enrollment, int64_t now_s, struct buffer *ret_text,
		    struct export_summary *ret_summary, struct fault *fault)
{
	const struct layout *layout = enrollment->layout;
	CLEANUP(clear_export_context) struct export_context context = {.enrollment = enrollment};

	if (complete_renewals(layout, fault) < 0 ||
	    read_shared_key(layout, CA_NAME, &context.key, fault) < 0 ||
	    find_missing_members(layout, enrollment->client, &context.missing,
				 &context.summary.present, fault) < 0 ||
	    read_exported_requests(layout, &context.recorded, fault) < 0)
		return -1;
	drop_old_exported_requests(&context.recorded, now_s);
	if (export_missing(&context, now_s, fault) < 0)
		return -1;
	if (context.summary.requests > 0 &&
	    write_exported_requests(layout, &context.recorded, fault) < 0)
		return -1;
	*ret_summary = context.summary;
	*ret_text = take_buffer(&context.text);
	return 0;
}

/* The parts of one import_answers. */
struct import_context {
	const struct enrollment *enrollment;
	struct roots roots;
	struct intermediates known; /* of cert/ca.crt */
	struct shared_key key;
	struct shared_key old_key;         /* kid "": there is none */
	struct exported_requests recorded; /* state/exported */
	int64_t now_s;
	struct enroll_summary summary;
};

static void clear_import_context(struct import_context *context)
{
	clear_exported_requests(&context->recorded);
	clear_shared_key(&context->key);
	clear_shared_key(&context->old_key);
	clear_roots(&context->roots);
	clear_intermediates(&context->known);
}

/* Makes the batch again that was exported, from the files that are in CSR_file/ now. */
static int rebuild_batch(const struct import_context *context,
			 const struct exported_request *request, struct request_batch *ret_batch,
			 struct fault *fault)
{
	CLEANUP(clear_request_batch) struct request_batch batch = {0};

	if (init_request_batch(&current_files, request->count, &batch, fault) < 0)
		return -1;
	for (size_t i = 0; i < request->count; i++) {
		struct refusal refusal = {0};

		if (add_to_request_batch(context->enrollment->layout, request->members[i], &batch,
					 &refusal, fault) < 0)
			return -1;
		if (is_refused(&refusal))
			return set_fault(fault, FAULT_UNVERIFIED,
					 "member %zu: its request is not what was exported: %s",
					 request->members[i], refusal.detail);
	}
	MOVE(ret_batch, batch);
	return 0;
}

/* Whether the member has this very certificate already. */
static int is_present(const struct layout *layout, const struct member_pem *member,
		      bool *ret_present, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *old = NULL;
	CLEANUP(free_certificate) struct certificate *new = NULL;
	char name[FILE_NAME_SIZE];
	bool found;

	*ret_present = false;
	name_certificate(parse_member(member->name), name);
	if (find_file(layout->cert, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (!found)
		return 0;
	if (read_certificate_file(layout, name, &old, fault) < 0 ||
	    parse_certificate_pem(bytes_of_buffer(&member->pem), &new, fault) < 0)
		return -1;
	if (!equal_bytes(certificate_der(old), certificate_der(new)))
		return set_fault(fault, FAULT_REFUSED,
				 "%s/cert/%s: another certificate than the answer's is there "
				 "already, and is not overwritten",
				 layout->path, name);
	*ret_present = true;
	return 0;
}

/* Removes the certificates that are saved already: by enroll_pool, or by an import that was killed.
 */
static int drop_present(struct import_context *context, struct certificates_answer *answer,
			struct fault *fault)
{
	size_t new_count = 0;

	for (size_t i = 0; i < answer->certificate_count; i++) {
		struct member_pem member = answer->certificates[i];
		bool present;

		if (is_present(context->enrollment->layout, &member, &present, fault) < 0)
			return -1;
		/* Swapped, so that certificates to be freed end up behind the others. */
		answer->certificates[i] = answer->certificates[new_count];
		answer->certificates[new_count] = member;
		new_count += present ? 0 : 1;
	}
	for (size_t i = new_count; i < answer->certificate_count; i++)
		clear_buffer(&answer->certificates[i].pem);
	context->summary.present += answer->certificate_count - new_count;
	answer->certificate_count = new_count;
	return 0;
}

/* Reports a refusal of the whole request for each of its members. */
static void refuse_request(struct import_context *context, const struct exported_request *request,
			   const struct refusal *refusal)
{
	for (size_t i = 0; i < request->count; i++)
		report_refusal(context->enrollment, request->members[i], refusal);
	context->summary.refused += request->count;
}

static void report_member_refusals(struct import_context *context,
				   const struct certificates_answer *answer)
{
	context->summary.refused += answer->refusal_count;
	for (size_t i = 0; i < answer->refusal_count; i++)
		report_refusal(context->enrollment, parse_member(answer->refusals[i].name),
			       &answer->refusals[i].refusal);
}

static int save_answer(struct import_context *context, const struct exported_request *request,
		       struct certificates_answer *answer, struct fault *fault)
{
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	const struct trust trust = trust_in_roots(&context->roots, &context->known);
	bool written;

	if (rebuild_batch(context, request, &batch, fault) < 0 ||
	    check_batch_answer(&batch, &trust, context->now_s, answer, fault) < 0 ||
	    drop_present(context, answer, fault) < 0 ||
	    keep_intermediates(context->enrollment->layout, &batch.chain, &written, fault) < 0 ||
	    save_certificates(context->enrollment->layout, &current_files, answer, fault) < 0)
		return -1;
	context->summary.saved += answer->certificate_count;
	add_cut_short(&context->summary.cut_short, &batch.cut_short);
	report_member_refusals(context, answer);
	return 0;
}

/* Finds the exported request that the answer is to, and checks the answer's claims. */
static int find_question(const struct import_context *context, const struct answer_claims *claims,
			 const struct exported_request **ret_request, struct fault *fault)
{
	const struct exported_request *request =
		find_exported_request(&context->recorded, claims->in_reply_to);
	struct request_claims asked = {.aud = CA_NAME};

	if (request == NULL)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "in_reply_to \"%s\": not the answer to a request that was "
				 "exported from here, or that answer was imported before",
				 claims->in_reply_to);
	memcpy(asked.iss, context->enrollment->client->name, sizeof(asked.iss));
	memcpy(asked.jti, request->jti, sizeof(asked.jti));
	if (check_answer_claims(claims, &asked, request->sha256, fault) < 0)
		return -1;
	*ret_request = request;
	return 0;
}

/*
 * The answer to a request that is not in state/exported any more, as an import that was killed
 * after that leaves it. *ret_saved: the layout has every certificate of the answer.
 */
static int look_for_saved(const struct import_context *context,
			  const struct certificates_answer *answer, bool *ret_saved,
			  struct fault *fault)
{
	bool saved = answer->certificate_count > 0 && strcmp(answer->claims.iss, CA_NAME) == 0 &&
		     strcmp(answer->claims.aud, context->enrollment->client->name) == 0;

	for (size_t i = 0; i < answer->certificate_count && saved; i++) {
		struct fault problem = {0};

		if (is_present(context->enrollment->layout, &answer->certificates[i], &saved,
			       &problem) < 0) {
			if (pass_failure(&problem, fault) < 0)
				return -1;
			saved = false;
		}
	}
	*ret_saved = saved;
	return 0;
}

/* The key may have been rotated since the export. */
static int open_under_either_key(const struct import_context *context, struct bytes jwe,
				 struct secret *ret_json, struct fault *fault)
{
	struct fault failure = {0};

	if (open_answer(&certificates_kind, &context->key, jwe, ret_json, &failure) == 0)
		return 0;
	if (context->old_key.kid[0] == '\0')
		return pass_fault(&failure, fault);
	return open_answer(&certificates_kind, &context->old_key, jwe, ret_json, fault);
}

static int import_answer(struct import_context *context, struct bytes jwe,
			 char ret_jti[static JTI_SIZE], struct fault *fault)
{
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	const struct exported_request *request = NULL;
	struct fault unknown = {0};
	bool saved = false;

	if (jwe.len > CERTIFICATES_ANSWER_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected an answer of at most %d octets, found %zu",
				 CERTIFICATES_ANSWER_MAX, jwe.len);
	if (open_under_either_key(context, jwe, &json, fault) < 0 ||
	    parse_certificates_answer(bytes_of_secret(&json), &answer, fault) < 0)
		return -1;
	if (find_question(context, &answer.claims, &request, &unknown) < 0) {
		if (look_for_saved(context, &answer, &saved, fault) < 0)
			return -1;
		if (!saved)
			return pass_fault(&unknown, fault);
		context->summary.present += answer.certificate_count;
		report_member_refusals(context, &answer);
		memcpy(ret_jti, answer.claims.in_reply_to, JTI_SIZE);
		return 0;
	}
	if (is_refused(&answer.refusal))
		refuse_request(context, request, &answer.refusal);
	else if (save_answer(context, request, &answer, fault) < 0)
		return -1;
	memcpy(ret_jti, request->jti, JTI_SIZE);
	return 0;
}

/* Requests are removed from the record after the last line, so that the file can be imported again
   after a kill. */
static int import_lines(struct import_context *context, struct bytes text, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer answered = {0};
	size_t number = 0;

	while (text.len > 0) {
		struct bytes line = cut_line(&text);
		char jti[JTI_SIZE];

		number++;
		if (line.len == 0)
			continue;
		if (import_answer(context, line, jti, fault) < 0)
			return prefix_fault(fault, "line %zu", number);
		append_bytes(&answered, (struct bytes){(const uint8_t *)jti, sizeof(jti)});
	}
	if (answered.len == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected the CA's answers, one a line, found none");
	if (check_buffer(&answered, fault) < 0)
		return -1;
	for (size_t i = 0; i < answered.len; i += JTI_SIZE)
		remove_exported_request(&context->recorded, (const char *)answered.data + i);
	return write_exported_requests(context->enrollment->layout, &context->recorded, fault);
}

int import_answers(const struct enrollment *enrollment, struct bytes text, int64_t now_s,
		   struct enroll_summary *ret_summary, struct fault *fault)
{
	const struct layout *layout = enrollment->layout;
	CLEANUP(clear_import_context)
	struct import_context context = {.enrollment = enrollment, .now_s = now_s};
	bool found;

	if (complete_renewals(layout, fault) < 0)
		return -1;
	if (sweep_staging(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (read_roots(layout, &context.roots, fault) < 0 ||
	    read_intermediates(layout, &context.known, fault) < 0 ||
	    read_shared_key(layout, CA_NAME, &context.key, fault) < 0 ||
	    read_old_key(layout, CA_NAME, now_s, &context.old_key, &found, fault) < 0 ||
	    read_exported_requests(layout, &context.recorded, fault) < 0 ||
	    import_lines(&context, text, fault) < 0)
		return -1;
	*ret_summary = context.summary;
	return 0;
}
