#include "common/pool/upkeep/check_pool.h"

#include "common/crypto/key_file.h"
#include "common/pool/members/duplicate_keys.h"
#include "common/pool/members/pool_state.h"
#include "common/pool/members/set_aside.h"
#include "common/pool/members/survey.h"
#include "common/pool/members/trust.h"

#include <stdio.h>
#include <stdlib.h>

enum { ADVICE_SIZE = 256 };

/* Members of which the same is to be said. */
struct group {
	size_t count;
	size_t first;
};

struct check_context {
	const struct pool_check *check;
	struct roots roots;
	struct intermediates chain;
	bool has_chain; /* false: the file is damaged */
	struct known_revocations revocations;
	size_t findings;
	struct buffer damaged; /* struct damaged_member */
	struct buffer keys;    /* for find_duplicate_keys */
	struct group without;
	struct group revoked;
	struct group expired;
	struct group keyless;
	struct group orphans; /* certificates whose issuer's certificate is not here */
	size_t certificates;  /* that can be read */
};

struct damaged_member {
	size_t index;
	bool by_hand; /* no file is to be replaced */
	struct fault finding;
};

static void clear_check_context(struct check_context *context)
{
	clear_roots(&context->roots);
	clear_intermediates(&context->chain);
	clear_known_revocations(&context->revocations);
	clear_buffer(&context->damaged);
	clear_buffer(&context->keys);
}

static void add_to_group(struct group *group, size_t member)
{
	if (group->count == 0 || member < group->first)
		group->first = member;
	group->count++;
}

static int report(struct check_context *context, const struct pool_finding *finding,
		  struct fault *fault)
{
	context->findings += finding->warning ? 0 : 1;
	return context->check->function(context->check->context, finding, fault);
}

static int report_file(struct check_context *context, const char *file, const struct fault *failure,
		       const char *advice, struct fault *fault)
{
	const struct pool_finding finding = {
		.where = file, .text = failure->text, .advice = advice};

	if (pass_failure(failure, fault) < 0)
		return -1;
	return report(context, &finding, fault);
}

/* The root, the issuers' certificates, how members are used, and what is known to be revoked. */
static int check_files(struct check_context *context, struct fault *fault)
{
	const struct layout *layout = context->check->layout;
	const char *client = context->check->client->name;
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	struct fault failure = {0};
	char advice[ADVICE_SIZE];

	(void)snprintf(advice, sizeof(advice), "then run certpool check %s", client);
	if (read_roots(layout, &context->roots, &failure) < 0 &&
	    report_file(context, "cert/" ROOT_FILE, &failure, advice, fault) < 0)
		return -1;
	failure = (struct fault){0};
	if (read_shared_key(layout, CA_NAME, &key, &failure) < 0 &&
	    report_file(context, "Private/shared_" CA_NAME ".jwk", &failure, advice, fault) < 0)
		return -1;
	failure = (struct fault){0};
	if (read_pool_state(layout, client, &state, &failure) < 0 &&
	    report_file(context, "state/" POOL_STATE_FILE, &failure, advice, fault) < 0)
		return -1;
	failure = (struct fault){0};
	(void)snprintf(advice, sizeof(advice), "run certpool repair %s", client);
	context->has_chain = read_intermediates(layout, &context->chain, &failure) == 0;
	if (!context->has_chain &&
	    report_file(context, "cert/" INTERMEDIATES_FILE, &failure, advice, fault) < 0)
		return -1;
	failure = (struct fault){0};
	(void)snprintf(advice, sizeof(advice), "run certpool keep %s", client);
	if (read_known_revocations(layout, client, &context->revocations, &failure) < 0)
		return report_file(context, "state/" REVOKED_FILE, &failure, advice, fault);
	return 0;
}

/* A survey_function. */
static int find_orphan(void *argument, const struct member_view *view, struct fault *fault)
{
	struct check_context *context = argument;
	const struct trust trust = trust_in_roots(&context->roots, &context->chain);

	(void)fault;
	if (view->certificate == NULL)
		return 0;
	context->certificates++;
	if (find_issuer(&trust, view->certificate, certificate_not_after(view->certificate)) ==
	    NULL)
		add_to_group(&context->orphans, view->index);
	return 0;
}

