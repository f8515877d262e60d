#include "common/ca/signer/signer.h"

#include "common/base/clock.h"
#include "common/base/workers.h"
#include "common/ca/signer/check_body.h"
#include "common/ca/signer/check_new_crl.h"
#include "common/ca/store/clients.h"
#include "common/layout/ca_profile.h"
#include "common/x509/signed_object.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LEARN_INTERVAL_US = 1000000 };

struct signer {
	struct signer_settings settings;
	struct issuer_set *issuers;
	pthread_mutex_t learn_lock;
	int64_t learn_from_us;                /* of the stopwatch: the next look for issuers */
	struct joint_work lines;              /* for the log */
	pthread_mutex_t crl_lock;             /* held while a CRL is signed */
	struct buffer last_crls[ISSUERS_MAX]; /* that this signer gave out; empty: none */
};

int new_signer(const struct signer_settings *settings, struct issuer_set *issuers,
	       struct signer **ret_signer, struct fault *fault)
{
	struct signer *signer = calloc(1, sizeof(*signer));

	if (signer == NULL)
		return set_memory_fault(fault);
	signer->settings = *settings;
	signer->issuers = issuers;
	pthread_mutex_init(&signer->learn_lock, NULL);
	pthread_mutex_init(&signer->crl_lock, NULL);
	init_joint_work(&signer->lines);
	for (unsigned int number = 1; number <= count_issuers(issuers); number++)
		delegate_signing(get_issuer(issuers, number), sign_checked, signer);
	*ret_signer = signer;
	return 0;
}

void free_signer(struct signer **signer_pointer)
{
	struct signer *signer = TAKE(*signer_pointer);

	if (signer == NULL)
		return;
	for (unsigned int number = 1; number <= count_issuers(signer->issuers); number++)
		delegate_signing(get_issuer(signer->issuers, number), NULL, NULL);
	for (size_t i = 0; i < ISSUERS_MAX; i++)
		clear_buffer(&signer->last_crls[i]);
	destroy_joint_work(&signer->lines);
	pthread_mutex_destroy(&signer->crl_lock);
	pthread_mutex_destroy(&signer->learn_lock);
	free(signer);
}

static int learn_issuers(struct signer *signer, bool at_once, struct fault *fault)
{
	int64_t now_us = read_stopwatch_us();
	int result = 0;

	if (signer->settings.learn == NULL)
		return 0;
	pthread_mutex_lock(&signer->learn_lock);
	if (at_once || now_us >= signer->learn_from_us) {
		result = signer->settings.learn(signer->settings.learn_context, fault);
		signer->learn_from_us = result == 0 ? now_us + LEARN_INTERVAL_US : 0;
	}
	pthread_mutex_unlock(&signer->learn_lock);
	return result;
}

/* The issuer of an order, which may be younger than the signer. So may one be that a front which
   was taken over does not name, to have members certified under an older one. */
static int choose_issuer(struct signer *signer, const struct signing_order *order,
			 const struct issuer **ret_issuer, struct fault *fault)
{
	const unsigned int known = count_issuers(signer->issuers);
	const bool lacking = order->issuer > known;
	const bool below = order->kind == SIGN_MEMBERS || order->kind == SIGN_RESPONDER;
	const struct issuer *issuer;

	if ((lacking || (below && order->issuer == known)) &&
	    learn_issuers(signer, lacking, fault) < 0)
		return -1;
	issuer = get_issuer(signer->issuers, order->issuer);
	if (issuer == NULL || issuer_key(issuer) == NULL)
		return set_fault(fault, FAULT_FAILED,
				 "%s: issuer %u: expected its certificate and its key, found %s: "
				 "restore them from a backup",
				 signer->settings.layout->path, order->issuer,
				 issuer == NULL ? "neither" : "no key");
	*ret_issuer = issuer;
	return 0;
}

/* An order, and its lines for the log. */
struct signing {
	struct signer *signer;
	const struct signing_order *order;
	struct body_rules rules;
	struct client client;
	struct signed_result *results;
	struct signed_line *lines;
};

static void clear_signing(struct signing *signing)
{
	clear_client(&signing->client);
	free(signing->lines);
}

/* Why nothing is signed for the client of an order; NULL: it may have certificates. */
static int find_bar(struct signing *signing, const char **ret_bar, struct fault *fault)
{
	const struct signing_order *order = signing->order;
	bool found = false;

	*ret_bar = NULL;
	if (order->kind != SIGN_MEMBERS)
		return 0;
	if (order->client != NULL && read_client(signing->signer->settings.store, order->client,
						 &signing->client, &found, fault) < 0)
		return -1;
	if (!found)
		*ret_bar = "this CA has no such client";
	else if (signing->client.disabled || signing->client.revoked)
		*ret_bar = "the client is disabled or revoked";
	return found ? restrict_policy(signing->rules.ca, &signing->client.policy, fault) : 0;
}

static int check_object(const struct signing *signing, struct bytes der,
			struct signed_line *ret_line, struct verdict *verdict, struct fault *fault)
{
	const struct signer *signer = signing->signer;

	if (signing->order->kind != SIGN_CRL)
		return check_body(&signing->rules, der, ret_line, verdict, fault);
	return check_new_crl(&signing->rules, signer->settings.store,
			     bytes_of_buffer(&signer->last_crls[signing->order->issuer - 1]), der,
			     ret_line, verdict, fault);
}

