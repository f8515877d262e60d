#include "common/pool/enrolment/offline_enroll.h"

#include "common/base/staging.h"
#include "common/crypto/key_file.h"
#include "common/pool/enrolment/exported_requests.h"
#include "common/pool/enrolment/learn_roots.h"
#include "common/pool/enrolment/request_batch.h"
#include "common/pool/members/replace_member.h"
#include "common/pool/members/trust.h"
#include "common/wire/envelope.h"

#include <stdlib.h>
#include <string.h>

/* The parts of one import_answers. */
struct import_context {
	const struct enrollment *enrollment;
	struct roots roots;
	struct intermediates known; /* of cert/ca.crt */
	struct shared_key key;
	struct shared_key old_key;         /* kid "": there is none */
	struct exported_requests recorded; /* state/exported */
	struct offered_roots offered;      /* by the file; empty: nothing new */
	struct root_change root_change;
	bool certified; /* an answer had certificates, with their chain */
	int64_t now_s;
	struct enroll_summary summary;
};

static void clear_import_context(struct import_context *context)
{
	clear_exported_requests(&context->recorded);
	clear_shared_key(&context->key);
	clear_shared_key(&context->old_key);
	clear_offered_roots(&context->offered);
	clear_roots(&context->roots);
	clear_intermediates(&context->known);
}

