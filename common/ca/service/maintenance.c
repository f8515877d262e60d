#include "common/ca/service/maintenance.h"

#include "common/base/clock.h"
#include "common/base/periodic_thread.h"
#include "common/ca/shared/front_ends.h"
#include "common/ca/store/prune.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MICROSECONDS = 1000000, /* a second */
	INTERVAL_MS = 1000,
	HASTENED_MS = 500,
	CRL_RETRY_S = 10, /* until then nobody gets the CRL */
	RETRY_S = 60,
	ATTESTED_INTERVAL_S = 3600,
	ENDS_INTERVAL_S = 86400,
	COUNT_SHARE = 100, /* counting takes at most 1/COUNT_SHARE of the time */
};

struct maintenance {
	struct maintenance_settings settings;
	struct periodic_thread *thread; /* under the lock */
	/* Of the stopwatch, which a wrong clock does not move: */
	int64_t crl_from_us;      /* no CRL before then: the last attempt failed */
	int64_t issuers_from_us;  /* the same for a new issuer */
	int64_t lines_from_us;    /* the same for the lines of refusals */
	int64_t count_from_us;    /* no count before then */
	int64_t warning_until_us; /* about the clock */
	int64_t clock_lead_s;     /* of the clock over the stopwatch, in the last round */
	int64_t recorded_attested_s;
	int64_t ends_logged_s; /* of the clock; 0: not yet */
	int64_t checkpoint_from_us;
	bool heartbeat_failed;
	bool issuers_failed;
	pthread_mutex_t lock; /* of the figures, and of the thread's pointer */
	struct maintenance_figures figures;
};

static void log_text(const struct maintenance *maintenance, const char *path, unsigned int status,
		     const char *text)
{
	if (maintenance->settings.log != NULL)
		maintenance->settings.log(maintenance->settings.log_context, "", path, status,
					  text);
}

static void log_failure(const struct maintenance *maintenance, const char *path,
			const struct fault *failure)
{
	static const unsigned int internal_error = 500;

	log_text(maintenance, path, internal_error, failure->text);
}

/* Has /health warn for a day, then logs the text. *counter is one of the figures. */
static void warn_of_clock(struct maintenance *maintenance, const char *path, const char *text,
			  uint64_t *counter)
{
	static const unsigned int ok = 200;

	pthread_mutex_lock(&maintenance->lock);
	(void)snprintf(maintenance->figures.clock_warning,
		       sizeof(maintenance->figures.clock_warning), "%s", text);
	maintenance->warning_until_us =
		read_stopwatch_us() + (int64_t)CLOCK_WARNING_S * MICROSECONDS;
	++*counter;
	pthread_mutex_unlock(&maintenance->lock);
	log_text(maintenance, path, ok, text);
}

/* Compares how far the clock went with how far the stopwatch went, which nobody can set. */
static void watch_clock(struct maintenance *maintenance)
{
	int64_t now_s = read_clock();
	int64_t lead_s = now_s - read_stopwatch_us() / MICROSECONDS;
	int64_t jump_s = lead_s - maintenance->clock_lead_s;
	char now[TIME_TEXT_SIZE];
	char text[CA_WARNING_SIZE];

	maintenance->clock_lead_s = lead_s;
	if (jump_s >= -CLOCK_JUMP_S && jump_s <= CLOCK_JUMP_S)
		return;
	format_time(now_s, now);
	(void)snprintf(text, sizeof(text),
		       "the clock jumped by %" PRId64 " s, to %s, expected at most %d s: if it is "
		       "wrong now, set it right; if it was wrong before, look at what was issued "
		       "meanwhile: certpool list",
		       jump_s, now, CLOCK_JUMP_S);
	warn_of_clock(maintenance, "clock", text, &maintenance->figures.clock_jumps);
}

