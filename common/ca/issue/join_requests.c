#include "common/ca/issue/join_requests.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request and its caller, which waits until it is answered. */
struct waiting_request {
	const struct single_request *request;
	struct waiting_request *next;
	bool taken; /* by a batch that is under way */
	bool answered;
	int result;
	struct single_answer answer;
	struct fault fault;
};

struct joined_requests {
	struct authority *authority;
	pthread_mutex_t lock; /* of all below, and of what waits */
	pthread_cond_t answered;
	struct waiting_request *first;
	struct waiting_request **end;
};

enum { JOINED_MAX = 250 };

void clear_single_answer(struct single_answer *answer)
{
	clear_buffer(&answer->certificate);
}

int new_joined_requests(struct authority *authority, struct joined_requests **ret_joined,
			struct fault *fault)
{
	struct joined_requests *joined = calloc(1, sizeof(*joined));

	if (joined == NULL)
		return set_memory_fault(fault);
	joined->authority = authority;
	joined->end = &joined->first;
	pthread_mutex_init(&joined->lock, NULL);
	pthread_cond_init(&joined->answered, NULL);
	*ret_joined = joined;
	return 0;
}

void free_joined_requests(struct joined_requests **joined_pointer)
{
	struct joined_requests *joined = TAKE(*joined_pointer);

	if (joined == NULL)
		return;
	pthread_cond_destroy(&joined->answered);
	pthread_mutex_destroy(&joined->lock);
	free(joined);
}

static bool same_batch(const struct single_request *a, const struct single_request *b)
{
	return strcmp(a->client, b->client) == 0 &&
	       strcmp(a->manner.prefix, b->manner.prefix) == 0 &&
	       a->manner.usages == b->manner.usages;
}

static bool is_under_way(const struct joined_requests *joined, const struct single_request *request)
{
	for (const struct waiting_request *each = joined->first; each != NULL; each = each->next)
		if (each->taken && same_batch(each->request, request))
			return true;
	return false;
}

/* The requests of one batch. */
struct joined_batch {
	struct waiting_request *requests[JOINED_MAX];
	size_t count;
};

/* The same key twice would refuse a batch: the second one waits for the next. */
static bool has_key(const struct joined_batch *batch, const struct single_request *request)
{
	for (size_t i = 0; i < batch->count; i++)
		if (memcmp(batch->requests[i]->request->key_sha256, request->key_sha256,
			   SHA256_LEN) == 0)
			return true;
	return false;
}

/* In the order in which they came. The caller holds the lock. */
static void take_batch(struct joined_requests *joined, const struct single_request *like,
		       struct joined_batch *batch)
{
	for (struct waiting_request *each = joined->first;
	     each != NULL && batch->count < JOINED_MAX; each = each->next) {
		if (!same_batch(each->request, like) || has_key(batch, each->request))
			continue;
		each->taken = true;
		batch->requests[batch->count++] = each;
	}
}

static void name_request(size_t index, char ret_name[static NAME_SIZE])
{
	(void)snprintf(ret_name, NAME_SIZE, "key%zu", index + 1);
}

static int fill_request(const struct joined_batch *batch, struct certificates_request *request,
			struct fault *fault)
{
	request->members = calloc(JOINED_MAX, sizeof(*request->members));
	if (request->members == NULL)
		return set_memory_fault(fault);
	for (; request->count < batch->count; request->count++) {
		struct member_pem *member = &request->members[request->count];

		name_request(request->count, member->name);
		append_bytes(&member->pem, batch->requests[request->count]->request->pem);
		if (check_buffer(&member->pem, fault) < 0)
			return -1;
	}
	return 0;
}

/* The certificate or the refusal of that name. */
static int find_answer(const struct certificates_answer *answer, const char *name,
		       struct single_answer *ret_answer, struct fault *fault)
{
	for (size_t i = 0; i < answer->certificate_count; i++)
		if (strcmp(answer->certificates[i].name, name) == 0)
			return unwrap_certificate_pem(bytes_of_buffer(&answer->certificates[i].pem),
						      &ret_answer->certificate, fault);
	ret_answer->refusal = answer->refusal;
	for (size_t i = 0; i < answer->refusal_count; i++)
		if (strcmp(answer->refusals[i].name, name) == 0)
			ret_answer->refusal = answer->refusals[i].refusal;
	return 0;
}

/* Runs the batch, and fills the answers; nobody is told of them yet. */
static int run_joined_batch(struct joined_requests *joined, const struct single_request *like,
			    const struct joined_batch *batch, struct fault *fault)
{
	const struct batch_order order = {
		.client = like->client, .manner = like->manner, .now_s = like->now_s};
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	if (fill_request(batch, &request, fault) < 0 ||
	    certify_batch_as(joined->authority, &order, &request, &answer, fault) < 0)
		return -1;
	for (size_t i = 0; i < batch->count; i++) {
		struct waiting_request *each = batch->requests[i];
		char name[NAME_SIZE];

		name_request(i, name);
		each->result = find_answer(&answer, name, &each->answer, &each->fault);
	}
	return 0;
}

static void remove_waiting(struct joined_requests *joined, const struct waiting_request *waiting)
{
	struct waiting_request **place = &joined->first;

	while (*place != waiting)
		place = &(*place)->next;
	*place = waiting->next;
	if (joined->end == &waiting->next)
		joined->end = place;
}

/* The caller holds the lock, and has it again on return. */
static void lead_batch(struct joined_requests *joined, const struct single_request *like)
{
	struct joined_batch batch = {.count = 0};
	struct fault fault = {0};
	int result;

	take_batch(joined, like, &batch);
	pthread_mutex_unlock(&joined->lock);
	result = run_joined_batch(joined, like, &batch, &fault);
	pthread_mutex_lock(&joined->lock);
	for (size_t i = 0; i < batch.count; i++) {
		struct waiting_request *each = batch.requests[i];

		if (result < 0) {
			each->result = result;
			each->fault = fault;
		}
		remove_waiting(joined, each);
		each->answered = true;
	}
	pthread_cond_broadcast(&joined->answered);
}

static void add_waiting(struct joined_requests *joined, struct waiting_request *request)
{
	*joined->end = request;
	joined->end = &request->next;
}

int certify_joined(struct joined_requests *joined, const struct single_request *request,
		   struct single_answer *ret_answer, struct fault *fault)
{
	struct waiting_request own = {.request = request};

	pthread_mutex_lock(&joined->lock);
	add_waiting(joined, &own);
	while (!own.answered) {
		if (is_under_way(joined, request))
			pthread_cond_wait(&joined->answered, &joined->lock);
		else
			lead_batch(joined, request);
	}
	pthread_mutex_unlock(&joined->lock);
	if (own.result < 0)
		return pass_fault(&own.fault, fault);
	MOVE(ret_answer, own.answer);
	return 0;
}
