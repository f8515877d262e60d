#include "common/ca/store/store.h"

#include "common/ca/store/driver.h"
#include "common/wire/event.h"

#include <stdio.h>
#include <stdlib.h>

/* The one database so far. */
static const struct store_driver *const driver = &sqlite_driver;

int locate_store(const struct layout *layout, char **ret_path, struct fault *fault)
{
	if (asprintf(ret_path, "%s/state/" STORE_FILE, layout->path) < 0) {
		*ret_path = NULL;
		return set_memory_fault(fault);
	}
	return 0;
}

int create_store(const char *path, struct fault *fault)
{
	return driver->create(path, fault);
}

int open_store(const char *path, struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (driver->open(path, &store, fault) < 0)
		return -1;
	store->front_end = FIRST_FRONT_END;
	*ret_store = TAKE(store);
	return 0;
}

void free_store(struct store **store_pointer)
{
	struct store *store = TAKE(*store_pointer);

	if (store != NULL)
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

int check_store(struct store *store, struct fault *fault)
{
	return store->driver->check_health(store, fault);
}

int copy_store(struct store *store, const char *path, size_t *ret_certificates, struct fault *fault)
{
	return store->driver->copy(store, path, ret_certificates, fault);
}
