#include "common/pool/enrolment/offline_enroll.h"

#include "common/crypto/key_file.h"
#include "common/pool/enrolment/exported_requests.h"
#include "common/pool/enrolment/learn_roots.h"
#include "common/pool/enrolment/request_batch.h"
#include "common/pool/members/replace_member.h"
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
	       (member = next_in_member_set(&context->missing, *last)) != 0 &&
	       (batch.request.count == 0 ||
		may_share_request(&enrollment->client->pool, *last, member))) {
		struct refusal refusal = {0};

		*last = member;
		if (add_to_request_batch(enrollment->layout, member, &batch, &refusal, fault) < 0)
			return -1;
		if (is_refused(&refusal)) {
			context->summary.refused++;
			report_refusal(enrollment, member, &refusal);
		}
	}
	if (ask_for_window(&enrollment->client->pool, &batch, fault) < 0)
		return -1;
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

/* Tells the CA that a second root is pinned, as it may wait for that to drop the first. */
static int export_roots(struct export_context *context, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_roots) struct roots roots = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct roots_request request = {0};

	if (read_roots(context->enrollment->layout, &roots, fault) < 0)
		return -1;
	if (roots.next == NULL)
		return 0;
	name_pinned_roots(&roots, &request);
	if (make_request_claims(context->enrollment->client->name, CA_NAME, now_s, &request.claims,
				fault) < 0 ||
	    format_roots_request(&request, &json, fault) < 0 ||
	    encrypt_message(&context->key, roots_kind.typ, roots_kind.cty, bytes_of_secret(&json),
			    &jwe, fault) < 0)
		return -1;
	append_bytes(&context->text, bytes_of_buffer(&jwe));
	append_string(&context->text, "\n");
	return check_buffer(&context->text, fault);
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
	    (export_roots(&context, now_s, fault) < 0 ||
	     write_exported_requests(layout, &context.recorded, fault) < 0))
		return -1;
	*ret_summary = context.summary;
	*ret_text = take_buffer(&context.text);
	return 0;
}
