#include "common/pool/members/survey.h"

#include "common/base/workers.h"
#include "common/crypto/key_file.h"
#include "common/x509/csr.h"

#include <pthread.h>

enum { CHUNK_SIZE = 250, TRIES = 4 };

/* What the threads of one survey_pool share. */
struct survey_context {
	const struct survey *survey;
	pthread_mutex_t lock; /* for the function */
};

/* What was read of a member. Each is NULL if there is none that can be read. */
struct member_parts {
	struct private_key *key;
	struct public_key *public_key;
	struct csr *csr;
	struct certificate *certificate;
};

static void clear_member_parts(struct member_parts *parts)
{
	free_private_key(&parts->key);
	free_public_key(&parts->public_key);
	free_csr(&parts->csr);
	free_certificate(&parts->certificate);
}

/* Whether a file cannot be used because of what it is, and not because the disk failed. */
static bool is_finding(const struct fault *failure)
{
	return failure->class == FAULT_MALFORMED || failure->class == FAULT_TOO_LARGE ||
	       failure->class == FAULT_REFUSED;
}

static void note_finding(struct member_view *view, const struct fault *finding)
{
	if (view->finding.class == FAULT_NONE)
		view->finding = *finding;
}

static int examine_key(const struct layout *layout, struct member_view *view,
		       struct member_parts *parts, struct fault *fault)
{
	struct fault failure = {0};
	char name[FILE_NAME_SIZE];

	current_files.key(view->index, name);
	view->has_key = true;
	if (read_private_key(layout, name, &parts->key, &failure) == 0)
		return get_public_key(parts->key, &parts->public_key, fault);
	if (failure.class == FAULT_NOT_FOUND) {
		view->has_key = false;
		return 0;
	}
	if (!is_finding(&failure))
		return pass_fault(&failure, fault);
	view->damaged = true;
	/* A file that others may read, or of another kind, is refused: that is not for us to mend,
	   and comes before all that is. */
	view->unfit_key = failure.class != FAULT_REFUSED;
	if (!view->unfit_key)
		view->finding = failure;
	note_finding(view, &failure);
	return 0;
}

