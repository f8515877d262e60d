#include "common/ca/issue/refusal_log.h"

#include "common/ca/store/audit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DETAIL_SHOWN = 200 }; /* octets of one refusal's detail */

/* A client that was refused something in the last minute. */
struct refused_client {
	struct refused_client *next;
	char name[NAME_SIZE];
	int64_t line_s;         /* the time of its last line */
	int64_t count;          /* refusals since then */
	struct refusal refusal; /* the last of these */
};

struct refusal_log {
	struct store *store;
	pthread_mutex_t lock;
	struct refused_client *clients;
};

int new_refusal_log(struct store *store, struct refusal_log **ret_log, struct fault *fault)
{
	struct refusal_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return set_memory_fault(fault);
	log->store = store;
	pthread_mutex_init(&log->lock, NULL);
	*ret_log = log;
	return 0;
}

void free_refusal_log(struct refusal_log **pointer)
{
	struct refusal_log *log = TAKE(*pointer);

	if (log == NULL)
		return;
	while (log->clients != NULL) {
		struct refused_client *next = log->clients->next;

		free(log->clients);
		log->clients = next;
	}
	pthread_mutex_destroy(&log->lock);
	free(log);
}

/* The clock may have gone back. */
static bool is_paused(const struct refused_client *client, int64_t now_s)
{
	return now_s >= client->line_s && now_s - client->line_s < REFUSAL_PAUSE_S;
}

/* The lock is held. */
static struct refused_client *find_client(struct refusal_log *log, const char *name)
{
	struct refused_client *client = log->clients;

	while (client != NULL && strcmp(client->name, name) != 0)
		client = client->next;
	return client;
}

/* Drops the clients of which nothing has to be known any more. The lock is held. */
static void drop_idle_clients(struct refusal_log *log, int64_t now_s)
{
	struct refused_client **link = &log->clients;

	while (*link != NULL) {
		struct refused_client *client = *link;

		if (client->count > 0 || is_paused(client, now_s)) {
			link = &client->next;
			continue;
		}
		*link = client->next;
		free(client);
	}
}

/*
 * Counts refusals of a client. *ret_count is the number for a line that the caller writes now; 0
 * while the client's pause lasts.
 */
static int count_refusals(struct refusal_log *log, const char *name, const struct refusal *refusal,
			  int64_t count, int64_t now_s, int64_t *ret_count, struct fault *fault)
{
	struct refused_client *client;

	*ret_count = 0;
	pthread_mutex_lock(&log->lock);
	drop_idle_clients(log, now_s);
	client = find_client(log, name);
	if (client == NULL) {
		client = calloc(1, sizeof(*client));
		if (client == NULL) {
			pthread_mutex_unlock(&log->lock);
			return set_memory_fault(fault);
		}
		(void)snprintf(client->name, sizeof(client->name), "%s", name);
		client->line_s = INT64_MAX;
		client->next = log->clients;
		log->clients = client;
	}
	client->count += count;
	client->refusal = *refusal;
	if (!is_paused(client, now_s)) {
		*ret_count = client->count;
		client->count = 0;
		client->line_s = now_s;
	}
	pthread_mutex_unlock(&log->lock);
	return 0;
}

/* A line that could not be written: its refusals are in the next one. */
static void return_count(struct refusal_log *log, const char *name, int64_t count)
{
	struct refused_client *client;

	pthread_mutex_lock(&log->lock);
	client = find_client(log, name);
	if (client != NULL) {
		client->count += count;
		client->line_s = INT64_MAX;
	}
	pthread_mutex_unlock(&log->lock);
}

static int write_line(struct refusal_log *log, const struct event *event, struct fault *fault)
{
	if (record_event(log->store, event, fault) == 0)
		return 0;
	return_count(log, event->by, event->count);
	return -1;
}

/* Records `count` refusals; the line that the first one makes has this member and detail. */
static int record_refusals(struct refusal_log *log, const char *client,
			   const struct refusal *refusal, int64_t count, struct event *line,
			   struct fault *fault)
{
	if (count_refusals(log, client, refusal, count, line->time_s, &line->count, fault) < 0)
		return -1;
	if (line->count == 0)
		return 0;
	line->kind = EVENT_REFUSED;
	line->by = client;
	line->type = refusal->type;
	return write_line(log, line, fault);
}

int record_refusal(struct refusal_log *log, const char *client, const struct refusal *refusal,
		   int64_t now_s, struct fault *fault)
{
	struct event line = {.time_s = now_s, .detail = refusal->detail};

	return record_refusals(log, client, refusal, 1, &line, fault);
}

int record_answer_refusals(struct refusal_log *log, const char *client,
			   const struct certificates_answer *answer, int64_t now_s,
			   struct fault *fault)
{
	const struct member_refusal *first = answer->refusals;
	CLEANUP(clear_buffer) struct buffer detail = {0};
	struct event line = {.time_s = now_s};

	if (is_refused(&answer->refusal))
		return record_refusal(log, client, &answer->refusal, now_s, fault);
	if (answer->refusal_count == 0)
		return 0;
	if (answer->refusal_count == 1)
		line.member = first->name;
	append_format(&detail, "refused %zu of %zu", answer->refusal_count,
		      answer->refusal_count + answer->certificate_count);
	for (size_t i = 0; i < answer->refusal_count && i < REFUSALS_SHOWN; i++)
		append_format(&detail, "; %s: %s: %.*s", answer->refusals[i].name,
			      answer->refusals[i].refusal.type, DETAIL_SHOWN,
			      answer->refusals[i].refusal.detail);
	if (check_buffer(&detail, fault) < 0)
		return -1;
	line.detail = (const char *)detail.data;
	return record_refusals(log, client, &first->refusal, (int64_t)answer->refusal_count, &line,
			       fault);
}

/* Takes the refusals of a client for which a line is due. False: there is none. */
static bool take_due(struct refusal_log *log, bool all, int64_t now_s,
		     struct refused_client *ret_client)
{
	struct refused_client *client;

	pthread_mutex_lock(&log->lock);
	client = log->clients;
	while (client != NULL && (client->count == 0 || (!all && is_paused(client, now_s))))
		client = client->next;
	if (client != NULL) {
		*ret_client = *client;
		client->count = 0;
		client->line_s = now_s;
	}
	pthread_mutex_unlock(&log->lock);
	return client != NULL;
}

int flush_refusals(struct refusal_log *log, bool all, int64_t now_s, struct fault *fault)
{
	struct refused_client client;

	while (take_due(log, all, now_s, &client)) {
		char detail[FAULT_TEXT_SIZE];
		const struct event line = {.kind = EVENT_REFUSED,
					   .time_s = now_s,
					   .by = client.name,
					   .type = client.refusal.type,
					   .detail = detail,
					   .count = client.count};

		(void)snprintf(detail, sizeof(detail), "%" PRId64 " more; the last: %s",
			       client.count, client.refusal.detail);
		if (write_line(log, &line, fault) < 0)
			return -1;
	}
	return 0;
}
