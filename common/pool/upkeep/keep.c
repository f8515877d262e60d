#include "common/pool/upkeep/keep.h"

#include "common/pool/members/duplicate_keys.h"
#include "common/pool/members/replace_member.h"
#include "common/pool/members/set_aside.h"
#include "common/pool/members/survey.h"
#include "common/pool/members/trust.h"

#include <stdlib.h>
#include <string.h>

/* What is to be done about one member. */
struct plan {
	enum member_need need;
	struct aside_member aside;
	bool make;  /* a key, if it has none, and a request */
	bool ask;   /* for a certificate */
	bool renew; /* with files of a renewal's names */
	bool keyless;
	bool looked_at; /* false: the member was not named */
	bool renewing;  /* there is the new key of a renewal that was begun */
};

struct keep_context {
	const struct upkeep *upkeep;
	int64_t now_s;
	struct roots roots;
	struct intermediates chain;
	struct known_revocations revocations;
	struct plan *plans;  /* of member i + 1 */
	struct buffer keys;  /* for find_duplicate_keys */
	bool unverified;     /* a certificate is not below the roots, or its issuer's is not here */
	struct buffer aside; /* struct aside_member: after the survey */
	struct member_set make;
	struct member_set ask;
	struct member_set renew;
	struct member_set spent; /* their keys will never be certified (again) */
	struct upkeep_summary summary;
};

static void clear_keep_context(struct keep_context *context)
{
	clear_roots(&context->roots);
	clear_intermediates(&context->chain);
	clear_known_revocations(&context->revocations);
	free(context->plans);
	clear_buffer(&context->keys);
	clear_buffer(&context->aside);
	clear_member_set(&context->make);
	clear_member_set(&context->ask);
	clear_member_set(&context->renew);
	clear_member_set(&context->spent);
}

/* The member gets a new key, request and certificate under its own names. */
static struct plan plan_new(const struct member_view *view)
{
	return (struct plan){.need = NEED_REPAIR,
			     .aside = {.index = view->index,
				       .key = view->has_key,
				       .csr = view->has_csr,
				       .certificate = view->has_certificate},
			     .make = true,
			     .ask = true};
}

static struct plan plan_unfit(const struct member_view *view)
{
	struct plan plan = {.need = NEED_REPAIR,
			    .aside = {.index = view->index,
				      .csr = view->unfit_csr,
				      .certificate = view->unfit_certificate},
			    .ask = view->unfit_certificate || !view->has_certificate};

	if (view->unfit_key)
		return plan_new(view);
	if (view->has_key)
		plan.make = view->unfit_csr || !view->has_csr;
	else if (view->unfit_csr || !view->has_csr)
		return (struct plan){.need = NEED_KEY};
	return plan;
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

/* Whether the certificate was revoked, or the CA has said that its record lacks it. */
static bool is_lost(const struct upkeep *upkeep, const struct member_view *view)
{
	struct bytes serial = certificate_serial(view->certificate);

	if (view->revocation != NULL)
		return true;
	return serial.len == SERIAL_MAX && upkeep->unknown.len > 0 &&
	       bsearch(serial.data, upkeep->unknown.data, upkeep->unknown.len / SERIAL_MAX,
		       SERIAL_MAX, compare_serials) != NULL;
}

static struct renewal_options renewal_terms(const struct upkeep *upkeep)
{
	const struct pool_settings *pool = &upkeep->enrollment.client->pool;

	return (struct renewal_options){.within_s = upkeep->within_s,
					.lifetime_left_percent = pool->reuse.lifetime_left_percent,
					.windows = has_windows(pool)};
}

static struct plan plan_member(const struct keep_context *context, const struct member_view *view)
{
	const struct upkeep *upkeep = context->upkeep;
	const struct renewal_options terms = renewal_terms(upkeep);
	bool known = view->has_csr || view->has_certificate;
	struct plan renewal = {.need = NEED_NOTHING, .renew = true};

