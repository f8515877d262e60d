#include "common/pool/enrolment/enroll.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/crypto/key_file.h"
#include "common/pool/enrolment/request_batch.h"
#include "common/pool/members/replace_member.h"
#include "common/pool/members/trust.h"
#include "common/wire/claims.h"
#include "common/wire/envelope.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	IN_FLIGHT = 4,    /* requests at a time */
	BATCH_LEAST = 50, /* below which splitting costs more than it brings */
	FIRST_WAIT_MS = 100,
	LONGEST_WAIT_MS = 2000,
	PATIENCE_MS = 90000, /* for a CA that is busy: more than the minute of a rate */
};

/* One certify_members. */
struct certifying {
	const struct certification *certification;
	const struct enrollment *enrollment;
	struct certificate *root;
	struct shared_key key;
	size_t batch_size;
	struct progress_report progress;
	pthread_mutex_t lock; /* for what follows, and for the caller's refusal_function */
	size_t last;          /* member that was given to a batch */
	struct http_client *clients[IN_FLIGHT]; /* those that nobody uses */
	size_t client_count;
	struct certified certified;
};

static void clear_certifying(struct certifying *certifying)
{
	while (certifying->client_count > 0)
		free_http_client(&certifying->clients[--certifying->client_count]);
	free_certificate(&certifying->root);
	clear_shared_key(&certifying->key);
	clear_progress(&certifying->progress);
	pthread_mutex_destroy(&certifying->lock);
}

/* Split over the requests in flight, within the bounds. */
static size_t choose_batch_size(size_t member_count, size_t most)
{
	size_t share = (member_count + IN_FLIGHT - 1) / IN_FLIGHT;

	if (share < BATCH_LEAST)
		share = BATCH_LEAST;
	return share < most ? share : most;
}

static void tell_refusal(struct certifying *certifying, size_t member,
			 const struct refusal *refusal)
{
	const struct enrollment *enrollment = certifying->enrollment;

	pthread_mutex_lock(&certifying->lock);
	certifying->certified.refused++;
	if (enrollment->refused != NULL)
		enrollment->refused(enrollment->refused_context, member, refusal);
	pthread_mutex_unlock(&certifying->lock);
}

/* Members are taken one batch at a time, so that those of one batch follow each other. */
static size_t take_members(struct certifying *certifying, size_t *members)
{
	size_t count = 0;
	size_t member;

	pthread_mutex_lock(&certifying->lock);
	while (count < certifying->batch_size &&
	       (member = next_in_member_set(certifying->certification->members,
					    certifying->last)) != 0) {
		certifying->last = member;
		members[count++] = member;
	}
	pthread_mutex_unlock(&certifying->lock);
	return count;
}

static int fill_batch(struct certifying *certifying, struct request_batch *ret_batch,
		      struct fault *fault)
{
	CLEANUP(free_members) size_t *members = calloc(certifying->batch_size, sizeof(*members));
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	size_t count;

	if (members == NULL)
		return set_memory_fault(fault);
	count = take_members(certifying, members);
	if (init_request_batch(certifying->certification->files, count, &batch, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct refusal refusal = {0};

		if (add_to_request_batch(certifying->enrollment->layout, members[i], &batch,
					 &refusal, fault) < 0)
			return -1;
		if (refusal.type[0] != '\0')
			tell_refusal(certifying, members[i], &refusal);
	}
	report_progress(&certifying->progress, count - batch.request.count);
	MOVE(ret_batch, batch);
	return 0;
}

static int take_client(struct certifying *certifying, struct http_client **ret_client,
		       struct fault *fault)
{
	struct http_client_settings settings = {.endpoint = certifying->enrollment->ca};
	struct http_client *client = NULL;

	pthread_mutex_lock(&certifying->lock);
	if (certifying->client_count > 0)
		client = certifying->clients[--certifying->client_count];
	pthread_mutex_unlock(&certifying->lock);
	if (client == NULL)
		return new_http_client(&settings, ret_client, fault);
	*ret_client = client;
	return 0;
}

static void return_client(struct certifying *certifying, struct http_client *client)
{
	pthread_mutex_lock(&certifying->lock);
	certifying->clients[certifying->client_count++] = client;
	pthread_mutex_unlock(&certifying->lock);
}

static int ask_once(struct certifying *certifying, struct http_client *client,
		    struct request_batch *batch, struct certificates_answer *ret_answer,
		    struct fault *fault)
{
	struct certificates_request *request = &batch->request;
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_secret) struct secret question = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	uint8_t sha256[SHA256_LEN];