static void note_future_crl(struct maintenance *maintenance, const struct crl_info *info)
{
	char then[TIME_TEXT_SIZE];
	char text[CA_WARNING_SIZE];

	if (info->future_s == 0)
		return;
	format_time(info->future_s, then);
	(void)snprintf(text, sizeof(text),
		       "CRL number %" PRIu64 " replaces one from the future, whose thisUpdate is "
		       "%s: the clock was ahead when that was made, or is behind now: then set "
		       "it right",
		       info->number, then);
	warn_of_clock(maintenance, "/crl", text, &maintenance->figures.future_crls);
}

/* The one that ends first is the one to be looked at. */
static bool ends_before(const struct crl_info *info, const struct crl_info *other)
{
	return !info->ended && (other == NULL || info->next_update_s < other->next_update_s);
}

/* For a CRL. Clients cause revocations one by one: the rounds keep a distance. */
static void hasten_round(void *context)
{
	struct maintenance *maintenance = context;

	pthread_mutex_lock(&maintenance->lock);
	if (maintenance->thread != NULL)
		hasten_periodic_thread(maintenance->thread, HASTENED_MS);
	pthread_mutex_unlock(&maintenance->lock);
}

static int renew_crls(struct maintenance *maintenance, struct crl_info *ret_first,
		      struct fault *fault)
{
	struct crl_caches *crls = maintenance->settings.crls;
	struct crl_cache *cache;
	struct crl_info first = {0};
	struct fault failure = {0};
	bool any = false;

	/* One that fails keeps none of the others from being made. */
	for (unsigned int issuer = 1; (cache = find_crl_cache(crls, issuer)) != NULL; issuer++) {
		struct crl_info info = {0};

		if (renew_crl(cache, read_clock(), &info, &failure) < 0)
			continue;
		if (info.elsewhere)
			hasten_round(maintenance);
		note_future_crl(maintenance, &info);
		if (ends_before(&info, any ? &first : NULL)) {
			first = info;
			any = true;
		}
	}
	if (failure.class != FAULT_NONE)
		return pass_fault(&failure, fault);
	*ret_first = first;
	return 0;
}

static void refresh_crls(struct maintenance *maintenance)
{
	struct crl_info first;
	struct fault failure = {0};
	int64_t now_us = read_stopwatch_us();

	if (now_us < maintenance->crl_from_us)
		return;
	if (renew_crls(maintenance, &first, &failure) < 0) {
		log_failure(maintenance, "/crl", &failure);
		maintenance->crl_from_us = now_us + (int64_t)CRL_RETRY_S * MICROSECONDS;
		return;
	}
	pthread_mutex_lock(&maintenance->lock);
	maintenance->figures.crl = first;
	pthread_mutex_unlock(&maintenance->lock);
}

/* What a database refuses that is away or busy, it may give the next moment. */
static bool may_pass(const struct fault *failure)
{
	return failure->class == FAULT_BUSY || failure->class == FAULT_UNREACHABLE ||
	       failure->class == FAULT_INTERRUPTED;
}

/* After a failure the CA goes on with the issuers that it has. Of failures that may pass and follow
   each other, the first is logged. */
static void refresh_issuers_of(struct maintenance *maintenance)
{
	const struct maintenance_settings *settings = &maintenance->settings;
	struct fault failure = {0};
	int64_t now_us = read_stopwatch_us();

	if (settings->refresh == NULL || now_us < maintenance->issuers_from_us)
		return;
	if (settings->refresh(settings->refresh_context, &failure) == 0) {
		maintenance->issuers_failed = false;
		return;
	}
	if (!maintenance->issuers_failed || !may_pass(&failure))
		log_failure(maintenance, "/ca.crt", &failure);
	maintenance->issuers_failed = true;
	if (!may_pass(&failure))
		maintenance->issuers_from_us = now_us + (int64_t)RETRY_S * MICROSECONDS;
}