	if (!view->has_key && known && (upkeep->lost_keys || upkeep->only != NULL))
		return plan_new(view);
	if (needs_owner(view))
		return (struct plan){.need = NEED_HAND};
	if (view->unfit_key || view->unfit_csr || view->unfit_certificate)
		return plan_unfit(view);
	if (view->certificate == NULL)
		return (struct plan){.need = NEED_CERTIFICATE, .make = !view->has_csr, .ask = true};
	if (upkeep->scope == UPKEEP_REPAIR)
		return (struct plan){.need = NEED_NOTHING};
	if (is_lost(upkeep, view))
		renewal.need = NEED_REPLACEMENT;
	else if (view->renewing || renewal_due_at(&terms, view->certificate) <= context->now_s)
		renewal.need = NEED_RENEWAL;
	if (renewal.need == NEED_NOTHING || !view->has_key)
		return (struct plan){.need = renewal.need == NEED_NOTHING ? NEED_NOTHING
									  : NEED_KEY};
	return renewal;
}

/* A survey_function. */
static int add_member(void *argument, const struct member_view *view, struct fault *fault)
{
	struct keep_context *context = argument;
	const struct member_set *only = context->upkeep->only;
	struct plan *plan = &context->plans[view->index - 1];

	if (note_member_key(view, &context->keys, fault) < 0)
		return -1;
	context->unverified |= view->unverified;
	if (only != NULL && !is_in_member_set(only, view->index))
		return 0;
	*plan = plan_member(context, view);
	plan->looked_at = true;
	plan->renewing = view->renewing;
	plan->keyless = !view->has_key && !plan->aside.csr && !plan->make;
	if (plan->need == NEED_HAND && context->summary.by_hand.class == FAULT_NONE)
		context->summary.by_hand = view->finding;
	return 0;
}

/* All but one of the members that have the same key get new ones. */
static int plan_duplicates(struct keep_context *context, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer duplicates = {0};
	const struct duplicate_key *items;

	if (find_duplicate_keys(&context->keys, &duplicates, fault) < 0)
		return -1;
	items = (void *)duplicates.data;
	for (size_t i = 0; i < duplicates.len / sizeof(*items); i++) {
		struct plan *plan = &context->plans[items[i].index - 1];

		if (plan->looked_at)
			*plan = (struct plan){.need = NEED_REPAIR,
					      .aside = {items[i].index, true, true, true},
					      .make = true,
					      .ask = true,
					      .looked_at = true,
					      .renewing = plan->renewing};
	}
	return 0;
}

static void collect_plan(struct keep_context *context, size_t member, const struct plan *plan)
{
	const struct aside_member *aside = &plan->aside;

	context->summary.members++;
	context->summary.needs[plan->need]++;
	context->summary.keyless += plan->keyless ? 1 : 0;
	/* The new key that a renewal has made is used, and replaces what is there. */
	if (plan->renew || (plan->renewing && plan->ask))
		add_to_member_set(&context->renew, member);
	else if (plan->make)
		add_to_member_set(&context->make, member);
	if (plan->ask && !plan->renewing)
		add_to_member_set(&context->ask, member);
	if (aside->key || aside->csr || aside->certificate)
		append_bytes(&context->aside,
			     (struct bytes){(const uint8_t *)aside, sizeof(*aside)});
}

/* Sorts the members by what is to be done. */
static int collect_plans(struct keep_context *context, struct fault *fault)
{
	for (size_t i = 1; i <= last_member(&context->upkeep->enrollment.client->pool); i++)
		if (context->plans[i - 1].looked_at)
			collect_plan(context, i, &context->plans[i - 1]);
	return check_buffer(&context->aside, fault);
}

static int survey_members(struct keep_context *context, struct fault *fault)
{
	const struct enrollment *enrollment = &context->upkeep->enrollment;
	const struct trust trust = trust_in_roots(&context->roots, &context->chain);
	const struct survey survey = {.layout = enrollment->layout,
				      .client = enrollment->client,
				      .trust = &trust,
				      .revocations = &context->revocations,
				      .function = add_member,
				      .context = context};

	context->keys.len = 0;
	context->unverified = false;
	return survey_pool(&survey, fault);
}

/* The issuing certificate may be of either root. */
static int fetch_chain(const struct keep_context *context, struct intermediates *ret_fetched,
		       struct fault *fault)
{
	const struct endpoint *ca = &context->upkeep->enrollment.ca;
	const struct certificate *next = context->roots.next;
	struct fault failure = {0};

