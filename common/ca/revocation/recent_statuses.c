#include "common/ca/revocation/recent_statuses.h"

#include "common/base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 16384 };

struct status_entry {
	uint8_t serial[SERIAL_MAX];
	unsigned int issuer;
	struct certificate_status status; /* not found: the entry is free */
};

struct recent_statuses {
	int64_t recent_us;
	pthread_mutex_t lock;
	int64_t revision; /* the latest that was read */
	int64_t read_us;  /* of the uptime: when the last reading of that revision began */
	struct status_entry entries[ENTRIES];
};

int new_recent_statuses(int64_t recent_us, struct recent_statuses **ret_recent, struct fault *fault)
{
	struct recent_statuses *recent = calloc(1, sizeof(*recent));

	if (recent == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&recent->lock, NULL);
	recent->recent_us = recent_us;
	recent->read_us = INT64_MIN / 2;
	*ret_recent = recent;
	return 0;
}

void free_recent_statuses(struct recent_statuses **pointer)
{
	struct recent_statuses *recent = TAKE(*pointer);

	if (recent == NULL)
		return;
	pthread_mutex_destroy(&recent->lock);
	free(recent);
}

/* Serials are random. The lock is held. */
static struct status_entry *choose_status_entry(struct recent_statuses *recent, struct bytes serial)
{
	return &recent->entries[(serial.data[1] << 8 | serial.data[2]) % ENTRIES];
}

static bool find_recent(struct recent_statuses *recent, unsigned int issuer, struct bytes serial,
			int64_t since_us, struct certificate_status *ret_status)
{
	const struct status_entry *entry;
	bool found;

	pthread_mutex_lock(&recent->lock);
	entry = choose_status_entry(recent, serial);
	found = recent->read_us > since_us && entry->status.found &&
		entry->status.revision == recent->revision && entry->issuer == issuer &&
		memcmp(entry->serial, serial.data, SERIAL_MAX) == 0;
	if (found)
		*ret_status = entry->status;
	pthread_mutex_unlock(&recent->lock);
	return found;
}

bool has_recent_status(struct recent_statuses *recent, unsigned int issuer, struct bytes serial,
		       int64_t *ret_revision)
{
	struct certificate_status status;

	if (recent->recent_us == 0 || serial.len != SERIAL_MAX ||
	    !find_recent(recent, issuer, serial, read_uptime_us() - recent->recent_us / 2, &status))
		return false;
	*ret_revision = status.revision;
	return true;
}

/* An unknown certificate may be issued the next moment: its entry is not taken. */
static void keep_status(struct recent_statuses *recent, unsigned int issuer, struct bytes serial,
			int64_t began_us, const struct certificate_status *status)
{
	struct status_entry entry = {.issuer = issuer, .status = *status};

	memcpy(entry.serial, serial.data, SERIAL_MAX);
	pthread_mutex_lock(&recent->lock);
	if (status->revision > recent->revision ||
	    (status->revision == recent->revision && began_us > recent->read_us)) {
		recent->revision = status->revision;
		recent->read_us = began_us;
	}
	if (status->found)
		*choose_status_entry(recent, serial) = entry;
	pthread_mutex_unlock(&recent->lock);
}

int read_recent_status(struct recent_statuses *recent, struct store *store, unsigned int issuer,
		       struct bytes serial, struct certificate_status *ret_status,
		       struct fault *fault)
{
	bool use_cache = recent->recent_us > 0 && serial.len == SERIAL_MAX;
	int64_t began_us = read_uptime_us();
	struct certificate_status status;

	if (use_cache &&
	    find_recent(recent, issuer, serial, began_us - recent->recent_us, ret_status))
		return 0;
	if (read_certificate_status(store, issuer, serial, &status, fault) < 0)
		return -1;
	if (use_cache)
		keep_status(recent, issuer, serial, began_us, &status);
	*ret_status = status;
	return 0;
}
