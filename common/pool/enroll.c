#include "common/pool/enroll.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/crypto/key_file.h"
#include "common/pool/answer.h"
#include "common/pool/batch.h"
#include "common/pool/progress.h"
#include "common/pool/trust.h"
#include "common/wire/envelope.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
	IN_FLIGHT = 4,    /* requests at a time */
	BATCH_LEAST = 50, /* below which splitting costs more than it brings */
	FIRST_WAIT_MS = 100,
	LONGEST_WAIT_MS = 2000,
	PATIENCE_MS = 30000, /* for a CA that is busy, in all */
};

/* One enroll_pool. */
struct enrolling {
	const struct enrollment *enrollment;
	struct certificate *root;
	struct shared_key key;
	uint8_t *missing; /* a bit for each member: it has a request and no certificate */
	size_t missing_count;
	size_t batch_size;
	struct progress_report progress;
	pthread_mutex_t lock; /* for what follows, and for the caller's refusal_function */
	size_t next;          /* member from which the next batch is taken, from 0 */
	struct http_client *clients[IN_FLIGHT]; /* those that nobody uses */
	size_t client_count;
	struct enrolled enrolled;
};

static void clear_enrolling(struct enrolling *enrolling)
{
	while (enrolling->client_count > 0)
		free_http_client(&enrolling->clients[--enrolling->client_count]);
	free_certificate(&enrolling->root);
	clear_shared_key(&enrolling->key);
	clear_progress(&enrolling->progress);
	pthread_mutex_destroy(&enrolling->lock);
	free(enrolling->missing);
}

static bool is_missing(const struct enrolling *enrolling, size_t member)
{
	return (enrolling->missing[member / CHAR_BIT] >> member % CHAR_BIT & 1) != 0;
}

/* Looks at which members have a request, and which of those have no certificate. */
static int find_missing(struct enrolling *enrolling, struct fault *fault)
{
	const struct layout *layout = enrolling->enrollment->layout;
	size_t size = enrolling->enrollment->client->pool.size;

	enrolling->missing = calloc(size / CHAR_BIT + 1, 1);
	if (enrolling->missing == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < size; i++) {
		char csr_name[FILE_NAME_SIZE];
		char certificate_name[FILE_NAME_SIZE];

		name_csr(i + 1, csr_name);
		name_certificate(i + 1, certificate_name);
		if (file_exists(layout->cert, certificate_name)) {
			enrolling->enrolled.present++;
		} else if (file_exists(layout->csr_file, csr_name)) {
			enrolling->missing[i / CHAR_BIT] |= (uint8_t)(1U << i % CHAR_BIT);
			enrolling->missing_count++;
		}
	}
	if (enrolling->missing_count + enrolling->enrolled.present == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/CSR_file: no member of the pool has a request: run certpool "
				 "request %s",
				 layout->path, enrolling->enrollment->client->name);
	return 0;
}

/* Split over the requests in flight, within the bounds. */
static size_t choose_batch_size(size_t missing_count, size_t most)
{
	size_t share = (missing_count + IN_FLIGHT - 1) / IN_FLIGHT;

	if (share < BATCH_LEAST)
		share = BATCH_LEAST;
	return share < most ? share : most;
}

static void tell_refusal(struct enrolling *enrolling, size_t member, const struct refusal *refusal)
{
	const struct enrollment *enrollment = enrolling->enrollment;

	pthread_mutex_lock(&enrolling->lock);
	enrolling->enrolled.refused++;
	if (enrollment->refused != NULL)
		enrollment->refused(enrollment->refused_context, member, refusal);
	pthread_mutex_unlock(&enrolling->lock);
}

/* The next member to be certified, from 1; 0 when there is none left. */
static size_t take_member(struct enrolling *enrolling)
{
	size_t size = enrolling->enrollment->client->pool.size;

	while (enrolling->next < size && !is_missing(enrolling, enrolling->next))
		enrolling->next++;
	return enrolling->next < size ? ++enrolling->next : 0;
}

/* Members are taken one batch at a time, so that those of one batch follow each other. */
static size_t take_members(struct enrolling *enrolling, size_t *members)
{
	size_t count = 0;
	size_t member;

	pthread_mutex_lock(&enrolling->lock);
	while (count < enrolling->batch_size && (member = take_member(enrolling)) != 0)
		members[count++] = member;
	pthread_mutex_unlock(&enrolling->lock);
	return count;
}

static void free_indices(size_t **indices)
{
	free(*indices);
}