/* Signs one body, then looks at the whole object: nobody gets it before that. On all cores at once.
 */
static int sign_body(size_t index, void *context, struct fault *fault)
{
	struct signing *signing = context;
	const struct signing_order *order = signing->order;
	const struct checked_signer signer = issuer_signer(
		signing->rules.issuer,
		order->kind == SIGN_MEMBERS ? CHECK_WITH_PRIVATE_KEY : CHECK_WITH_PUBLIC_KEY);
	struct bytes body = bytes_of_buffer(&order->bodies[index]);
	struct signed_result *result = &signing->results[index];
	struct signed_line *line = &signing->lines[index];

	if (sign_checked_object(&signer, body, &result->der, fault) < 0)
		return prefix_fault(fault, "%s", name_signed(order->kind));
	if (check_object(signing, bytes_of_buffer(&result->der), line, &result->verdict, fault) < 0)
		return -1;
	if (result->verdict.invalid)
		clear_buffer(&result->der);
	digest_sha256(body, line->sha256);
	line->time_s = order->now_s;
	return 0;
}

/* The lines of an order. */
struct order_lines {
	const struct signed_line *lines;
	size_t count;
	int result;
	struct fault fault;
};

static int append_orders(const struct layout *layout, void *const *parts, size_t count,
			 struct fault *fault)
{
	struct signed_line *lines;
	size_t line_count = 0;
	size_t at = 0;
	int result;

	for (size_t i = 0; i < count; i++)
		line_count += ((const struct order_lines *)parts[i])->count;
	lines = calloc(line_count + 1, sizeof(*lines));
	if (lines == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < count; i++) {
		const struct order_lines *each = parts[i];

		memcpy(lines + at, each->lines, each->count * sizeof(*lines));
		at += each->count;
	}
	result = append_signed_lines(layout, lines, line_count, fault);
	free(lines);
	return result;
}

/* In one write, made durable once, for all orders that wait for it. */
static void log_orders(void *context, struct joint_work *work)
{
	const struct signer *signer = context;
	void *parts[JOINT_WORK_MAX];
	const size_t count = take_parts(work, parts);
	struct fault fault = {0};
	int result = append_orders(signer->settings.layout, parts, count, &fault);

	for (size_t i = 0; i < count; i++) {
		struct order_lines *each = parts[i];

		each->result = result;
		each->fault = fault;
	}
}

static int log_signatures(struct signing *signing, struct fault *fault)
{
	struct order_lines own = {.lines = signing->lines};

	for (size_t i = 0; i < signing->order->count; i++)
		if (!signing->results[i].verdict.invalid)
			signing->lines[own.count++] = signing->lines[i];
	if (own.count == 0)
		return 0;
	work_jointly(&signing->signer->lines, log_orders, signing->signer, &own);
	return own.result < 0 ? pass_fault(&own.fault, fault) : 0;
}

static int sign_all(struct signing *signing, struct fault *fault)
{
	const struct signing_order *order = signing->order;
	const char *bar;
	int result;

	if (find_bar(signing, &bar, fault) < 0)
		return -1;
	for (size_t i = 0; bar != NULL && i < order->count; i++)
		reject_because(&signing->results[i].verdict, "%s", bar);
	if (bar != NULL)
		return 0;
	expect_caller(&signing->signer->lines);
	result = run_tasks(order->count, count_cores(), sign_body, signing, fault);
	if (result == 0)
		result = log_signatures(signing, fault);
	dismiss_caller(&signing->signer->lines);
	return result;
}

/* One CRL after the other. */
static int sign_crl(struct signer *signer, struct signing *signing, struct fault *fault)
{
	struct buffer *last = &signer->last_crls[signing->order->issuer - 1];
	CLEANUP(clear_buffer) struct buffer copy = {0};
	int result;

	pthread_mutex_lock(&signer->crl_lock);
	result = sign_all(signing, fault);
	if (result == 0 && !signing->results[0].verdict.invalid) {
		append_bytes(&copy, bytes_of_buffer(&signing->results[0].der));
		result = check_buffer(&copy, fault);
	}
	if (result == 0 && copy.len > 0) {
		clear_buffer(last);
		*last = take_buffer(&copy);
	}
	pthread_mutex_unlock(&signer->crl_lock);
	return result;
}

int sign_checked(void *context, const struct signing_order *order,
		 struct signed_result *ret_results, struct fault *fault)
{
	struct signer *signer = context;
	CLEANUP(clear_signing)
	struct signing signing = {.signer = signer,
				  .order = order,
				  .results = ret_results,
				  .lines = calloc(order->count + 1, sizeof(*signing.lines))};
	const struct issuer *issuer = NULL;

	if (choose_issuer(signer, order, &issuer, fault) < 0)
		return -1;
	if (order->kind == SIGN_PROBE)
		return probe_key(issuer, fault);
	if (signing.lines == NULL)
		return set_memory_fault(fault);
	signing.rules = (struct body_rules){.kind = order->kind,
					    .issuer = issuer,
					    .newest = newest_issuer(signer->issuers),
					    .ca = signer->settings.ca,
					    .layout = signer->settings.layout,
					    .client = &signing.client,
					    .now_s = order->now_s};
	if ((order->kind == SIGN_CRL ? sign_crl(signer, &signing, fault)
				     : sign_all(&signing, fault)) == 0)
		return 0;
	for (size_t i = 0; i < order->count; i++)
		clear_signed_result(&ret_results[i]);
	return -1;
}
