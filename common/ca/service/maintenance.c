#include "common/ca/service/maintenance.h"

#include "common/base/clock.h"
#include "common/base/periodic_thread.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	INTERVAL_MS = 1000,
	RETRY_S = 60,
	COUNT_SHARE = 100, /* counting takes at most this part of the time, whatever there is */
};

struct maintenance {
	struct maintenance_settings settings;
	struct periodic_thread *keeper;
	int64_t crl_from_s;    /* not before, after a failure */
	int64_t count_from_us; /* of the stopwatch: not before */
	pthread_mutex_t lock;  /* of the figures */
	struct maintenance_figures figures;
};

static void log_trouble(const struct maintenance *upkeep, const char *path,
			const struct fault *found)
{
	static const unsigned int internal_error = 500;

	if (upkeep->settings.log != NULL)
		upkeep->settings.log(upkeep->settings.log_context, "", path, internal_error,
				     found->text);
}

static void keep_crl(struct maintenance *upkeep)
{
	struct shared_body *body = NULL;
	struct crl_info info;
	struct fault found = {0};
	int64_t now_s = read_clock();

	if (now_s < upkeep->crl_from_s)
		return;
	if (get_crl(upkeep->settings.crl, now_s, &body, &info, &found) < 0) {
		log_trouble(upkeep, "/crl", &found);
		upkeep->crl_from_s = now_s + RETRY_S;
		return;
	}
	release_shared_body(&body);
	pthread_mutex_lock(&upkeep->lock);
	upkeep->figures.crl = info;
	pthread_mutex_unlock(&upkeep->lock);
}

static uint64_t growth(size_t before, size_t now)
{
	return now > before ? now - before : 0;
}

/* What was pruned makes the record smaller, and takes nothing back. */
static void add_count(struct maintenance_figures *figures, const struct store_summary *summary)
{
	if (figures->counted) {
		figures->issued += growth(figures->record.certificates, summary->certificates);
		figures->revoked += growth(figures->record.revoked, summary->revoked);
	}
	figures->counted = true;
	figures->record = *summary;
}

static void count_certificates(struct maintenance *upkeep)
{
	struct store_summary summary;
	struct fault found = {0};
	int64_t begun_us = read_stopwatch_us();
	int64_t ended_us;

	if (begun_us < upkeep->count_from_us)
		return;
	if (summarize_store(upkeep->settings.store, read_clock(), &summary, &found) < 0) {
		log_trouble(upkeep, "/metrics", &found);
		upkeep->count_from_us = begun_us + (int64_t)RETRY_S * 1000000;
		return;
	}
	ended_us = read_stopwatch_us();
	upkeep->count_from_us = ended_us + (ended_us - begun_us) * COUNT_SHARE;
	pthread_mutex_lock(&upkeep->lock);
	add_count(&upkeep->figures, &summary);
	pthread_mutex_unlock(&upkeep->lock);
}

static void keep(void *context)
{
	struct maintenance *upkeep = context;

	keep_crl(upkeep);
	count_certificates(upkeep);
}

int start_maintenance(const struct maintenance_settings *settings, struct maintenance **ret_upkeep,
		      struct fault *fault)
{
	CLEANUP(stop_maintenance) struct maintenance *upkeep = calloc(1, sizeof(*upkeep));

	if (upkeep == NULL)
		return set_memory_fault(fault);
	upkeep->settings = *settings;
	pthread_mutex_init(&upkeep->lock, NULL);
	if (start_periodic_thread(INTERVAL_MS, keep, upkeep, &upkeep->keeper, fault) < 0)
		return -1;
	*ret_upkeep = TAKE(upkeep);
	return 0;
}

void stop_maintenance(struct maintenance **pointer)
{
	struct maintenance *upkeep = TAKE(*pointer);

	if (upkeep == NULL)
		return;
	stop_periodic_thread(&upkeep->keeper);
	pthread_mutex_destroy(&upkeep->lock);
	free(upkeep);
}

void read_maintenance_figures(struct maintenance *upkeep, struct maintenance_figures *ret_figures)
{
	pthread_mutex_lock(&upkeep->lock);
	*ret_figures = upkeep->figures;
	pthread_mutex_unlock(&upkeep->lock);
}
