#include "common/net/shared_body.h"

#include <stdatomic.h>
#include <stdlib.h>

struct shared_body {
	struct buffer content;
	atomic_size_t holders;
	atomic_bool withdrawn;
};

int new_shared_body(struct buffer *content, struct shared_body **ret_body, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer taken = take_buffer(content);
	struct shared_body *body;

	if (check_buffer(&taken, fault) < 0)
		return -1;
	body = calloc(1, sizeof(*body));
	if (body == NULL)
		return set_memory_fault(fault);
	body->content = take_buffer(&taken);
	atomic_init(&body->holders, 1);
	atomic_init(&body->withdrawn, false);
	*ret_body = body;
	return 0;
}

struct shared_body *hold_shared_body(struct shared_body *body)
{
	(void)atomic_fetch_add(&body->holders, 1);
	return body;
}

void release_shared_body(struct shared_body **pointer)
{
	struct shared_body *body = TAKE(*pointer);

	if (body == NULL || atomic_fetch_sub(&body->holders, 1) > 1)
		return;
	clear_buffer(&body->content);
	free(body);
}

struct bytes shared_octets(const struct shared_body *body)
{
	return bytes_of_buffer(&body->content);
}

void withdraw_shared_body(struct shared_body *body)
{
	atomic_store(&body->withdrawn, true);
}

bool is_withdrawn(const struct shared_body *body)
{
	return atomic_load(&body->withdrawn);
}

static size_t count_octets(const struct retired_bodies *retired)
{
	size_t octets = 0;

	for (size_t i = 0; i < retired->count; i++)
		octets += retired->bodies[i]->content.len;
	return octets;
}

static void release_retired(struct retired_bodies *retired, size_t index)
{
	release_shared_body(&retired->bodies[index]);
	retired->count--;
	for (size_t i = index; i < retired->count; i++)
		retired->bodies[i] = retired->bodies[i + 1];
}

static void withdraw_oldest(struct retired_bodies *retired)
{
	withdraw_shared_body(retired->bodies[0]);
	release_retired(retired, 0);
}

void retire_shared_body(struct retired_bodies *retired, size_t most_octets,
			struct shared_body **body)
{
	sweep_retired_bodies(retired);
	if (*body == NULL)
		return;
	if (retired->count == RETIRED_BODIES_MAX)
		withdraw_oldest(retired);
	retired->bodies[retired->count++] = TAKE(*body);
	while (retired->count > 1 && count_octets(retired) > most_octets)
		withdraw_oldest(retired);
}

void sweep_retired_bodies(struct retired_bodies *retired)
{
	size_t i = 0;

	/* Only the holder of a reference can make another: nobody else has one, nor will. */
	while (i < retired->count)
		if (atomic_load(&retired->bodies[i]->holders) == 1)
			release_retired(retired, i);
		else
			i++;
}

void clear_retired_bodies(struct retired_bodies *retired)
{
	while (retired->count > 0)
		withdraw_oldest(retired);
}