static int read_csr(const struct layout *layout, size_t index, struct csr **ret_csr,
		    struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	char name[FILE_NAME_SIZE];

	current_files.csr(index, name);
	if (read_file(layout->csr_file, name, CSR_PEM_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "%s/CSR_file", layout->path);
	if (parse_csr_pem(bytes_of_buffer(&pem), ret_csr, fault) < 0)
		return prefix_fault(fault, "%s/CSR_file/%s", layout->path, name);
	return 0;
}

static int examine_csr(const struct layout *layout, struct member_view *view,
		       struct member_parts *parts, struct fault *fault)
{
	struct fault failure = {0};

	view->has_csr = true;
	if (read_csr(layout, view->index, &parts->csr, &failure) == 0)
		return 0;
	if (failure.class == FAULT_NOT_FOUND) {
		view->has_csr = false;
		return 0;
	}
	if (!is_finding(&failure))
		return pass_fault(&failure, fault);
	view->unfit_csr = true;
	note_finding(view, &failure);
	return 0;
}

static int examine_certificate(const struct layout *layout, struct member_view *view,
			       struct member_parts *parts, struct fault *fault)
{
	struct fault failure = {0};
	char name[FILE_NAME_SIZE];

	current_files.certificate(view->index, name);
	view->has_certificate = true;
	if (read_certificate_file(layout, name, &parts->certificate, &failure) == 0)
		return 0;
	if (failure.class == FAULT_NOT_FOUND) {
		view->has_certificate = false;
		return 0;
	}
	if (!is_finding(&failure))
		return pass_fault(&failure, fault);
	view->unfit_certificate = true;
	view->damaged = true;
	note_finding(view, &failure);
	return 0;
}

static bool same_key(const struct public_key *a, const struct public_key *b)
{
	return equal_bytes(public_key_spki(a), public_key_spki(b));
}

static void note_unfit(const struct layout *layout, struct member_view *view, const char *folder,
		       file_namer *namer, const char *what)
{
	struct fault finding = {0};
	char name[FILE_NAME_SIZE];

	namer(view->index, name);
	(void)set_fault(&finding, FAULT_REFUSED, "%s/%s/%s: not for the key of member %zu's %s",
			layout->path, folder, name, view->index, what);
	note_finding(view, &finding);
}

/* The certificate that a renewal has not renamed yet, if it is the key's (replace_member.h). */
static int take_renewal_certificate(const struct layout *layout, size_t index,
				    struct member_parts *parts, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct fault failure = {0};
	char name[FILE_NAME_SIZE];

	renewal_files.certificate(index, name);
	if (read_certificate_file(layout, name, &certificate, &failure) < 0)
		return failure.class == FAULT_NOT_FOUND || is_finding(&failure)
			       ? 0
			       : pass_fault(&failure, fault);
	if (same_key(parts->public_key, certificate_public_key(certificate))) {
		free_certificate(&parts->certificate);
		parts->certificate = TAKE(certificate);
	}
	return 0;
}

/* Holds request and certificate against the key; without a key, the certificate against the
   request. */
static void compare_parts(const struct layout *layout, struct member_view *view,
			  struct member_parts *parts)
{
	const struct public_key *reference = parts->public_key;
	const char *what = "private key";

	if (view->unfit_key) {
		view->unfit_csr = view->has_csr;
		view->unfit_certificate = view->has_certificate;
		return;
	}
	if (reference != NULL && parts->csr != NULL &&
	    !same_key(reference, csr_public_key(parts->csr))) {
		view->unfit_csr = true;
		note_unfit(layout, view, "CSR_file", current_files.csr, what);
	}
	if (reference == NULL && !view->has_key && parts->csr != NULL) {
		reference = csr_public_key(parts->csr);
		what = "request";
	}
	if (reference != NULL && parts->certificate != NULL &&
	    !same_key(reference, certificate_public_key(parts->certificate))) {
		view->unfit_certificate = true;
		view->damaged = true;
		note_unfit(layout, view, "cert", current_files.certificate, what);
	}
}

static int verify_member(const struct survey *survey, struct member_view *view,
			 const struct certificate *certificate, struct fault *fault)
{
	struct verdict verdict = {0};
	struct fault finding = {0};
	char name[FILE_NAME_SIZE];

	if (verify_chain(survey->trust, certificate, certificate_not_after(certificate), NULL,
			 &verdict, fault) < 0)
		return -1;
	if (!verdict.invalid)
		return 0;
	current_files.certificate(view->index, name);
	(void)set_fault(&finding, FAULT_UNVERIFIED, "%s/cert/%s: %s", survey->layout->path, name,
			verdict.reason);
	note_finding(view, &finding);
	view->certificate = NULL;
	view->unverified = true;
	view->unfit_certificate = true;
	view->damaged = true;
	return 0;
}

/* The key last: a renewal renames it first, so that a new certificate never meets an old key. */
static int read_parts(const struct survey *survey, struct member_view *view,
		      struct member_parts *parts, struct fault *fault)
{
	const struct layout *layout = survey->layout;
	char name[FILE_NAME_SIZE];

	if (examine_certificate(layout, view, parts, fault) < 0)
		return -1;
	if (!survey->certificates_only) {
		if (examine_csr(layout, view, parts, fault) < 0 ||
		    examine_key(layout, view, parts, fault) < 0)
			return -1;
		if (parts->public_key != NULL && parts->certificate != NULL &&
		    !same_key(parts->public_key, certificate_public_key(parts->certificate)))
			return take_renewal_certificate(layout, view->index, parts, fault);
		return 0;
	}
	current_files.csr(view->index, name);
	if (find_file(layout->csr_file, name, &view->has_csr, fault) < 0)
		return prefix_fault(fault, "%s/CSR_file", layout->path);
	current_files.key(view->index, name);
	if (find_file(layout->private, name, &view->has_key, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

static int find_renewal(const struct layout *layout, struct member_view *view, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	renewal_files.key(view->index, name);
	if (find_file(layout->private, name, &view->renewing, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

/* Another process may be renewing the member: what does not fit is looked at again. */
static int examine_member(const struct survey *survey, size_t index, struct member_view *view,
			  struct member_parts *parts, struct fault *fault)
{
	for (int i = 0; i < TRIES; i++) {
		clear_member_parts(parts);
		*view = (struct member_view){.index = index};
		if (read_parts(survey, view, parts, fault) < 0)
			return -1;
		compare_parts(survey->layout, view, parts);
		if (view->finding.class == FAULT_NONE)
			break;
	}
	view->public_key = parts->public_key;
	if (parts->certificate != NULL && !view->unfit_certificate) {
		view->certificate = parts->certificate;
		if (survey->trust != NULL &&
		    verify_member(survey, view, parts->certificate, fault) < 0)
			return -1;
	}
	if (view->certificate != NULL && survey->revocations != NULL)
		view->revocation = find_known_revocation(survey->revocations,
							 certificate_serial(view->certificate));
	return find_renewal(survey->layout, view, fault);
}

static int survey_chunk(size_t index, void *argument, struct fault *fault)
{
	struct survey_context *context = argument;
	const struct survey *survey = context->survey;
	const struct pool_settings *pool = &survey->client->pool;
	size_t end = (index + 1) * CHUNK_SIZE;

	for (size_t i = index * CHUNK_SIZE; i < end && i < last_member(pool); i++) {
		CLEANUP(clear_member_parts) struct member_parts parts = {0};
		struct member_view view;
		int result;

		if (is_set_apart(pool, i + 1))
			continue;
		if (examine_member(survey, i + 1, &view, &parts, fault) < 0)
			return -1;
		pthread_mutex_lock(&context->lock);
		result = survey->function(survey->context, &view, fault);
		pthread_mutex_unlock(&context->lock);
		if (result < 0)
			return -1;
	}
	return 0;
}

int survey_pool(const struct survey *survey, struct fault *fault)
{
	struct survey_context context = {.survey = survey, .lock = PTHREAD_MUTEX_INITIALIZER};
	size_t chunks = (last_member(&survey->client->pool) + CHUNK_SIZE - 1) / CHUNK_SIZE;
	int result = run_tasks(chunks, count_cores(), survey_chunk, &context, fault);

	pthread_mutex_destroy(&context.lock);
	return result;
}

bool needs_owner(const struct member_view *view)
{
	return view->has_key && view->public_key == NULL && !view->unfit_key;
}

enum member_state state_of_member(const struct member_view *view, int64_t now_s)
{
	if (view->damaged)
		return MEMBER_DAMAGED;
	if (view->certificate == NULL)
		return MEMBER_WITHOUT;
	if (view->revocation != NULL)
		return MEMBER_REVOKED;
	if (certificate_not_after(view->certificate) < now_s)
		return MEMBER_EXPIRED;
	return is_valid_at(view->certificate, now_s) ? MEMBER_VALID : MEMBER_EARLY;
}

struct summarize_context {
	int64_t now_s;
	bool windows;
	size_t lifetime_left_percent;
	struct pool_summary summary;
};

static int count_member(void *argument, const struct member_view *view, struct fault *fault)
{
	struct summarize_context *context = argument;
	struct pool_summary *summary = &context->summary;
	enum member_state state = state_of_member(view, context->now_s);
	int64_t end_s;
	int64_t due_s;

	(void)fault;
	summary->keys += view->has_key ? 1 : 0;
	summary->requests += view->has_csr ? 1 : 0;
	summary->states[state]++;
	if (state != MEMBER_VALID && state != MEMBER_EARLY)
		return 0;
	end_s = certificate_not_after(view->certificate);
	if (end_s > summary->last_end_s)
		summary->last_end_s = end_s;
	if (state == MEMBER_EARLY)
		return 0;
	if (summary->first_expiry_s == 0 || end_s < summary->first_expiry_s)
		summary->first_expiry_s = end_s;
	if (end_s > summary->last_expiry_s)
		summary->last_expiry_s = end_s;
	if (context->windows)
		return 0;
	due_s = ending_from(view->certificate, context->lifetime_left_percent);
	if (due_s <= context->now_s)
		summary->ending++;
	if (summary->first_due_s == 0 || due_s < summary->first_due_s)
		summary->first_due_s = due_s;
	return 0;
}

int summarize_pool(const struct layout *layout, const struct client_node *client,
		   const struct known_revocations *revocations, int64_t now_s,
		   struct pool_summary *ret_summary, struct fault *fault)
{
	struct summarize_context context = {.now_s = now_s,
					    .windows = has_windows(&client->pool),
					    .lifetime_left_percent =
						    client->pool.reuse.lifetime_left_percent,
					    .summary = {.size = count_members(&client->pool)}};
	const struct survey survey = {.layout = layout,
				      .client = client,
				      .revocations = revocations,
				      .function = count_member,
				      .context = &context};

	if (survey_pool(&survey, fault) < 0)
		return -1;
	*ret_summary = context.summary;
	return 0;
}
