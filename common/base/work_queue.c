#include "common/base/work_queue.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Accounts of owners without waiting work that are remembered besides those of owners with some. */
enum { SPARE_ACCOUNTS = 256 };

struct piece {
	work_function *function;
	void *context;
	size_t cost;
	struct piece *next; /* of the same owner, or the next free one */
};

struct account {
	char owner[WORK_OWNER_SIZE];
	uint64_t used; /* the cost of all that the owner had, from the level at which it came */
	struct piece *first;
	struct piece *last;
	size_t pending;
};

struct work_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct work_queue_limits limits;
	struct piece *pieces;
	struct piece *free;
	struct account *accounts;
	size_t account_count;
	uint64_t
		level; /* of the account from which work was taken last: where a new owner begins */
	size_t pending;
	bool closing;
	unsigned int worker_count;
	pthread_t workers[];
};

/* The account whose first piece is to run next; NULL when nothing waits. */
static struct account *choose_account(struct work_queue *queue)
{
	struct account *chosen = NULL;
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < queue->account_count; i++) {
		struct account *each = &queue->accounts[i];

		if (each->first == NULL || each->used + each->first->cost >= least)
			continue;
		least = each->used + each->first->cost;
		chosen = each;
	}
	return chosen;
}

/* false: nothing waits. */
static bool take_piece(struct work_queue *queue, struct piece *ret_piece)
{
	struct account *account = choose_account(queue);
	struct piece *piece;

	if (account == NULL)
		return false;
	piece = account->first;
	*ret_piece = *piece;
	if (account->used > queue->level)
		queue->level = account->used;
	account->used += piece->cost;
	account->first = piece->next;
	account->pending--;
	queue->pending--;
	piece->next = queue->free;
	queue->free = piece;
	return true;
}

static void *work_thread(void *argument)
{
	struct work_queue *queue = argument;

	pthread_mutex_lock(&queue->lock);
	for (;;) {
		struct piece piece;

		if (take_piece(queue, &piece)) {
			pthread_mutex_unlock(&queue->lock);
			piece.function(piece.context);
			pthread_mutex_lock(&queue->lock);
		} else if (queue->closing) {
			break;
		} else {
			pthread_cond_wait(&queue->changed, &queue->lock);
		}
	}
	pthread_mutex_unlock(&queue->lock);
	return NULL;
}

static int allocate_places(struct work_queue *queue, struct fault *fault)
{
	size_t most = queue->limits.most;

	queue->pieces = calloc(most + 1, sizeof(*queue->pieces));
	queue->accounts = calloc(most + SPARE_ACCOUNTS, sizeof(*queue->accounts));
	if (queue->pieces == NULL || queue->accounts == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < most; i++) {
		queue->pieces[i].next = queue->free;
		queue->free = &queue->pieces[i];
	}
	return 0;
}

int new_work_queue(const struct work_queue_limits *limits, struct work_queue **ret_queue,
		   struct fault *fault)
{
	CLEANUP(free_work_queue)
	struct work_queue *queue =
		calloc(1, sizeof(*queue) + limits->workers * sizeof(queue->workers[0]));

	if (queue == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->changed, NULL);
	queue->limits = *limits;
	if (allocate_places(queue, fault) < 0)
		return -1;
	while (queue->worker_count < limits->workers &&
	       pthread_create(&queue->workers[queue->worker_count], NULL, work_thread, queue) == 0)
		queue->worker_count++;
	if (queue->worker_count == 0)
		return set_fault(fault, FAULT_FAILED, "no worker thread can be started");
	*ret_queue = TAKE(queue);
	return 0;
}

/* The place of a new account. The most dispensable one is of an owner for whom nothing waits and
   who used the least: below the level it says nothing that a new account would not say. */
static struct account *find_place(struct work_queue *queue)
{
	struct account *place = NULL;

	for (size_t i = 0; i < queue->account_count; i++) {
		struct account *each = &queue->accounts[i];

		if (each->pending == 0 && (place == NULL || each->used < place->used))
			place = each;
	}
	if ((place == NULL || place->used > queue->level) &&
	    queue->account_count < queue->limits.most + SPARE_ACCOUNTS)
		place = &queue->accounts[queue->account_count++];
	return place;
}

/* There are more accounts than pieces, so that one without waiting work can always be found. */
static struct account *open_account(struct work_queue *queue, const char *owner)
{
	struct account *account = NULL;

	for (size_t i = 0; i < queue->account_count && account == NULL; i++)
		if (strcmp(queue->accounts[i].owner, owner) == 0)
			account = &queue->accounts[i];
	if (account == NULL) {
		account = find_place(queue);
		*account = (struct account){.used = queue->level};
		memcpy(account->owner, owner, sizeof(account->owner));
	}
	if (account->pending == 0 && account->used < queue->level)
		account->used = queue->level;
	return account;
}

static void append_piece(struct work_queue *queue, struct account *account, const struct work *work)
{
	struct piece *piece = queue->free;

	queue->free = piece->next;
	*piece = (struct piece){work->function, work->context, work->cost, NULL};
	if (account->first == NULL)
		account->first = piece;
	else
		account->last->next = piece;
	account->last = piece;
	account->pending++;
	queue->pending++;
}

int submit_work(struct work_queue *queue, const struct work *work, struct fault *fault)
{
	const struct work_queue_limits *limits = &queue->limits;
	struct account *account;
	bool full;
	bool too_many = false;

	pthread_mutex_lock(&queue->lock);
	full = queue->closing || queue->pending >= limits->most;
	if (!full) {
		account = open_account(queue, work->owner);
		too_many = !work->of_many && account->pending >= limits->most_of_owner;
		if (!too_many)
			append_piece(queue, account, work);
	}
	pthread_mutex_unlock(&queue->lock);
	/* Not before: the worker would wake to wait for the lock. */
	if (!full && !too_many)
		pthread_cond_signal(&queue->changed);
	if (full)
		return set_fault(fault, FAULT_BUSY, "%zu requests already wait: try again later",
				 limits->most);
	if (too_many)
		return set_fault(fault, FAULT_BUSY,
				 "%zu requests of this client already wait: try again later",
				 limits->most_of_owner);
	return 0;
}

void free_work_queue(struct work_queue **queue_pointer)
{
	struct work_queue *queue = TAKE(*queue_pointer);

	if (queue == NULL)
		return;
	pthread_mutex_lock(&queue->lock);
	queue->closing = true;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
	for (unsigned int i = 0; i < queue->worker_count; i++)
		(void)pthread_join(queue->workers[i], NULL);
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->lock);
	free(queue->pieces);
	free(queue->accounts);
	free(queue);
}