static int fill_batch(struct enrolling *enrolling, struct batch *ret_batch, struct fault *fault)
{
	CLEANUP(free_indices) size_t *members = calloc(enrolling->batch_size, sizeof(*members));
	CLEANUP(clear_batch) struct batch batch = {0};
	size_t count;

	if (members == NULL)
		return set_memory_fault(fault);
	count = take_members(enrolling, members);
	if (init_batch(count, &batch, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct refusal refusal = {0};

		if (add_to_batch(enrolling->enrollment->layout, members[i], &batch, &refusal,
				 fault) < 0)
			return -1;
		if (refusal.type[0] != '\0')
			tell_refusal(enrolling, members[i], &refusal);
	}
	report_progress(&enrolling->progress, count - batch.request.count);
	*ret_batch = batch;
	batch = (struct batch){0};
	return 0;
}

static int take_client(struct enrolling *enrolling, struct http_client **ret_client,
		       struct fault *fault)
{
	struct http_client_settings settings = {.endpoint = enrolling->enrollment->ca};
	struct http_client *client = NULL;

	pthread_mutex_lock(&enrolling->lock);
	if (enrolling->client_count > 0)
		client = enrolling->clients[--enrolling->client_count];
	pthread_mutex_unlock(&enrolling->lock);
	if (client == NULL)
		return new_http_client(&settings, ret_client, fault);
	*ret_client = client;
	return 0;
}

static void return_client(struct enrolling *enrolling, struct http_client *client)
{
	pthread_mutex_lock(&enrolling->lock);
	enrolling->clients[enrolling->client_count++] = client;
	pthread_mutex_unlock(&enrolling->lock);
}

static void wait_ms(long duration_ms)
{
	struct timespec left = {.tv_sec = duration_ms / 1000,
				.tv_nsec = duration_ms % 1000 * 1000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

/* Asks; a CA that is busy is asked again for a while. */
static int ask_patiently(struct http_client *client, const struct shared_key *key,
			 struct bytes question, struct secret *ret_answer,
			 uint8_t ret_sha256[static SHA256_LEN], struct fault *fault)
{
	long waited_ms = 0;
	long next_ms = FIRST_WAIT_MS;

	for (;;) {
		struct fault attempt = {0};

		if (ask(client, &certificates_exchange, key, question, ret_answer, ret_sha256,
			&attempt) == 0)
			return 0;
		if (attempt.class != FAULT_BUSY || waited_ms >= PATIENCE_MS)
			return set_fault(fault, attempt.class, "%s", attempt.text);
		wait_ms(next_ms);
		waited_ms += next_ms;
		next_ms = next_ms * 2 < LONGEST_WAIT_MS ? next_ms * 2 : LONGEST_WAIT_MS;
	}
}

static int ask_batch(struct enrolling *enrolling, struct batch *batch,
		     struct certificates_answer *ret_answer, struct fault *fault)
{
	struct certificates_request *request = &batch->request;
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_secret) struct secret question = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	struct http_client *client = NULL;
	uint8_t sha256[SHA256_LEN];
	int asked;

	if (make_request_claims(enrolling->enrollment->client->name, CA_NAME, read_clock(),
				&request->claims, fault) < 0 ||
	    format_certificates_request(request, &question, fault) < 0 ||
	    take_client(enrolling, &client, fault) < 0)
		return -1;
	asked = ask_patiently(client, &enrolling->key, bytes_of_secret(&question), &json, sha256,
			      fault);
	return_client(enrolling, client);
	if (asked < 0 || parse_certificates_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    check_ca_answer(&answer.claims, &answer.refusal, &request->claims, sha256, fault) < 0)
		return -1;
	*ret_answer = answer;
	answer = (struct certificates_answer){0};
	return 0;
}

static void count_saved(struct enrolling *enrolling, size_t saved)
{
	pthread_mutex_lock(&enrolling->lock);
	enrolling->enrolled.saved += saved;
	pthread_mutex_unlock(&enrolling->lock);
}

static int enroll_batch(size_t index, void *context, struct fault *fault)
{
	struct enrolling *enrolling = context;
	CLEANUP(clear_batch) struct batch batch = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	(void)index;
	if (fill_batch(enrolling, &batch, fault) < 0)
		return -1;
	if (batch.request.count == 0)
		return 0;
	if (ask_batch(enrolling, &batch, &answer, fault) < 0 ||
	    check_batch_answer(&batch, enrolling->root, read_clock(), &answer, fault) < 0 ||
	    save_certificates(enrolling->enrollment->layout, &answer, fault) < 0)
		return -1;
	count_saved(enrolling, answer.certificate_count);
	for (size_t i = 0; i < answer.refusal_count; i++)
		tell_refusal(enrolling, parse_member(answer.refusals[i].name),
			     &answer.refusals[i].refusal);
	report_progress(&enrolling->progress, batch.request.count);
	return 0;
}

int enroll_pool(const struct enrollment *enrollment, struct enrolled *ret_enrolled,
		struct fault *fault)
{
	CLEANUP(clear_enrolling)
	struct enrolling enrolling = {.enrollment = enrollment, .lock = PTHREAD_MUTEX_INITIALIZER};
	size_t batch_count;

	init_progress(&enrolling.progress, &enrollment->progress, 0);
	if (sweep_staging(enrollment->layout->cert, fault) < 0)
		return prefix_fault(fault, "%s/cert", enrollment->layout->path);
	if (read_root(enrollment->layout, &enrolling.root, fault) < 0 ||
	    read_shared_key(enrollment->layout, CA_NAME, &enrolling.key, fault) < 0 ||
	    find_missing(&enrolling, fault) < 0)
		return -1;
	enrolling.progress.total = enrolling.missing_count;
	enrolling.batch_size =
		choose_batch_size(enrolling.missing_count, enrollment->client->pool.batch_size);
	batch_count = (enrolling.missing_count + enrolling.batch_size - 1) / enrolling.batch_size;
	if (run_tasks(batch_count, IN_FLIGHT, enroll_batch, &enrolling, fault) < 0)
		return -1;
	*ret_enrolled = enrolling.enrolled;
	return 0;
}
