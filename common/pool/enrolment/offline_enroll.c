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

/* One export_requests. */
struct exporting {
	const struct enrollment *enrollment;
	struct shared_key key;
	struct member_set missing;
	struct exported_requests exported;
	struct buffer text;
	struct export_figures figures;
};

static void clear_exporting(struct exporting *exporting)
{
	clear_buffer(&exporting->text);
	clear_exported_requests(&exporting->exported);
	clear_member_set(&exporting->missing);
	clear_shared_key(&exporting->key);
}

static void tell_refusal(const struct enrollment *enrollment, size_t member,
			 const struct refusal *refusal)
{
	if (enrollment->refused != NULL)
		enrollment->refused(enrollment->refused_context, member, refusal);
}

/* The next members' requests; an empty batch when there are no more. *last is the last taken. */
static int fill_batch(struct exporting *exporting, size_t *last, struct request_batch *ret_batch,
		      struct fault *fault)
{
	const struct enrollment *enrollment = exporting->enrollment;
	size_t most = enrollment->client->pool.batch_size;
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	size_t member;

	if (init_request_batch(&current_files, most, &batch, fault) < 0)
		return -1;
	while (batch.request.count < most &&
	       (member = next_in_member_set(&exporting->missing, *last)) != 0) {
		struct refusal refusal = {0};

		*last = member;
		if (add_to_request_batch(enrollment->layout, member, &batch, &refusal, fault) < 0)
			return -1;
		if (refusal.type[0] != '\0') {
			exporting->figures.refused++;
			tell_refusal(enrollment, member, &refusal);
		}
	}
	MOVE(ret_batch, batch);
	return 0;
}

static int remember_batch(struct exporting *exporting, const struct request_batch *batch,
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
	return add_exported_request(&exporting->exported, &request, fault);
}

static int export_batch(struct exporting *exporting, struct request_batch *batch, int64_t now_s,
			struct fault *fault)
{
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	if (make_request_claims(exporting->enrollment->client->name, CA_NAME, now_s,
				&batch->request.claims, fault) < 0 ||
	    format_certificates_request(&batch->request, &json, fault) < 0 ||
	    encrypt_message(&exporting->key, certificates_kind.typ, certificates_kind.cty,
			    bytes_of_secret(&json), &jwe, fault) < 0 ||
	    remember_batch(exporting, batch, bytes_of_buffer(&jwe), fault) < 0)
		return -1;
	append_bytes(&exporting->text, bytes_of_buffer(&jwe));
	append_string(&exporting->text, "\n");
	exporting->figures.members += batch->request.count;
	exporting->figures.requests++;
	if (exporting->text.len > OFFLINE_FILE_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "the pool's requests are more than the %d octets of one file",
				 OFFLINE_FILE_MAX);
	return check_buffer(&exporting->text, fault);
}

static int export_missing(struct exporting *exporting, int64_t now_s, struct fault *fault)
{
	size_t last = 0;

	for (;;) {
		CLEANUP(clear_request_batch) struct request_batch batch = {0};

		if (fill_batch(exporting, &last, &batch, fault) < 0)
			return -1;
		if (batch.request.count == 0)
			return 0;
		if (export_batch(exporting, &batch, now_s, fault) < 0)
			return -1;
	}
}

int export_requests(const struct enrollment *enrollment, int64_t now_s, struct buffer *ret_text,
		    struct export_figures *ret_figures, struct fault *fault)
{
	const struct layout *layout = enrollment->layout;
	CLEANUP(clear_exporting) struct exporting exporting = {.enrollment = enrollment};

	if (complete_renewals(layout, fault) < 0 ||
	    read_shared_key(layout, CA_NAME, &exporting.key, fault) < 0 ||
	    find_missing(layout, enrollment->client, &exporting.missing, &exporting.figures.present,
			 fault) < 0 ||
	    read_exported_requests(layout, &exporting.exported, fault) < 0)
		return -1;
	drop_old_exported_requests(&exporting.exported, now_s);
	if (export_missing(&exporting, now_s, fault) < 0)
		return -1;
	if (exporting.figures.requests > 0 &&
	    write_exported_requests(layout, &exporting.exported, fault) < 0)
		return -1;
	*ret_figures = exporting.figures;
	*ret_text = take_buffer(&exporting.text);
	return 0;
}