	if (fetch_intermediates(ca, certificate_der(context->roots.root), ret_fetched, &failure) ==
	    0)
		return 0;
	if (next == NULL || failure.class != FAULT_UNVERIFIED)
		return pass_fault(&failure, fault);
	return fetch_intermediates(ca, certificate_der(next), ret_fetched, fault);
}

/* Fetches what is lost or damaged of cert/ca.crt: without it every certificate would look like
   another CA's. */
static int mend_chain(struct keep_context *context, bool damaged, struct fault *fault)
{
	const struct layout *layout = context->upkeep->enrollment.layout;
	CLEANUP(clear_intermediates) struct intermediates fetched = {0};

	if (fetch_chain(context, &fetched, fault) < 0)
		return -1;
	if (damaged && set_aside(layout->cert, INTERMEDIATES_FILE, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (keep_intermediates(layout, &fetched, &context->summary.chain_fetched, fault) < 0)
		return -1;
	clear_intermediates(&context->chain);
	return read_intermediates(layout, &context->chain, fault);
}

static int find_needs(struct keep_context *context, struct fault *fault)
{
	const struct layout *layout = context->upkeep->enrollment.layout;
	struct fault unread = {0};

	if (read_intermediates(layout, &context->chain, &unread) < 0 &&
	    (pass_failure(&unread, fault) < 0 || mend_chain(context, true, fault) < 0))
		return -1;
	if (survey_members(context, fault) < 0)
		return -1;
	if (context->unverified && unread.class == FAULT_NONE &&
	    (mend_chain(context, false, fault) < 0 || survey_members(context, fault) < 0))
		return -1;
	if (plan_duplicates(context, fault) < 0)
		return -1;
	return collect_plans(context, fault);
}

static int set_planned_aside(struct keep_context *context, struct fault *fault)
{
	const struct aside_member *members = (void *)context->aside.data;
	size_t count = context->aside.len / sizeof(*members);

	return count > 0 ? set_members_aside(context->upkeep->enrollment.layout, members, count,
					     fault)
			 : 0;
}

static void count_refusal(struct keep_context *context, size_t member,
			  const struct refusal *refusal)
{
	const struct enrollment *enrollment = &context->upkeep->enrollment;

	context->summary.refused[context->plans[member - 1].need]++;
	if (enrollment->refused != NULL)
		enrollment->refused(enrollment->refused_context, member, refusal);
}

/* A refusal_function for keys that were to be used on: of some, the CA says that it never will. A
   key that is kept elsewhere is its owner's to replace. */
static void note_refusal(void *argument, size_t member, const struct refusal *refusal)
{
	static const char *const types[] = {"revoked", "key_spent", "key_taken"};
	struct keep_context *context = argument;

	for (size_t i = 0; i < COUNT_OF(types) && !context->plans[member - 1].keyless; i++) {
		if (strcmp(refusal->type, types[i]) == 0) {
			add_to_member_set(&context->spent, member);
			return;
		}
	}
	count_refusal(context, member, refusal);
}

static void note_last_refusal(void *argument, size_t member, const struct refusal *refusal)
{
	count_refusal(argument, member, refusal);
}

static int make_and_certify(struct keep_context *context, const struct member_set *make,
			    const struct member_set *ask, refusal_function *refused,
			    struct fault *fault)
{
	const struct upkeep *upkeep = context->upkeep;
	struct enrollment enrollment = upkeep->enrollment;
	const struct make_options make_options = {.layout = enrollment.layout,
						  .client = enrollment.client,
						  .files = &current_files,
						  .members = make,
						  .progress = upkeep->making};
	const struct certification certification = {
		.enrollment = &enrollment, .files = &current_files, .members = ask};
	struct make_summary made;
	struct certify_summary certified = {0};

	enrollment.refused = refused;
	enrollment.refused_context = context;
	if (make->count > 0 && make_members(&make_options, &made, fault) < 0)
		return -1;
	if (ask->count > 0 && certify_members(&certification, &certified, fault) < 0)
		return -1;
	add_cut_short(&context->summary.cut_short, &certified.cut_short);
	return 0;
}

/* Members whose keys the CA will not certify get new ones. */
static int replace_spent(struct keep_context *context, struct fault *fault)
{
	for (size_t i = next_in_member_set(&context->spent, 0); i != 0;
	     i = next_in_member_set(&context->spent, i)) {
		const struct aside_member all = {i, true, true, true};

		if (set_members_aside(context->upkeep->enrollment.layout, &all, 1, fault) < 0)
			return -1;
	}
	return make_and_certify(context, &context->spent, &context->spent, note_last_refusal,
				fault);
}

static int renew_needy(struct keep_context *context, struct fault *fault)
{
	const struct upkeep *upkeep = context->upkeep;
	struct renewal renewal = {.enrollment = upkeep->enrollment, .making = upkeep->making};
	struct certify_summary certified;

	if (context->renew.count == 0)
		return 0;
	renewal.enrollment.refused = note_last_refusal;
	renewal.enrollment.refused_context = context;
	if (renew_members(&renewal, &context->renew, &certified, fault) < 0)
		return -1;
	add_cut_short(&context->summary.cut_short, &certified.cut_short);
	return 0;
}

/* A survey_function. */
static int note_next_due(void *argument, const struct member_view *view, struct fault *fault)
{
	struct keep_context *context = argument;
	const struct renewal_options terms = renewal_terms(context->upkeep);
	int64_t due_s;

	(void)fault;
	if (view->certificate == NULL || !view->has_key)
		return 0;
	due_s = renewal_due_at(&terms, view->certificate);
	if (due_s > context->now_s &&
	    (context->summary.next_due_s == 0 || due_s < context->summary.next_due_s))
		context->summary.next_due_s = due_s;
	return 0;
}

/* With windows, the next one has another window to make members for. */
static int find_next_due(struct keep_context *context, struct fault *fault)
{
	const struct pool_settings *pool = &context->upkeep->enrollment.client->pool;
	const struct survey survey = {.layout = context->upkeep->enrollment.layout,
				      .client = context->upkeep->enrollment.client,
				      .certificates_only = true,
				      .function = note_next_due,
				      .context = context};

	if (has_windows(pool)) {
		context->summary.next_due_s =
			window_at(&pool->windows, context->now_s).begin_s + pool->windows.every_s;
		return 0;
	}
	return survey_pool(&survey, fault);
}

static int open_keep_context(struct keep_context *context, struct fault *fault)
{
	const struct enrollment *enrollment = &context->upkeep->enrollment;
	size_t size = last_member(&enrollment->client->pool);
	struct fault unread = {0};

	context->plans = calloc(size, sizeof(*context->plans));
	if (context->plans == NULL)
		return set_memory_fault(fault);
	if (init_member_set(size, &context->make, fault) < 0 ||
	    init_member_set(size, &context->ask, fault) < 0 ||
	    init_member_set(size, &context->renew, fault) < 0 ||
	    init_member_set(size, &context->spent, fault) < 0 ||
	    learn_roots(enrollment->layout, enrollment->client->name, &enrollment->ca,
			context->now_s, &context->summary.root_change, fault) < 0 ||
	    read_roots(enrollment->layout, &context->roots, fault) < 0)
		return -1;
	/* A damaged file is learned anew, when the CA can be asked. */
	if (read_known_revocations(enrollment->layout, enrollment->client->name,
				   &context->revocations, &unread) < 0)
		return pass_failure(&unread, fault);
	return 0;
}

int keep_pool(const struct upkeep *upkeep, int64_t now_s, struct upkeep_summary *ret_summary,
	      struct fault *fault)
{
	CLEANUP(clear_keep_context)
	struct keep_context context = {.upkeep = upkeep, .now_s = now_s};

	if (open_keep_context(&context, fault) < 0 ||
	    complete_renewals(upkeep->enrollment.layout, fault) < 0 ||
	    find_needs(&context, fault) < 0 || set_planned_aside(&context, fault) < 0 ||
	    make_and_certify(&context, &context.make, &context.ask, note_refusal, fault) < 0 ||
	    replace_spent(&context, fault) < 0 || renew_needy(&context, fault) < 0 ||
	    find_next_due(&context, fault) < 0)
		return -1;
	*ret_summary = context.summary;
	return 0;
}

int shrink_pool(const struct layout *layout, const struct client_node *client, size_t *ret_count,
		struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer surplus = {0};
	CLEANUP(clear_buffer) struct buffer aside = {0};
	const size_t *members;
	size_t count;

	if (list_surplus_members(layout, last_member(&client->pool), &surplus, fault) < 0)
		return -1;
	members = (void *)surplus.data;
	count = surplus.len / sizeof(*members);
	for (size_t i = 0; i < count; i++) {
		const struct aside_member all = {members[i], true, true, true};

		if (set_renewal_aside(layout, members[i], fault) < 0)
			return -1;
		append_bytes(&aside, (struct bytes){(const uint8_t *)&all, sizeof(all)});
	}
	if (check_buffer(&aside, fault) < 0 ||
	    (count > 0 && set_members_aside(layout, (void *)aside.data, count, fault) < 0))
		return -1;
	*ret_count = count;
	return 0;
}