/* Without cert/ca.crt all certificates would look like another CA's: that is one finding.
 *ret_verifiable false: they cannot be verified. */
static int check_issuers(struct check_context *context, bool *ret_verifiable, struct fault *fault)
{
	const struct pool_check *check = context->check;
	const struct survey survey = {.layout = check->layout,
				      .client = check->client,
				      .certificates_only = true,
				      .function = find_orphan,
				      .context = context};
	char advice[ADVICE_SIZE];
	const struct pool_finding missing = {
		.where = "cert/" INTERMEDIATES_FILE,
		.text = "expected the certificate of the members' issuer, found none",
		.advice = advice};

	*ret_verifiable = false;
	if (context->roots.root == NULL || !context->has_chain)
		return 0;
	if (survey_pool(&survey, fault) < 0)
		return -1;
	*ret_verifiable =
		context->orphans.count == 0 || context->orphans.count < context->certificates;
	if (*ret_verifiable)
		return 0;
	(void)snprintf(advice, sizeof(advice), "run certpool repair %s", check->client->name);
	return report(context, &missing, fault);
}

/* A survey_function. */
static int check_member(void *argument, const struct member_view *view, struct fault *fault)
{
	struct check_context *context = argument;
	struct damaged_member damaged = {
		.index = view->index, .by_hand = needs_owner(view), .finding = view->finding};

	if (note_member_key(view, &context->keys, fault) < 0)
		return -1;
	if (view->finding.class != FAULT_NONE) {
		append_bytes(&context->damaged,
			     (struct bytes){(const uint8_t *)&damaged, sizeof(damaged)});
		return check_buffer(&context->damaged, fault);
	}
	if (!view->has_key && (view->has_csr || view->has_certificate))
		add_to_group(&context->keyless, view->index);
	switch (state_of_member(view, context->check->now_s)) {
	case MEMBER_WITHOUT:
		add_to_group(&context->without, view->index);
		break;
	case MEMBER_REVOKED:
		add_to_group(&context->revoked, view->index);
		break;
	case MEMBER_EXPIRED:
		add_to_group(&context->expired, view->index);
		break;
	case MEMBER_DAMAGED:
	case MEMBER_EARLY:
	case MEMBER_VALID:
	case MEMBER_STATE_COUNT:
		break;
	}
	return 0;
}

static int compare_damaged(const void *a, const void *b)
{
	size_t left = ((const struct damaged_member *)a)->index;
	size_t right = ((const struct damaged_member *)b)->index;

	return (left > right) - (left < right);
}

static int report_damaged(struct check_context *context, struct fault *fault)
{
	const char *client = context->check->client->name;
	struct damaged_member *members = (void *)context->damaged.data;
	size_t count = context->damaged.len / sizeof(*members);

	if (count > 0)
		qsort(members, count, sizeof(*members), compare_damaged);
	for (size_t i = 0; i < count; i++) {
		char where[NAME_SIZE + 24];
		char advice[ADVICE_SIZE];
		const struct pool_finding finding = {
			.where = where, .text = members[i].finding.text, .advice = advice};

		(void)snprintf(where, sizeof(where), "%s/%zu", client, members[i].index);
		(void)snprintf(advice, sizeof(advice), "%s certpool %s %s",
			       members[i].by_hand ? "mend that, and run" : "run",
			       members[i].by_hand ? "check" : "repair",
			       members[i].by_hand ? client : where);
		if (report(context, &finding, fault) < 0)
			return -1;
	}
	return 0;
}

/* After report_damaged, which sorts. */
static bool is_damaged(const struct check_context *context, size_t member)
{
	const struct damaged_member wanted = {.index = member};

	return context->damaged.len > 0 &&
	       bsearch(&wanted, context->damaged.data, context->damaged.len / sizeof(wanted),
		       sizeof(wanted), compare_damaged) != NULL;
}

