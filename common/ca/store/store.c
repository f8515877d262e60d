#include "common/ca/store/store.h"

#include "common/base/clock.h"
#include "common/ca/store/driver.h"
#include "common/layout/store_url.h"
#include "common/wire/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The oldest commit that may stand behind an answer. */
enum { RECENT_S = 5 };

static const struct store_driver *driver_of(const char *location)
{
	return is_store_url(location) ? &postgresql_driver : &sqlite_driver;
}

int locate_store(const struct layout *layout, const struct ca_node *ca, char **ret_location,
		 struct fault *fault)
{
	char *location = NULL;

	if (ca->store != NULL)
		location = strdup(ca->store);
	else if (asprintf(&location, "%s/state/" STORE_FILE, layout->path) < 0)
		location = NULL;
	if (location == NULL)
		return set_memory_fault(fault);
	*ret_location = location;
	return 0;
}

int find_store(const char *location, bool *ret_found, struct fault *fault)
{
	return driver_of(location)->find(location, ret_found, fault);
}

int create_store(const char *location, struct fault *fault)
{
	return driver_of(location)->create(location, fault);
}

int open_store(const char *location, struct store **ret_store, struct fault *fault)
{
	struct store *store = NULL;

	if (driver_of(location)->open(location, &store, fault) < 0)
		return -1;
	store->front_end = FIRST_FRONT_END;
	init_joint_work(&store->insertions);
	*ret_store = store;
	return 0;
}

void free_store(struct store **store_pointer)
{
	struct store *store = TAKE(*store_pointer);

	if (store == NULL)
		return;
	destroy_joint_work(&store->insertions);
	store->driver->close(store);
}

const char *store_name(const struct store *store)
{
	return store->name;
}

bool is_shared_store(const struct store *store)
{
	return store->shared;
}

int64_t store_front_end(const struct store *store)
{
	return store->front_end;
}

void set_store_front_end(struct store *store, int64_t front_end)
{
	store->front_end = front_end;
}

void bar_store(struct store *store)
{
	atomic_store(&store->barred, true);
}

int check_not_barred(const struct store *store, struct fault *fault)
{
	if (!atomic_load(&store->barred))
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s: this front end was removed from the record, and changes nothing any "
			 "more: stop it, and join again, in a new layout",
			 store->name);
}

int check_store(struct store *store, struct fault *fault)
{
	if (check_not_barred(store, fault) < 0)
		return -1;
	return store->driver->check_health(store, fault);
}

int measure_reusable(struct store *store, uint64_t *ret_octets, struct fault *fault)
{
	return store->driver->measure_reusable(store, ret_octets, fault);
}

int64_t store_commit_age_s(struct store *store)
{
	return store->driver->commit_age_s(store);
}

int check_store_recent(struct store *store, struct fault *fault)
{
	int64_t age_s = store_commit_age_s(store);

	if (age_s == NO_COMMIT)
		return set_fault(fault, FAULT_BUSY, "%s: no commit yet: ask again", store->name);
	if (age_s < RECENT_S)
		return 0;
	return set_fault(fault, FAULT_BUSY,
			 "%s: no commit for %" PRId64 " s: look at the database and its standbys",
			 store->name, age_s);
}

/* A quarter longer: the clocks of two hosts do not run at quite the same speed. */
void settle_changes(const struct store *store)
{
	if (store->shared)
		sleep_us(SETTLING_US + SETTLING_US / 4);
}

void watch_revocations(struct store *store, revocation_function *function, void *context)
{
	store->revoked = function;
	store->revoked_context = context;
}

void settle_revocations(const struct store *store)
{
	if (store->revoked != NULL)
		store->revoked(store->revoked_context);
	settle_changes(store);
}

int confirm_store(struct store *store, struct fault *fault)
{
	return store->driver->confirm(store, fault);
}

int copy_store(struct store *store, const char *path, size_t *ret_certificates, struct fault *fault)
{
	return store->driver->copy(store, path, ret_certificates, fault);
}

void expect_insertion(struct store *store)
{
	expect_caller(&store->insertions);
}

void dismiss_insertion(struct store *store)
{
	dismiss_caller(&store->insertions);
}