	if (make_request_claims(certifying->enrollment->client->name, CA_NAME, read_clock(),
				&request->claims, fault) < 0 ||
	    format_certificates_request(request, &question, fault) < 0 ||
	    ask_encrypted(client, &certificates_kind, &certifying->key, bytes_of_secret(&question),
			  &json, sha256, fault) < 0 ||
	    parse_certificates_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    check_ca_answer(&answer.claims, &answer.refusal, &request->claims, sha256, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}

/* A CA that is busy, or that we ask more often than we may, is asked again for a while. */
static int ask_patiently(struct certifying *certifying, struct http_client *client,
			 struct request_batch *batch, struct certificates_answer *ret_answer,
			 struct fault *fault)
{
	long waited_ms = 0;
	long next_ms = FIRST_WAIT_MS;

	for (;;) {
		struct fault attempt = {0};

		if (ask_once(certifying, client, batch, ret_answer, &attempt) == 0)
			return 0;
		if (attempt.class != FAULT_BUSY || waited_ms >= PATIENCE_MS)
			return pass_fault(&attempt, fault);
		sleep_us(1000 * next_ms);
		waited_ms += next_ms;
		next_ms = next_ms * 2 < LONGEST_WAIT_MS ? next_ms * 2 : LONGEST_WAIT_MS;
	}
}

static int ask_batch(struct certifying *certifying, struct request_batch *batch,
		     struct certificates_answer *ret_answer, struct fault *fault)
{
	struct http_client *client = NULL;
	int asked;

	if (take_client(certifying, &client, fault) < 0)
		return -1;
	asked = ask_patiently(certifying, client, batch, ret_answer, fault);
	return_client(certifying, client);
	return asked;
}

static void count_saved(struct certifying *certifying, size_t saved)
{
	pthread_mutex_lock(&certifying->lock);
	certifying->certified.saved += saved;
	pthread_mutex_unlock(&certifying->lock);
}

/* One at a time: the answers that are in flight have the same one. */
static int keep_chain(struct certifying *certifying, const struct intermediates *chain,
		      struct fault *fault)
{
	bool written;
	int result;

	pthread_mutex_lock(&certifying->lock);
	result = keep_intermediates(certifying->enrollment->layout, chain, &written, fault);
	pthread_mutex_unlock(&certifying->lock);
	return result;
}

/* Saves what was checked, and tells of it. */
static int save_answer(struct certifying *certifying, const struct certificates_answer *answer,
		       const struct intermediates *chain, struct fault *fault)
{
	const struct certification *certification = certifying->certification;

	if (keep_chain(certifying, chain, fault) < 0 ||
	    save_certificates(certifying->enrollment->layout, certification->files, answer, fault) <
		    0)
		return -1;
	if (certification->saved != NULL &&
	    certification->saved(certification->saved_context, answer, fault) < 0)
		return -1;
	count_saved(certifying, answer->certificate_count);
	for (size_t i = 0; i < answer->refusal_count; i++)
		tell_refusal(certifying, parse_member(answer->refusals[i].name),
			     &answer->refusals[i].refusal);
	return 0;
}

static int certify_next_batch(size_t index, void *context, struct fault *fault)
{
	struct certifying *certifying = context;
	CLEANUP(clear_request_batch) struct request_batch batch = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	(void)index;
	if (fill_batch(certifying, &batch, fault) < 0)
		return -1;
	if (batch.request.count == 0)
		return 0;
	if (ask_batch(certifying, &batch, &answer, fault) < 0 ||
	    check_batch_answer(&batch, certifying->root, read_clock(), &answer, fault) < 0 ||
	    save_answer(certifying, &answer, &batch.chain, fault) < 0)
		return -1;
	report_progress(&certifying->progress, batch.request.count);
	return 0;
}

int certify_members(const struct certification *certification, struct certified *ret_certified,
		    struct fault *fault)
{
	const struct enrollment *enrollment = certification->enrollment;
	size_t count = certification->members->count;
	CLEANUP(clear_certifying)
	struct certifying certifying = {.certification = certification,
					.enrollment = enrollment,
					.lock = PTHREAD_MUTEX_INITIALIZER};
	size_t batch_count;

	init_progress(&certifying.progress, &enrollment->progress, count);
	if (sweep_staging(enrollment->layout->cert, fault) < 0)
		return prefix_fault(fault, "%s/cert", enrollment->layout->path);
	if (read_root(enrollment->layout, &certifying.root, fault) < 0 ||
	    read_shared_key(enrollment->layout, CA_NAME, &certifying.key, fault) < 0)
		return -1;
	certifying.batch_size = choose_batch_size(count, enrollment->client->pool.batch_size);
	batch_count = (count + certifying.batch_size - 1) / certifying.batch_size;
	if (run_tasks(batch_count, IN_FLIGHT, certify_next_batch, &certifying, fault) < 0)
		return -1;
	*ret_certified = certifying.certified;
	return 0;
}

int find_missing(const struct layout *layout, const struct client_node *client,
		 struct member_set *ret_missing, size_t *ret_present, struct fault *fault)
{
	CLEANUP(clear_member_set) struct member_set missing = {0};
	size_t present = 0;

	if (init_member_set(client->pool.size, &missing, fault) < 0)
		return -1;
	for (size_t i = 1; i <= client->pool.size; i++) {
		char csr_name[FILE_NAME_SIZE];
		char certificate_name[FILE_NAME_SIZE];

		name_csr(i, csr_name);
		name_certificate(i, certificate_name);
		if (file_exists(layout->cert, certificate_name))
			present++;
		else if (file_exists(layout->csr_file, csr_name))
			add_to_member_set(&missing, i);
	}
	if (missing.count + present == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/CSR_file: no member of the pool has a request: run certpool "
				 "request %s",
				 layout->path, client->name);
	*ret_present = present;
	MOVE(ret_missing, missing);
	return 0;
}

int enroll_pool(const struct enrollment *enrollment, struct enrolled *ret_enrolled,
		struct fault *fault)
{
	CLEANUP(clear_member_set) struct member_set missing = {0};
	const struct certification certification = {
		.enrollment = enrollment, .files = &current_files, .members = &missing};
	struct certified certified = {0};
	size_t present = 0;

	if (complete_renewals(enrollment->layout, fault) < 0 ||
	    find_missing(enrollment->layout, enrollment->client, &missing, &present, fault) < 0 ||
	    certify_members(&certification, &certified, fault) < 0)
		return -1;
	*ret_enrolled = (struct enrolled){
		.present = present, .saved = certified.saved, .refused = certified.refused};
	return 0;
}