/* One import_answers. */
struct importing {
	const struct enrollment *enrollment;
	struct certificate *root;
	struct shared_key key;
	struct exported_requests exported;
	int64_t now_s;
	struct enrolled enrolled;
};

static void clear_importing(struct importing *importing)
{
	clear_exported_requests(&importing->exported);
	clear_shared_key(&importing->key);
	free_certificate(&importing->root);
}

/* The batch as it was exported, from the requests that are in CSR_file/ now. */
static int rebuild_batch(const struct importing *importing, const struct exported_request *request,
			 struct request_batch *ret_batch, struct fault *fault)
{
	CLEANUP(clear_request_batch) struct request_batch batch = {0};

	if (init_request_batch(&current_files, request->count, &batch, fault) < 0)
		return -1;
	for (size_t i = 0; i < request->count; i++) {
		struct refusal refusal = {0};

		if (add_to_request_batch(importing->enrollment->layout, request->members[i], &batch,
					 &refusal, fault) < 0)
			return -1;
		if (refusal.type[0] != '\0')
			return set_fault(fault, FAULT_UNVERIFIED,
					 "member %zu: its request is not what was exported: %s",
					 request->members[i], refusal.detail);
	}
	MOVE(ret_batch, batch);
	return 0;
}

/* Whether this very certificate is the member's already. */
static int is_present(const struct layout *layout, const struct member_pem *given,
		      bool *ret_present, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *old = NULL;
	CLEANUP(free_certificate) struct certificate *new = NULL;
	char name[FILE_NAME_SIZE];

	*ret_present = false;
	name_certificate(parse_member(given->name), name);
	if (!file_exists(layout->cert, name))
		return 0;
	if (read_certificate_file(layout, name, &old, fault) < 0 ||
	    parse_certificate_pem(bytes_of_buffer(&given->pem), &new, fault) < 0)
		return -1;
	if (!equal_bytes(certificate_der(old), certificate_der(new)))
		return set_fault(fault, FAULT_REFUSED,
				 "%s/cert/%s: another certificate than the answer's is there "
				 "already, and is not overwritten",
				 layout->path, name);
	*ret_present = true;
	return 0;
}

/* Takes out what came by another way meanwhile, or was imported before a kill. */
static int drop_present(struct importing *importing, struct certificates_answer *answer,
			struct fault *fault)
{
	size_t kept = 0;

	for (size_t i = 0; i < answer->certificate_count; i++) {
		struct member_pem given = answer->certificates[i];
		bool present;

		if (is_present(importing->enrollment->layout, &given, &present, fault) < 0)
			return -1;
		/* The one that is kept, or is to be freed, changes places. */
		answer->certificates[i] = answer->certificates[kept];
		answer->certificates[kept] = given;
		kept += present ? 0 : 1;
	}
	for (size_t i = kept; i < answer->certificate_count; i++)
		clear_buffer(&answer->certificates[i].pem);
	importing->enrolled.present += answer->certificate_count - kept;
	answer->certificate_count = kept;
	return 0;
}

/* A refusal of the whole request is one of each of its members. */
static void refuse_request(struct importing *importing, const struct exported_request *request,
			   const struct refusal *refusal)
{
	for (size_t i = 0; i < request->count; i++)
		tell_refusal(importing->enrollment, request->members[i], refusal);
	importing->enrolled.refused += request->count;
}

static int save_answer(struct importing *importing, const struct exported_request *request,
		       struct certificates_answer *answer, struct fault *fault)
{
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	bool written;

