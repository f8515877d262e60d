#include "common/ca/service/maintenance.h"

#include "common/base/clock.h"
#include "common/base/periodic_thread.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	INTERVAL_MS = 1000,
	RETRY_S = 60,
	COUNT_SHARE = 100, /* counting takes at most 1/COUNT_SHARE of the time */
};

struct maintenance {
	struct maintenance_settings settings;
	struct periodic_thread *thread;
	int64_t crl_from_s;    /* no CRL before then: the last attempt failed */
	int64_t count_from_us; /* of the stopwatch: no count before then */
	pthread_mutex_t lock;  /* of the figures */
	struct maintenance_figures figures;
};

static void log_failure(const struct maintenance *maintenance, const char *path,
			const struct fault *failure)
{
	static const unsigned int internal_error = 500;

	if (maintenance->settings.log != NULL)
		maintenance->settings.log(maintenance->settings.log_context, "", path,
					  internal_error, failure->text);
}

static void refresh_crl(struct maintenance *maintenance)
{
	struct shared_body *body = NULL;
	struct crl_info info;
	struct fault failure = {0};
	int64_t now_s = read_clock();

	if (now_s < maintenance->crl_from_s)
		return;
	if (get_crl(maintenance->settings.crl, now_s, &body, &info, &failure) < 0) {
		log_failure(maintenance, "/crl", &failure);
		maintenance->crl_from_s = now_s + RETRY_S;
		return;
	}
	release_shared_body(&body);
	pthread_mutex_lock(&maintenance->lock);
	maintenance->figures.crl = info;
	pthread_mutex_unlock(&maintenance->lock);
}

/* 0 when pruning made the count smaller: a counter of a metric never decreases. */
static uint64_t growth(size_t before, size_t now)
{
	return now > before ? now - before : 0;
}

static void update_figures(struct maintenance_figures *figures, const struct store_summary *summary)
{
	if (figures->counted) {
		figures->issued += growth(figures->summary.certificates, summary->certificates);
		figures->revoked += growth(figures->summary.revoked, summary->revoked);
	}
	figures->counted = true;
	figures->summary = *summary;
}

static void count_store(struct maintenance *maintenance)
{
	struct store_summary summary;
	struct fault failure = {0};
	int64_t begun_us = read_stopwatch_us();
	int64_t ended_us;

	if (begun_us < maintenance->count_from_us)
		return;
	if (summarize_store(maintenance->settings.store, read_clock(), &summary, &failure) < 0) {
		log_failure(maintenance, "/metrics", &failure);
		maintenance->count_from_us = begun_us + (int64_t)RETRY_S * 1000000;
		return;
	}
	ended_us = read_stopwatch_us();
	maintenance->count_from_us = ended_us + (ended_us - begun_us) * COUNT_SHARE;
	pthread_mutex_lock(&maintenance->lock);
	update_figures(&maintenance->figures, &summary);
	pthread_mutex_unlock(&maintenance->lock);
}

static void run_round(void *context)
{
	struct maintenance *maintenance = context;

	refresh_crl(maintenance);
	count_store(maintenance);
}

int start_maintenance(const struct maintenance_settings *settings,
		      struct maintenance **ret_maintenance, struct fault *fault)
{
	CLEANUP(stop_maintenance)
	struct maintenance *maintenance = calloc(1, sizeof(*maintenance));

	if (maintenance == NULL)
		return set_memory_fault(fault);
	maintenance->settings = *settings;
	pthread_mutex_init(&maintenance->lock, NULL);
	if (start_periodic_thread(INTERVAL_MS, run_round, maintenance, &maintenance->thread,
				  fault) < 0)
		return -1;
	*ret_maintenance = TAKE(maintenance);
	return 0;
}

void stop_maintenance(struct maintenance **pointer)
{
	struct maintenance *maintenance = TAKE(*pointer);

	if (maintenance == NULL)
		return;
	stop_periodic_thread(&maintenance->thread);
	pthread_mutex_destroy(&maintenance->lock);
	free(maintenance);
}

void read_maintenance_figures(struct maintenance *maintenance,
			      struct maintenance_figures *ret_figures)
{
	pthread_mutex_lock(&maintenance->lock);
	*ret_figures = maintenance->figures;
	pthread_mutex_unlock(&maintenance->lock);
}