static void write_refusals(struct maintenance *maintenance)
{
	struct fault failure = {0};

	if (read_stopwatch_us() < maintenance->lines_from_us ||
	    flush_refusals(maintenance->settings.refusals, false, read_clock(), &failure) == 0)
		return;
	log_failure(maintenance, "/v1/certificates", &failure);
	maintenance->lines_from_us = read_stopwatch_us() + (int64_t)RETRY_S * MICROSECONDS;
}

/* The root signs another one only where its layout is: an operator has to see to it in time. */
static void watch_root_crl(struct maintenance *maintenance)
{
	struct root_crl_cache *root_crl = authority_root_crl(maintenance->settings.authority);
	CLEANUP(release_shared_body) struct shared_body *body = NULL;
	struct crl_info info = {0};
	struct fault failure = {0};
	int64_t now_s = read_clock();
	char end[TIME_TEXT_SIZE];
	char warning[CA_WARNING_SIZE] = "";
	bool warned;

	if (root_crl == NULL) {
		info = maintenance->figures.crl;
	} else if (get_root_crl(root_crl, &body, &info, &failure) < 0) {
		(void)snprintf(warning, sizeof(warning),
			       "the root's CRL is missing, or not as it should be: the log says "
			       "more; certpool crl --root, with the root's layout at hand, makes "
			       "another");
	} else if (is_root_crl_due(&info, now_s)) {
		format_time(info.next_update_s, end);
		(void)snprintf(warning, sizeof(warning),
			       "the root's CRL, number %" PRIu64 ", ends at %s: run certpool crl "
			       "--root, with the root's layout at hand",
			       info.number, end);
		set_fault(&failure, FAULT_FAILED, "%s", warning);
	}
	pthread_mutex_lock(&maintenance->lock);
	warned = maintenance->figures.root_crl_warning[0] != '\0';
	maintenance->figures.root_crl = info;
	memcpy(maintenance->figures.root_crl_warning, warning, sizeof(warning));
	pthread_mutex_unlock(&maintenance->lock);
	if (warning[0] != '\0' && !warned)
		log_failure(maintenance, "/root.crl", &failure);
}

/* By the clock, so that it is a day for people too, and a clock that jumped has it said again. */
static void watch_ends(struct maintenance *maintenance)
{
	static const unsigned int ok = 200;
	int64_t now_s = read_clock();
	int64_t since_s = now_s - maintenance->ends_logged_s;
	struct ca_warnings warnings;

	if (since_s > -ENDS_INTERVAL_S && since_s < ENDS_INTERVAL_S)
		return;
	maintenance->ends_logged_s = now_s;
	warn_of_authority(maintenance->settings.authority, now_s, &warnings);
	for (size_t i = 0; i < warnings.count; i++)
		log_text(maintenance, "/ca.crt", ok, warnings.texts[i]);
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
	struct issuer_summary issuers[ISSUERS_MAX];
	size_t count;
	struct fault failure = {0};
	int64_t begun_us = read_stopwatch_us();
	int64_t ended_us;

	if (begun_us < maintenance->count_from_us)
		return;
	if (summarize_store(maintenance->settings.store, read_clock(), &summary, &failure) < 0 ||
	    summarize_issuers(maintenance->settings.store, read_clock(), issuers, &count,
			      &failure) < 0) {
		log_failure(maintenance, "/metrics", &failure);
		maintenance->count_from_us = begun_us + (int64_t)RETRY_S * MICROSECONDS;
		return;
	}
	ended_us = read_stopwatch_us();
	maintenance->count_from_us = ended_us + (ended_us - begun_us) * COUNT_SHARE;
	pthread_mutex_lock(&maintenance->lock);
	update_figures(&maintenance->figures, &summary);
	memcpy(maintenance->figures.issuers, issuers, count * sizeof(*issuers));
	maintenance->figures.issuer_count = count;
	pthread_mutex_unlock(&maintenance->lock);
}