/* Of members of which nothing was said yet. */
static int report_duplicates(struct check_context *context, struct fault *fault)
{
	const char *client = context->check->client->name;
	CLEANUP(clear_buffer) struct buffer duplicates = {0};
	const struct duplicate_key *items;

	if (find_duplicate_keys(&context->keys, &duplicates, fault) < 0)
		return -1;
	items = (void *)duplicates.data;
	for (size_t i = 0; i < duplicates.len / sizeof(*items); i++) {
		char where[NAME_SIZE + 24];
		char text[ADVICE_SIZE];
		char advice[ADVICE_SIZE];
		const struct pool_finding finding = {
			.where = where, .text = text, .advice = advice};

		if (is_damaged(context, items[i].index))
			continue;
		(void)snprintf(where, sizeof(where), "%s/%zu", client, items[i].index);
		(void)snprintf(text, sizeof(text), "its private key is that of member %zu too",
			       items[i].of);
		(void)snprintf(advice, sizeof(advice), "run certpool repair %s", where);
		if (report(context, &finding, fault) < 0)
			return -1;
	}
	return 0;
}

/* One finding for all members of which the same is to be said. */
static int report_group(struct check_context *context, const struct group *group, const char *one,
			const char *many, struct fault *fault)
{
	const struct client_node *client = context->check->client;
	char text[ADVICE_SIZE];
	char advice[ADVICE_SIZE];
	const struct pool_finding finding = {.where = client->name, .text = text, .advice = advice};

	if (group->count == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%zu of %s %s, %smember %zu", group->count,
		       counted(count_members(&client->pool), "member", "members").text,
		       by_count(group->count, one, many), group->count > 1 ? "the first is " : "",
		       group->first);
	(void)snprintf(advice, sizeof(advice), "run certpool keep %s", client->name);
	return report(context, &finding, fault);
}

/* A warning: the keys may be kept elsewhere. */
static int report_keyless(struct check_context *context, struct fault *fault)
{
	const struct client_node *client = context->check->client;
	char text[ADVICE_SIZE];
	char advice[ADVICE_SIZE];
	const struct pool_finding finding = {
		.warning = true, .where = client->name, .text = text, .advice = advice};

	if (context->keyless.count == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "not here: %zu of %s, that of member %zu first",
		       context->keyless.count,
		       counted(count_members(&client->pool), "private key", "private keys").text,
		       context->keyless.first);
	(void)snprintf(
		advice, sizeof(advice),
		"if they are lost, and not kept elsewhere, run certpool repair %s --lost-keys",
		client->name);
	return report(context, &finding, fault);
}

static int report_surplus(struct check_context *context, struct fault *fault)
{
	const struct client_node *client = context->check->client;
	CLEANUP(clear_buffer) struct buffer surplus = {0};
	char text[ADVICE_SIZE];
	char advice[ADVICE_SIZE];
	const struct pool_finding finding = {.where = client->name, .text = text, .advice = advice};
	size_t count;

	if (list_surplus_members(context->check->layout, last_member(&client->pool), &surplus,
				 fault) < 0)
		return -1;
	count = surplus.len / sizeof(size_t);
	if (count == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%s above the pool's size of %zu %s files",
		       counted(count, "member", "members").text, client->pool.size,
		       by_count(count, "has", "have"));
	(void)snprintf(advice, sizeof(advice),
		       "run certpool repair %s --shrink, with --revoke to have their certificates "
		       "revoked",
		       client->name);
	return report(context, &finding, fault);
}

int check_pool(const struct pool_check *check, size_t *ret_findings, struct fault *fault)
{
	CLEANUP(clear_check_context) struct check_context context = {.check = check};
	struct trust trust = {0};
	struct survey survey = {.layout = check->layout,
				.client = check->client,
				.revocations = &context.revocations,
				.function = check_member,
				.context = &context};
	bool verifiable;

	if (check_files(&context, fault) < 0 || check_issuers(&context, &verifiable, fault) < 0)
		return -1;
	trust = trust_in_roots(&context.roots, &context.chain);
	survey.trust = verifiable ? &trust : NULL;
	if (survey_pool(&survey, fault) < 0 || report_damaged(&context, fault) < 0 ||
	    report_duplicates(&context, fault) < 0 ||
	    report_group(&context, &context.without, "has no certificate", "have no certificate",
			 fault) < 0 ||
	    report_group(&context, &context.revoked, "is revoked", "are revoked", fault) < 0 ||
	    report_group(&context, &context.expired, "has expired", "have expired", fault) < 0 ||
	    report_keyless(&context, fault) < 0 || report_surplus(&context, fault) < 0)
		return -1;
	*ret_findings = context.findings;
	return 0;
}
