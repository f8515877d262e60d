#include "common/pool/enrolment/renew.h"

#include "common/base/workers.h"
#include "common/crypto/key_file.h"
#include "common/pool/members/replace_member.h"
#include "common/pool/members/set_aside.h"

#include <pthread.h>
#include <stdlib.h>

enum { CHUNK_SIZE = 1000 };

/* What the threads of one find_due_members share. */
struct due_context {
	const struct layout *layout;
	const struct renewal_options *options;
	const struct pool_settings *pool;
	int64_t now_s;
	pthread_mutex_t lock; /* for the fields below */
	struct renewal_need need;
	struct member_set *members; /* may be NULL */
};

int64_t renewal_due_at(const struct renewal_options *options, const struct certificate *certificate)
{
	if (options->windows)
		return INT64_MAX;
	if (options->within_s > 0)
		return certificate_not_after(certificate) - options->within_s;
	return ending_from(certificate, options->lifetime_left_percent);
}

/* The certificate is NULL if it cannot be read. */
static bool is_due(const struct renewal_options *options, size_t member,
		   const struct certificate *certificate, int64_t now_s)
{
	if (options->only != NULL)
		return is_in_member_set(options->only, member);
	return certificate != NULL &&
	       (options->all || renewal_due_at(options, certificate) <= now_s);
}

static void add_due_member(struct due_context *context, size_t member)
{
	pthread_mutex_lock(&context->lock);
	context->need.due++;
	if (context->members != NULL)
		add_to_member_set(context->members, member);
	pthread_mutex_unlock(&context->lock);
}

static void increment(struct due_context *context, size_t *count)
{
	pthread_mutex_lock(&context->lock);
	(*count)++;
	pthread_mutex_unlock(&context->lock);
}

