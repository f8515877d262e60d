#include "common/pool/enrolment/enroll.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/crypto/key_file.h"
#include "common/net/client/idle_clients.h"
#include "common/pool/members/replace_member.h"
#include "common/pool/members/take_key.h"
#include "common/pool/members/trust.h"
#include "common/wire/claims.h"
#include "common/wire/envelope.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	IN_FLIGHT = 4,  /* requests at a time */
	BATCH_MIN = 50, /* a smaller batch is not worth a request of its own */
	FIRST_WAIT_MS = 100,
	WAIT_MAX_MS = 2000,
	RETRY_MS = 90000, /* more than the minute of a rate limit */
};

/* What the threads of one certify_members share. */
struct certify_context {
	const struct certification *certification;
	const struct enrollment *enrollment;
	struct roots roots;
	struct intermediates known; /* of cert/ca.crt */
	struct shared_key key;
	size_t batch_size;
	struct progress_report progress;
	struct idle_clients idle_clients;
	pthread_mutex_t lock; /* for the fields below, cert/ca.crt and the refusal_function */
	size_t last;          /* the last member that a batch has taken */
	struct certify_summary summary;
};

static void clear_certify_context(struct certify_context *context)
{
	clear_idle_clients(&context->idle_clients);
	clear_roots(&context->roots);
	clear_intermediates(&context->known);
	clear_shared_key(&context->key);
	clear_progress(&context->progress);
	pthread_mutex_destroy(&context->lock);
}

/* An equal share for each request in flight, from BATCH_MIN up to `most`. */
static size_t choose_batch_size(size_t member_count, const struct pool_settings *pool)
{
	size_t most = pool->batch_size;
	size_t share = (member_count + IN_FLIGHT - 1) / IN_FLIGHT;

	/* What fills up a pool is asked for at once: its requests tell no more than that. */
	if (pool->reuse.method == REUSE_ONCE_ONLY)
		return most;
	if (share < BATCH_MIN)
		share = BATCH_MIN;
	return share < most ? share : most;
}

/* At most: a batch ends with a window, too. */
static size_t count_batches(size_t member_count, size_t batch_size,
			    const struct pool_settings *pool)
{
	size_t windows = has_windows(pool) ? last_member(pool) / pool->windows.members + 1 : 0;

	return (member_count + batch_size - 1) / batch_size + windows;
}

static void report_refusal(struct certify_context *context, size_t member,
			   const struct refusal *refusal)
{
	const struct enrollment *enrollment = context->enrollment;

	pthread_mutex_lock(&context->lock);
	context->summary.refused++;
	if (enrollment->refused != NULL)
		enrollment->refused(enrollment->refused_context, member, refusal);
	pthread_mutex_unlock(&context->lock);
}

/* Takes the members of the next batch: the *ret_count members of the set after *ret_last, all of
   one window. */
static void take_members(struct certify_context *context, size_t *ret_last, size_t *ret_count)
{
	const struct pool_settings *pool = &context->enrollment->client->pool;
	size_t count = 0;
	size_t next;

	pthread_mutex_lock(&context->lock);
	*ret_last = context->last;
	while (count < context->batch_size &&
	       (next = next_in_member_set(context->certification->members, context->last)) != 0 &&
	       (count == 0 || may_share_request(pool, context->last, next))) {
		context->last = next;
		count++;
	}
	pthread_mutex_unlock(&context->lock);
	*ret_count = count;
}

static int fill_batch(struct certify_context *context, struct request_batch *ret_batch,
		      struct fault *fault)
{
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	size_t member;
	size_t count;

	take_members(context, &member, &count);
	if (count == 0)
		return 0;
	if (init_request_batch(context->certification->files, count, &batch, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct refusal refusal = {0};

		member = next_in_member_set(context->certification->members, member);
		if (add_to_request_batch(context->enrollment->layout, member, &batch, &refusal,
					 fault) < 0)
			return -1;
		if (is_refused(&refusal))
			report_refusal(context, member, &refusal);
	}
	report_progress(&context->progress, count - batch.request.count);
	if (ask_for_window(&context->enrollment->client->pool, &batch, fault) < 0)
		return -1;
	MOVE(ret_batch, batch);
	return 0;
}

static int ask_once(struct certify_context *context, struct http_client *client,
		    struct request_batch *batch, struct certificates_answer *ret_answer,
		    struct fault *fault)
{
	struct certificates_request *request = &batch->request;
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_secret) struct secret question = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	uint8_t sha256[SHA256_LEN];