/* A time that goes back is recorded at once: the clock, and that client's, were wrong before. */
static void keep_attested_time(struct maintenance *maintenance, int64_t interval_s)
{
	const struct maintenance_settings *settings = &maintenance->settings;
	int64_t attested_s = settings->attested_s != NULL ? atomic_load(settings->attested_s) : 0;
	int64_t since_s = attested_s - maintenance->recorded_attested_s;
	struct fault failure = {0};

	if (attested_s == 0 || since_s == 0 || (since_s < interval_s && since_s > -CLOCK_JUMP_S))
		return;
	if (record_attested_time(settings->store, attested_s, &failure) < 0)
		log_failure(maintenance, "/metrics", &failure);
	/* After a failure, too: the next one is due in an hour. */
	maintenance->recorded_attested_s = attested_s;
}

/* In a record that several front ends share. Of failures that follow each other, the first is
   logged. */
static void show_presence(struct maintenance *maintenance)
{
	struct store *store = maintenance->settings.store;
	int64_t now_us = read_stopwatch_us();
	struct fault failure = {0};

	if (!is_shared_store(store))
		return;
	if (note_heartbeat(store, &failure) < 0 ||
	    (now_us >= maintenance->checkpoint_from_us &&
	     write_checkpoint(store, read_clock(), &failure) < 0)) {
		if (!maintenance->heartbeat_failed)
			log_failure(maintenance, "front-end", &failure);
		maintenance->heartbeat_failed = true;
		return;
	}
	maintenance->heartbeat_failed = false;
	if (now_us >= maintenance->checkpoint_from_us)
		maintenance->checkpoint_from_us = now_us + (int64_t)CHECKPOINT_S * MICROSECONDS;
}

static void run_round(void *context)
{
	struct maintenance *maintenance = context;

	show_presence(maintenance);
	watch_clock(maintenance);
	keep_attested_time(maintenance, ATTESTED_INTERVAL_S);
	refresh_issuers_of(maintenance);
	refresh_crls(maintenance);
	write_refusals(maintenance);
	watch_root_crl(maintenance);
	watch_ends(maintenance);
	count_store(maintenance);
}

int start_maintenance(const struct maintenance_settings *settings,
		      struct maintenance **ret_maintenance, struct fault *fault)
{
	CLEANUP(stop_maintenance)
	struct maintenance *maintenance = calloc(1, sizeof(*maintenance));
	struct periodic_thread *thread = NULL;

	if (maintenance == NULL)
		return set_memory_fault(fault);
	maintenance->settings = *settings;
	maintenance->clock_lead_s = read_clock() - read_stopwatch_us() / MICROSECONDS;
	pthread_mutex_init(&maintenance->lock, NULL);
	refresh_crls(maintenance);
	if (start_periodic_thread(INTERVAL_MS, run_round, maintenance, &thread, fault) < 0)
		return -1;
	pthread_mutex_lock(&maintenance->lock);
	maintenance->thread = thread;
	pthread_mutex_unlock(&maintenance->lock);
	if (is_shared_store(settings->store))
		watch_revocations(settings->store, hasten_round, maintenance);
	*ret_maintenance = TAKE(maintenance);
	return 0;
}

void stop_maintenance(struct maintenance **pointer)
{
	struct maintenance *maintenance = TAKE(*pointer);
	struct periodic_thread *thread;

	if (maintenance == NULL)
		return;
	watch_revocations(maintenance->settings.store, NULL, NULL);
	pthread_mutex_lock(&maintenance->lock);
	thread = TAKE(maintenance->thread);
	pthread_mutex_unlock(&maintenance->lock);
	stop_periodic_thread(&thread);
	keep_attested_time(maintenance, 0);
	pthread_mutex_destroy(&maintenance->lock);
	free(maintenance);
}

void read_maintenance_figures(struct maintenance *maintenance,
			      struct maintenance_figures *ret_figures)
{
	pthread_mutex_lock(&maintenance->lock);
	*ret_figures = maintenance->figures;
	if (read_stopwatch_us() >= maintenance->warning_until_us)
		ret_figures->clock_warning[0] = '\0';
	pthread_mutex_unlock(&maintenance->lock);
}
