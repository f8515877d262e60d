#include "common/net/body_budget.h"

#include "common/net/origin.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ORIGIN_PART = 4, RESERVE_PART = 8 };

struct origin_share {
	char origin[ORIGIN_SIZE];
	size_t octets;
};

struct body_budget {
	pthread_mutex_t lock;
	size_t most;
	size_t octets;
	struct origin_share *origins; /* those that have any, in any order */
	size_t count;
	size_t room;
};

int new_body_budget(size_t most_octets, struct body_budget **ret_budget, struct fault *fault)
{
	struct body_budget *budget = calloc(1, sizeof(*budget));

	if (budget == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&budget->lock, NULL);
	budget->most = most_octets;
	*ret_budget = budget;
	return 0;
}

void free_body_budget(struct body_budget **pointer)
{
	struct body_budget *budget = TAKE(*pointer);

	if (budget == NULL)
		return;
	pthread_mutex_destroy(&budget->lock);
	free(budget->origins);
	free(budget);
}

static struct origin_share *find_origin(struct body_budget *budget, const char *origin)
{
	for (size_t i = 0; i < budget->count; i++)
		if (strcmp(budget->origins[i].origin, origin) == 0)
			return &budget->origins[i];
	return NULL;
}

/* NULL: there is no memory. */
static struct origin_share *add_origin(struct body_budget *budget, const char *origin)
{
	size_t room = budget->room > 0 ? 2 * budget->room : 16;
	struct origin_share *grown;

	if (budget->count == budget->room) {
		grown = realloc(budget->origins, room * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		budget->origins = grown;
		budget->room = room;
	}
	grown = &budget->origins[budget->count++];
	*grown = (struct origin_share){0};
	memcpy(grown->origin, origin, strlen(origin));
	return grown;
}

static bool may_have(const struct body_budget *budget, size_t all, size_t of_origin, size_t octets)
{
	size_t most = budget->most;

	if (octets > SMALL_BODY_MAX)
		most -= budget->most / RESERVE_PART;
	return all <= most && of_origin <= budget->most / ORIGIN_PART;
}

/* The lock is held. */
static bool change_share(struct body_budget *budget, const char *origin, size_t octets,
			 size_t *share)
{
	struct origin_share *place = find_origin(budget, origin);
	size_t all = budget->octets - *share + octets;
	size_t of_origin = (place != NULL ? place->octets : 0) - *share + octets;

	if (octets > *share && !may_have(budget, all, of_origin, octets))
		return false;
	if (place == NULL)
		place = octets > 0 ? add_origin(budget, origin) : NULL;
	if (place == NULL)
		return octets == 0;
	place->octets = of_origin;
	budget->octets = all;
	*share = octets;
	if (of_origin == 0)
		*place = budget->origins[--budget->count];
	return true;
}

bool change_body_share(struct body_budget *budget, const char *origin, size_t octets, size_t *share)
{
	bool changed;

	if (octets == *share)
		return true;
	pthread_mutex_lock(&budget->lock);
	changed = change_share(budget, origin, octets, share);
	pthread_mutex_unlock(&budget->lock);
	return changed;
}
