#ifndef CERTPOOL_CA_SERVICE_MAINTENANCE_H
#define CERTPOOL_CA_SERVICE_MAINTENANCE_H

#include "common/ca/revocation/crl_cache.h"
#include "common/net/server.h"

/*
 * What a serving CA does without being asked, on a thread of its own: about once a second it sees
 * to it that the CRL is current, so that one is made in time when nobody asks for it; and it counts
 * the certificates, for as little of its time as that takes much. What fails is logged, and tried
 * again later.
 */
struct maintenance;

struct maintenance_settings {
	struct store *store;   /* outlives it */
	struct crl_cache *crl; /* outlives it */
	http_log *log;         /* may be NULL */
	void *log_context;
};

int start_maintenance(const struct maintenance_settings *settings, struct maintenance **ret_upkeep,
		      struct fault *fault) MUST_CHECK;

/* Waits until what it is doing is done, and no longer. */
void stop_maintenance(struct maintenance **upkeep);

struct maintenance_figures {
	bool counted; /* else record says nothing yet */
	struct store_summary record;
	uint64_t issued;     /* since this began, by whichever process */
	uint64_t revoked;    /* the same */
	struct crl_info crl; /* number 0: there is none yet */
};

/* As of when they were last seen. */
void read_maintenance_figures(struct maintenance *upkeep, struct maintenance_figures *ret_figures);

#endif