	if (rebuild_batch(importing, request, &batch, fault) < 0 ||
	    check_batch_answer(&batch, importing->root, importing->now_s, answer, fault) < 0 ||
	    drop_present(importing, answer, fault) < 0 ||
	    keep_intermediates(importing->enrollment->layout, &batch.chain, &written, fault) < 0 ||
	    save_certificates(importing->enrollment->layout, &current_files, answer, fault) < 0)
		return -1;
	importing->enrolled.saved += answer->certificate_count;
	importing->enrolled.refused += answer->refusal_count;
	for (size_t i = 0; i < answer->refusal_count; i++)
		tell_refusal(importing->enrollment, parse_member(answer->refusals[i].name),
			     &answer->refusals[i].refusal);
	return 0;
}

/* The request that the answer is to, which must have been exported from here. */
static int find_question(const struct importing *importing, const struct answer_claims *claims,
			 const struct exported_request **ret_request, struct fault *fault)
{
	const struct exported_request *request =
		find_exported_request(&importing->exported, claims->in_reply_to);
	struct request_claims asked = {.aud = CA_NAME};

	if (request == NULL)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "in_reply_to \"%s\": not the answer to a request that was "
				 "exported from here, or that answer was imported before",
				 claims->in_reply_to);
	memcpy(asked.iss, importing->enrollment->client->name, sizeof(asked.iss));
	memcpy(asked.jti, request->jti, sizeof(asked.jti));
	if (check_answer_claims(claims, &asked, request->sha256, fault) < 0)
		return -1;
	*ret_request = request;
	return 0;
}

static int import_answer(struct importing *importing, struct bytes jwe,
			 char ret_jti[static JTI_SIZE], struct fault *fault)
{
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	const struct exported_request *request = NULL;

	if (jwe.len > CERTIFICATES_ANSWER_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected an answer of at most %d octets, found %zu",
				 CERTIFICATES_ANSWER_MAX, jwe.len);
	if (open_answer(&certificates_kind, &importing->key, jwe, &json, fault) < 0 ||
	    parse_certificates_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    find_question(importing, &answer.claims, &request, fault) < 0)
		return -1;
	if (answer.refusal.type[0] != '\0')
		refuse_request(importing, request, &answer.refusal);
	else if (save_answer(importing, request, &answer, fault) < 0)
		return -1;
	memcpy(ret_jti, request->jti, JTI_SIZE);
	return 0;
}

/* The requests that were answered are forgotten in the end, so that what a kill has left can be
   imported again. */
static int import_lines(struct importing *importing, struct bytes text, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer answered = {0};
	size_t number = 0;

	while (text.len > 0) {
		struct bytes line = cut_line(&text);
		char jti[JTI_SIZE];

		number++;
		if (line.len == 0)
			continue;
		if (import_answer(importing, line, jti, fault) < 0)
			return prefix_fault(fault, "line %zu", number);
		append_bytes(&answered, (struct bytes){(const uint8_t *)jti, sizeof(jti)});
	}
	if (answered.len == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected the CA's answers, one a line, found none");
	if (check_buffer(&answered, fault) < 0)
		return -1;
	for (size_t i = 0; i < answered.len; i += JTI_SIZE)
		remove_exported_request(&importing->exported, (const char *)answered.data + i);
	return write_exported_requests(importing->enrollment->layout, &importing->exported, fault);
}

int import_answers(const struct enrollment *enrollment, struct bytes text, int64_t now_s,
		   struct enrolled *ret_enrolled, struct fault *fault)
{
	const struct layout *layout = enrollment->layout;
	CLEANUP(clear_importing)
	struct importing importing = {.enrollment = enrollment, .now_s = now_s};

	if (complete_renewals(layout, fault) < 0)
		return -1;
	if (sweep_staging(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (read_root(layout, &importing.root, fault) < 0 ||
	    read_shared_key(layout, CA_NAME, &importing.key, fault) < 0 ||
	    read_exported_requests(layout, &importing.exported, fault) < 0 ||
	    import_lines(&importing, text, fault) < 0)
		return -1;
	*ret_enrolled = importing.enrolled;
	return 0;
}