static int examine_member(struct due_context *context, size_t member, struct fault *fault)
{
	const struct layout *layout = context->layout;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct fault unread = {0};
	char name[FILE_NAME_SIZE];
	bool found;

	renewal_files.key(member, name);
	if (find_file(layout->private, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (found &&
	    (context->options->only == NULL || is_in_member_set(context->options->only, member))) {
		add_due_member(context, member);
		return 0;
	}
	current_files.certificate(member, name);
	if (find_file(layout->cert, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (!found)
		return 0;
	if (read_certificate_file(layout, name, &certificate, &unread) < 0 &&
	    pass_failure(&unread, fault) < 0)
		return -1;
	if (!is_due(context->options, member, certificate, context->now_s)) {
		increment(context,
			  certificate != NULL ? &context->need.kept : &context->need.damaged);
		return 0;
	}
	current_files.key(member, name);
	if (find_file(layout->private, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (!found)
		increment(context, &context->need.elsewhere);
	else
		add_due_member(context, member);
	return 0;
}

static int examine_chunk(size_t index, void *argument, struct fault *fault)
{
	struct due_context *context = argument;
	size_t end = (index + 1) * CHUNK_SIZE;

	for (size_t i = index * CHUNK_SIZE; i < end && i < last_member(context->pool); i++)
		if (!is_set_apart(context->pool, i + 1) &&
		    examine_member(context, i + 1, fault) < 0)
			return -1;
	return 0;
}

int find_due_members(const struct layout *layout, const struct client_node *client,
		     const struct renewal_options *options, int64_t now_s,
		     struct renewal_need *ret_need, struct member_set *ret_members,
		     struct fault *fault)
{
	CLEANUP(clear_member_set) struct member_set members = {0};
	struct renewal_options terms = *options;
	struct due_context context = {.layout = layout,
				      .options = &terms,
				      .pool = &client->pool,
				      .now_s = now_s,
				      .lock = PTHREAD_MUTEX_INITIALIZER};
	int result;

	terms.lifetime_left_percent = client->pool.reuse.lifetime_left_percent;
	terms.windows = has_windows(&client->pool);
	if (ret_members != NULL) {
		if (init_member_set(last_member(&client->pool), &members, fault) < 0)
			return -1;
		context.members = &members;
	}
	result = run_tasks((last_member(&client->pool) + CHUNK_SIZE - 1) / CHUNK_SIZE,
			   count_cores(), examine_chunk, &context, fault);
	pthread_mutex_destroy(&context.lock);
	if (result < 0)
		return -1;
	*ret_need = context.need;
	if (ret_members != NULL) {
		MOVE(ret_members, members);
	}
	return 0;
}

/* One renew_members. */
struct renew_context {
	const struct renewal *renewal;
	struct member_set refused;
};

static void clear_renew_context(struct renew_context *context)
{
	clear_member_set(&context->refused);
}

static void add_refused_member(void *argument, size_t member, const struct refusal *refusal)
{
	struct renew_context *context = argument;
	const struct enrollment *enrollment = &context->renewal->enrollment;

	add_to_member_set(&context->refused, member);
	if (enrollment->refused != NULL)
		enrollment->refused(enrollment->refused_context, member, refusal);
}

/* A saved_function: replaces the old files of the members whose new certificates were saved. */
static int complete_answer(void *argument, const struct certificates_answer *answer,
			   struct fault *fault)
{
	const struct renew_context *context = argument;
	size_t members[BATCH_SIZE_MAX]; /* parse_certificates_answer accepts no more */

	for (size_t i = 0; i < answer->certificate_count; i++)
		members[i] = parse_member(answer->certificates[i].name);
	return complete_members(context->renewal->enrollment.layout, members,
				answer->certificate_count, fault);
}

/* Discards renewals whose new key was removed, or is damaged: such a member could never sign. */
static int discard_keyless(const struct layout *layout, const struct member_set *members,
			   struct fault *fault)
{
	for (size_t i = next_in_member_set(members, 0); i != 0;
	     i = next_in_member_set(members, i)) {
		CLEANUP(free_private_key) struct private_key *key = NULL;
		struct fault unread = {0};
		char name[FILE_NAME_SIZE];

		renewal_files.key(i, name);
		if (read_private_key(layout, name, &key, &unread) == 0)
			continue;
		if (unread.class != FAULT_NOT_FOUND && unread.class != FAULT_MALFORMED)
			return pass_fault(&unread, fault);
		if (discard_renewal(layout, i, fault) < 0)
			return -1;
	}
	return 0;
}

/* Before anything is renewed, so that a kill in between forgets none of them. */
static int keep_certificates(const struct layout *layout, const struct member_set *members,
			     struct fault *fault)
{
	for (size_t i = next_in_member_set(members, 0); i != 0; i = next_in_member_set(members, i))
		if (keep_certificate_aside(layout, i, fault) < 0)
			return -1;
	if (sync_directory(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

/* Discards the refused keys and requests: the next renewal makes others. */
static int discard_refused(const struct layout *layout, const struct member_set *refused,
			   struct fault *fault)
{
	for (size_t i = next_in_member_set(refused, 0); i != 0; i = next_in_member_set(refused, i))
		if (discard_renewal(layout, i, fault) < 0)
			return -1;
	return 0;
}

int renew_members(const struct renewal *renewal, const struct member_set *members,
		  struct certify_summary *ret_summary, struct fault *fault)
{
	CLEANUP(clear_renew_context) struct renew_context context = {.renewal = renewal};
	const struct layout *layout = renewal->enrollment.layout;
	struct enrollment enrollment = renewal->enrollment;
	const struct make_options make_options = {.layout = layout,
						  .client = enrollment.client,
						  .files = &renewal_files,
						  .members = members,
						  .progress = renewal->making};
	const struct certification certification = {.enrollment = &enrollment,
						    .files = &renewal_files,
						    .members = members,
						    .saved = complete_answer,
						    .saved_context = &context};
	struct make_summary made;

	enrollment.refused = add_refused_member;
	enrollment.refused_context = &context;
	if (init_member_set(last_member(&enrollment.client->pool), &context.refused, fault) < 0 ||
	    (renewal->keep_old && keep_certificates(layout, members, fault) < 0) ||
	    discard_keyless(layout, members, fault) < 0 ||
	    make_members(&make_options, &made, fault) < 0 ||
	    certify_members(&certification, ret_summary, fault) < 0)
		return -1;
	return discard_refused(layout, &context.refused, fault);
}

int renew_pool(const struct renewal *renewal, int64_t now_s, struct renewal_summary *ret_summary,
	       struct fault *fault)
{
	const struct enrollment *enrollment = &renewal->enrollment;
	CLEANUP(clear_member_set) struct member_set members = {0};
	struct certify_summary certify_summary = {0};
	struct root_change root_change = {0};
	struct renewal_need need;

	if (complete_renewals(enrollment->layout, fault) < 0 ||
	    learn_roots(enrollment->layout, enrollment->client->name, &enrollment->ca, now_s,
			&root_change, fault) < 0 ||
	    find_due_members(enrollment->layout, enrollment->client, &renewal->options, now_s,
			     &need, &members, fault) < 0)
		return -1;
	if (need.due > 0 && renew_members(renewal, &members, &certify_summary, fault) < 0)
		return -1;
	*ret_summary = (struct renewal_summary){.renewed = certify_summary.saved,
						.kept = need.kept,
						.elsewhere = need.elsewhere,
						.damaged = need.damaged,
						.refused = certify_summary.refused,
						.cut_short = certify_summary.cut_short,
						.root_change = root_change};
	return 0;
}