	if (make_request_claims(context->enrollment->client->name, CA_NAME, read_clock(),
				&request->claims, fault) < 0 ||
	    format_certificates_request(request, &question, fault) < 0 ||
	    ask_encrypted(client, &certificates_kind, &context->key, bytes_of_secret(&question),
			  &json, sha256, fault) < 0 ||
	    parse_certificates_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    check_ca_answer(&answer.claims, &answer.refusal, &request->claims, sha256, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}

/* Asks again for up to RETRY_MS while the CA is busy or limits the client's rate. */
static int ask_with_retries(struct certify_context *context, struct http_client *client,
			    struct request_batch *batch, struct certificates_answer *ret_answer,
			    struct fault *fault)
{
	long waited_ms = 0;
	long next_ms = FIRST_WAIT_MS;

	for (;;) {
		struct fault failure = {0};

		if (ask_once(context, client, batch, ret_answer, &failure) == 0)
			return 0;
		if (failure.class != FAULT_BUSY || waited_ms >= RETRY_MS)
			return pass_fault(&failure, fault);
		sleep_us(1000 * next_ms);
		waited_ms += next_ms;
		next_ms = next_ms * 2 < WAIT_MAX_MS ? next_ms * 2 : WAIT_MAX_MS;
	}
}

static int ask_batch(struct certify_context *context, struct request_batch *batch,
		     struct certificates_answer *ret_answer, struct fault *fault)
{
	struct http_client *client = NULL;
	int result;

	if (take_http_client(&context->idle_clients, &client, fault) < 0)
		return -1;
	result = ask_with_retries(context, client, batch, ret_answer, fault);
	return_http_client(&context->idle_clients, &client);
	return result;
}

void add_cut_short(struct cut_short *sum, const struct cut_short *more)
{
	sum->count += more->count;
	if (more->end_s != 0)
		sum->end_s = more->end_s;
}

/* Saves a checked answer, and reports it to the caller's functions. */
static int save_answer(struct certify_context *context, const struct certificates_answer *answer,
		       const struct request_batch *batch, struct fault *fault)
{
	const struct certification *certification = context->certification;
	const struct layout *layout = context->enrollment->layout;
	bool written;
	int result;

	/* The chain first, as the certificates need it; answers in flight bring the same one. */
	pthread_mutex_lock(&context->lock);
	result = keep_intermediates(layout, &batch->chain, &written, fault);
	pthread_mutex_unlock(&context->lock);
	if (result < 0 || save_certificates(layout, certification->files, answer, fault) < 0)
		return -1;
	if (certification->saved != NULL &&
	    certification->saved(certification->saved_context, answer, fault) < 0)
		return -1;
	pthread_mutex_lock(&context->lock);
	context->summary.saved += answer->certificate_count;
	add_cut_short(&context->summary.cut_short, &batch->cut_short);
	pthread_mutex_unlock(&context->lock);
	for (size_t i = 0; i < answer->refusal_count; i++)
		report_refusal(context, parse_member(answer->refusals[i].name),
			       &answer->refusals[i].refusal);
	return 0;
}

static int certify_next_batch(size_t index, void *argument, struct fault *fault)
{
	struct certify_context *context = argument;
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	const struct trust trust = trust_in_roots(&context->roots, &context->known);

	(void)index;
	if (fill_batch(context, &batch, fault) < 0)
		return -1;
	if (batch.request.count == 0)
		return 0;
	if (ask_batch(context, &batch, &answer, fault) < 0 ||
	    check_batch_answer(&batch, &trust, read_clock(), &answer, fault) < 0 ||
	    save_answer(context, &answer, &batch, fault) < 0)
		return -1;
	report_progress(&context->progress, batch.request.count);
	return 0;
}

int certify_members(const struct certification *certification, struct certify_summary *ret_summary,
		    struct fault *fault)
{
	const struct enrollment *enrollment = certification->enrollment;
	const struct http_client_settings settings = {.endpoint = enrollment->ca,
						      .roots = enrollment->layout->root_path};
	size_t count = certification->members->count;
	CLEANUP(clear_certify_context)
	struct certify_context context = {.certification = certification,
					  .enrollment = enrollment,
					  .lock = PTHREAD_MUTEX_INITIALIZER};
	const struct key_question key_question = {.layout = enrollment->layout,
						  .self = enrollment->client->name,
						  .peer = CA_NAME,
						  .clients = &context.idle_clients};
	size_t batch_count;

	init_progress(&context.progress, &enrollment->progress, count);
	init_idle_clients(&context.idle_clients, &settings);
	if (sweep_staging(enrollment->layout->cert, fault) < 0)
		return prefix_fault(fault, "%s/cert", enrollment->layout->path);
	if (read_roots(enrollment->layout, &context.roots, fault) < 0 ||
	    read_intermediates(enrollment->layout, &context.known, fault) < 0 ||
	    read_shared_key(enrollment->layout, CA_NAME, &context.key, fault) < 0)
		return -1;
	context.batch_size = choose_batch_size(count, &enrollment->client->pool);
	batch_count = count_batches(count, context.batch_size, &enrollment->client->pool);
	if (run_tasks(batch_count, IN_FLIGHT, certify_next_batch, &context, fault) < 0 ||
	    (count > 0 && take_new_key(&key_question, read_clock(), fault) < 0))
		return -1;
	*ret_summary = context.summary;
	return 0;
}

int find_missing_members(const struct layout *layout, const struct client_node *client,
			 struct member_set *ret_missing, size_t *ret_present, struct fault *fault)
{
	CLEANUP(clear_member_set) struct member_set missing = {0};
	size_t present = 0;

	if (init_member_set(last_member(&client->pool), &missing, fault) < 0)
		return -1;
	for (size_t i = 1; i <= last_member(&client->pool); i++) {
		char csr_name[FILE_NAME_SIZE];
		char certificate_name[FILE_NAME_SIZE];
		bool has_certificate;
		bool has_csr;

		if (is_set_apart(&client->pool, i))
			continue;
		name_csr(i, csr_name);
		name_certificate(i, certificate_name);
		if (find_file(layout->cert, certificate_name, &has_certificate, fault) < 0)
			return prefix_fault(fault, "%s/cert", layout->path);
		if (has_certificate) {
			present++;
			continue;
		}
		if (find_file(layout->csr_file, csr_name, &has_csr, fault) < 0)
			return prefix_fault(fault, "%s/CSR_file", layout->path);
		if (has_csr)
			add_to_member_set(&missing, i);
	}
	if (count_members(&client->pool) == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: all members of the pool of %s are set aside: run certpool "
				 "keep %s, which fills the pool up",
				 layout->path, client->name, client->name);
	if (missing.count + present == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/CSR_file: no member of the pool has a request: run certpool "
				 "request %s",
				 layout->path, client->name);
	*ret_present = present;
	MOVE(ret_missing, missing);
	return 0;
}

int enroll_pool(const struct enrollment *enrollment, struct enroll_summary *ret_summary,
		struct fault *fault)
{
	CLEANUP(clear_member_set) struct member_set missing = {0};
	const struct certification certification = {
		.enrollment = enrollment, .files = &current_files, .members = &missing};
	struct certify_summary summary = {0};
	struct root_change root_change = {0};
	size_t present = 0;

	if (complete_renewals(enrollment->layout, fault) < 0 ||
	    learn_roots(enrollment->layout, enrollment->client->name, &enrollment->ca, read_clock(),
			&root_change, fault) < 0 ||
	    find_missing_members(enrollment->layout, enrollment->client, &missing, &present,
				 fault) < 0 ||
	    certify_members(&certification, &summary, fault) < 0)
		return -1;
	*ret_summary = (struct enroll_summary){.present = present,
					       .saved = summary.saved,
					       .refused = summary.refused,
					       .cut_short = summary.cut_short,
					       .root_change = root_change};
	return 0;
}