static void report_refusal(const struct enrollment *enrollment, size_t member,
			   const struct refusal *refusal)
{
	if (enrollment->refused != NULL)
		enrollment->refused(enrollment->refused_context, member, refusal);
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
	if (ask_for_window(&context->enrollment->client->pool, &batch, fault) < 0)
		return -1;
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

/* A client that was away until its root had ended verifies by the roots that it is about to pin, as
   one with a network does. */
static struct trust trust_in_file(const struct import_context *context)
{
	bool ended = certificate_not_after(context->roots.root) < context->now_s;
	bool offered = context->offered.roots.root != NULL;

	return trust_in_roots(ended && offered ? &context->offered.roots : &context->roots,
			      &context->known);
}

static int save_answer(struct import_context *context, const struct exported_request *request,
		       struct certificates_answer *answer, struct fault *fault)
{
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	const struct trust trust = trust_in_file(context);
	bool written;

	if (rebuild_batch(context, request, &batch, fault) < 0 ||
	    check_batch_answer(&batch, &trust, context->now_s, answer, fault) < 0)
		return -1;
	context->certified |= answer->certificate_count > 0;
	if (drop_present(context, answer, fault) < 0 ||
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
static int open_under_either_key(const struct import_context *context,
				 const struct message_kind *kind, struct bytes jwe,
				 struct secret *ret_json, struct fault *fault)
{
	struct fault failure = {0};

	if (open_answer(kind, &context->key, jwe, ret_json, &failure) == 0)
		return 0;
	if (context->old_key.kid[0] == '\0')
		return pass_fault(&failure, fault);
	return open_answer(kind, &context->old_key, jwe, ret_json, fault);
}

/*
 * A line with the CA's roots: their cross certificates are kept, and the roots pinned when all
 * certificates are saved. Those of a file that is older than what is pinned change nothing.
 * *ret_taken false: the line is something else.
 */
static int import_roots(struct import_context *context, struct bytes jwe, bool *ret_taken,
			struct fault *fault)
{
	const struct layout *layout = context->enrollment->layout;
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_roots_answer) struct roots_answer answer = {0};
	CLEANUP(clear_offered_roots) struct offered_roots offered = {0};
	const struct exported_request *ignored = NULL;
	struct fault other = {0};
	struct root_change change;
	bool written;

	*ret_taken = open_under_either_key(context, &roots_kind, jwe, &json, &other) == 0;
	if (!*ret_taken)
		return 0;
	if (parse_roots_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    read_offer(&context->roots, &answer, &offered, &change, fault) < 0)
		return -1;
	if (!changes_roots(&change) || goes_back(&context->roots, &offered.roots))
		return 0;
	if (find_question(context, &answer.claims, &ignored, fault) < 0 ||
	    keep_intermediates(layout, &offered.cross, &written, fault) < 0)
		return -1;
	clear_intermediates(&context->known);
	clear_offered_roots(&context->offered);
	MOVE(&context->offered, offered);
	context->root_change = change;
	return read_intermediates(layout, &context->known, fault);
}

/* Pins the roots of the file. The old one stays as long as no answer has brought the certificate
   that the new one has issued to the CA. */
static int take_roots(struct import_context *context, struct fault *fault)
{
	if (!changes_roots(&context->root_change) ||
	    (context->root_change.dropped[0] != '\0' && !context->certified))
		return 0;
	if (replace_roots(context->enrollment->layout, &context->offered.roots, fault) < 0)
		return -1;
	context->summary.root_change = context->root_change;
	return 0;
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
	if (open_under_either_key(context, &certificates_kind, jwe, &json, fault) < 0 ||
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

/* A header that cannot be read is told as that of an answer to this client. */
static bool is_for_another(const struct import_context *context, struct bytes jwe)
{
	char kid[KEY_ID_SIZE];
	struct fault unread = {0};

	return read_key_id(jwe, kid, &unread) == 0 && strcmp(kid, context->key.kid) != 0 &&
	       strcmp(kid, context->old_key.kid) != 0;
}

/* The last line that is not empty, and what comes before it. */
static struct bytes last_line(struct bytes text, struct bytes *ret_before)
{
	const uint8_t *end;

	while (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	end = text.len > 0 ? memrchr(text.data, '\n', text.len) : NULL;
	*ret_before = (struct bytes){text.data, end != NULL ? (size_t)(end - text.data) + 1 : 0};
	return (struct bytes){text.data + ret_before->len, text.len - ret_before->len};
}

/* The CA's roots, for each client, are at the end, where older clients have saved all certificates
   before they refuse them. The certificates may need them. */
static int import_roots_first(struct import_context *context, struct bytes *text,
			      struct fault *fault)
{
	bool taken = true;

	while (taken && text->len > 0) {
		struct bytes before;
		struct bytes line = last_line(*text, &before);
		bool other = is_for_another(context, line);

		if (!other && import_roots(context, line, &taken, fault) < 0)
			return prefix_fault(fault, "the CA's roots, in the last line");
		context->summary.others += other ? 1 : 0;
		if (other || taken)
			*text = before;
	}
	return 0;
}

static int refuse_empty(const struct import_context *context, struct fault *fault)
{
	if (context->summary.others == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected the CA's answers, one a line, found none");
	return set_fault(fault, FAULT_UNVERIFIED,
			 "no answer can be decrypted: expected one under the key that %s shares "
			 "with the CA, found other keys' alone: they are for other clients, or the "
			 "key was replaced since: run certpool enroll %s --export again",
			 context->enrollment->client->name, context->enrollment->client->name);
}

/* Requests are removed from the record after the last line, so that the file can be imported again
   after a kill. */
static int import_lines(struct import_context *context, struct bytes text, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer answered = {0};
	size_t number = 0;

	if (import_roots_first(context, &text, fault) < 0)
		return -1;
	while (text.len > 0) {
		struct bytes line = cut_line(&text);
		char jti[JTI_SIZE];

		number++;
		if (line.len == 0)
			continue;
		if (is_for_another(context, line)) {
			context->summary.others++;
			continue;
		}
		if (import_answer(context, line, jti, fault) < 0)
			return prefix_fault(fault, "line %zu", number);
		append_bytes(&answered, (struct bytes){(const uint8_t *)jti, sizeof(jti)});
	}
	if (answered.len == 0)
		return refuse_empty(context, fault);
	if (check_buffer(&answered, fault) < 0 || take_roots(context, fault) < 0)
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
