#include "common/pool/enrolment/renew.h"

#include "common/base/workers.h"
#include "common/pool/members/replace_member.h"

#include <pthread.h>
#include <stdlib.h>

enum { CHUNK_SIZE = 1000, SHARE_OF_LIFE = 3 };

/* One find_due. */
struct finding {
	const struct layout *layout;
	const struct renewal_options *terms;
	size_t size;
	int64_t now_s;
	pthread_mutex_t lock; /* for what follows */
	struct renewal_need need;
	struct member_set *members; /* may be NULL */
};

static bool is_due(const struct renewal_options *terms, const struct certificate *certificate,
		   int64_t now_s)
{
	int64_t end_s = certificate_not_after(certificate);
	int64_t life_s = end_s - certificate_not_before(certificate);
	int64_t within_s = terms->within_s > 0 ? terms->within_s : life_s / SHARE_OF_LIFE;

	return terms->all || end_s - now_s <= within_s;
}

static void note_due(struct finding *finding, size_t member)
{
	pthread_mutex_lock(&finding->lock);
	finding->need.due++;
	if (finding->members != NULL)
		add_to_member_set(finding->members, member);
	pthread_mutex_unlock(&finding->lock);
}

static void count_one(struct finding *finding, size_t *count)
{
	pthread_mutex_lock(&finding->lock);
	(*count)++;
	pthread_mutex_unlock(&finding->lock);
}

static int examine_member(struct finding *finding, size_t member, struct fault *fault)
{
	const struct layout *layout = finding->layout;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	char name[FILE_NAME_SIZE];

	renewal_files.key(member, name);
	if (file_exists(layout->private, name)) {
		note_due(finding, member);
		return 0;
	}
	current_files.certificate(member, name);
	if (!file_exists(layout->cert, name))
		return 0;
	if (read_certificate_file(layout, name, &certificate, fault) < 0)
		return -1;
	current_files.key(member, name);
	if (!is_due(finding->terms, certificate, finding->now_s))
		count_one(finding, &finding->need.kept);
	else if (!file_exists(layout->private, name))
		count_one(finding, &finding->need.elsewhere);
	else
		note_due(finding, member);
	return 0;
}

static int examine_chunk(size_t index, void *context, struct fault *fault)
{
	struct finding *finding = context;
	size_t end = (index + 1) * CHUNK_SIZE;

	for (size_t i = index * CHUNK_SIZE; i < end && i < finding->size; i++)
		if (examine_member(finding, i + 1, fault) < 0)
			return -1;
	return 0;
}

int find_due(const struct layout *layout, const struct client_node *client,
	     const struct renewal_options *terms, int64_t now_s, struct renewal_need *ret_need,
	     struct member_set *ret_members, struct fault *fault)
{
	CLEANUP(clear_member_set) struct member_set members = {0};
	struct finding finding = {.layout = layout,
				  .terms = terms,
				  .size = client->pool.size,
				  .now_s = now_s,
				  .lock = PTHREAD_MUTEX_INITIALIZER};
	int result;

	if (ret_members != NULL) {
		if (init_member_set(client->pool.size, &members, fault) < 0)
			return -1;
		finding.members = &members;
	}
	result = run_tasks((finding.size + CHUNK_SIZE - 1) / CHUNK_SIZE, count_cores(),
			   examine_chunk, &finding, fault);
	pthread_mutex_destroy(&finding.lock);
	if (result < 0)
		return -1;
	*ret_need = finding.need;
	if (ret_members != NULL) {
		MOVE(ret_members, members);
	}
	return 0;
}

/* One renew_pool. */
struct renewing {
	const struct renewal *renewal;
	struct member_set members;
	struct member_set refused;
};

static void clear_renewing(struct renewing *renewing)
{
	clear_member_set(&renewing->refused);
	clear_member_set(&renewing->members);
}

static void note_refusal(void *context, size_t member, const struct refusal *refusal)
{
	struct renewing *renewing = context;
	const struct enrollment *enrollment = &renewing->renewal->enrollment;

	add_to_member_set(&renewing->refused, member);
	if (enrollment->refused != NULL)
		enrollment->refused(enrollment->refused_context, member, refusal);
}

/* The certificates of one answer are saved under their renewal names. */
static int complete_answer(void *context, const struct certificates_answer *answer,
			   struct fault *fault)
{
	const struct renewing *renewing = context;
	CLEANUP(free_members) size_t *members = NULL;

	members = calloc(answer->certificate_count + 1, sizeof(*members));
	if (members == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < answer->certificate_count; i++)
		members[i] = parse_member(answer->certificates[i].name);
	return complete_members(renewing->renewal->enrollment.layout, members,
				answer->certificate_count, fault);
}

/* A request whose key somebody took away cannot become a member that signs. */
static int discard_keyless(const struct layout *layout, const struct member_set *members,
			   struct fault *fault)
{
	for (size_t i = next_in_member_set(members, 0); i != 0;
	     i = next_in_member_set(members, i)) {
		char name[FILE_NAME_SIZE];

		renewal_files.key(i, name);
		if (!file_exists(layout->private, name) && discard_renewal(layout, i, fault) < 0)
			return -1;
	}
	return 0;
}

/* A refused key is certified nowhere: the next renewal tries with another and a new request. */
static int discard_refused(const struct layout *layout, const struct member_set *refused,
			   struct fault *fault)
{
	for (size_t i = next_in_member_set(refused, 0); i != 0; i = next_in_member_set(refused, i))
		if (discard_renewal(layout, i, fault) < 0)
			return -1;
	return 0;
}

static int renew_selected(struct renewing *renewing, struct certified *ret_certified,
			  struct fault *fault)
{
	const struct renewal *renewal = renewing->renewal;
	const struct layout *layout = renewal->enrollment.layout;
	struct enrollment enrollment = renewal->enrollment;
	const struct making_order order = {.layout = layout,
					   .client = enrollment.client,
					   .files = &renewal_files,
					   .members = &renewing->members,
					   .progress = renewal->making};
	const struct certification certification = {.enrollment = &enrollment,
						    .files = &renewal_files,
						    .members = &renewing->members,
						    .saved = complete_answer,
						    .saved_context = renewing};
	struct pool_made made;

	enrollment.refused = note_refusal;
	enrollment.refused_context = renewing;
	if (discard_keyless(layout, &renewing->members, fault) < 0 ||
	    make_members(&order, &made, fault) < 0 ||
	    certify_members(&certification, ret_certified, fault) < 0)
		return -1;
	return discard_refused(layout, &renewing->refused, fault);
}

int renew_pool(const struct renewal *renewal, int64_t now_s, struct renewed *ret_renewed,
	       struct fault *fault)
{
	const struct enrollment *enrollment = &renewal->enrollment;
	CLEANUP(clear_renewing) struct renewing renewing = {.renewal = renewal};
	struct certified certified = {0};
	struct renewal_need need;

	if (complete_renewals(enrollment->layout, fault) < 0 ||
	    init_member_set(enrollment->client->pool.size, &renewing.refused, fault) < 0 ||
	    find_due(enrollment->layout, enrollment->client, &renewal->terms, now_s, &need,
		     &renewing.members, fault) < 0)
		return -1;
	if (need.due > 0 && renew_selected(&renewing, &certified, fault) < 0)
		return -1;
	*ret_renewed = (struct renewed){.renewed = certified.saved,
					.kept = need.kept,
					.elsewhere = need.elsewhere,
					.refused = certified.refused};
	return 0;
}
