#ifndef CERTPOOL_CA_SERVICE_MAINTENANCE_H
#define CERTPOOL_CA_SERVICE_MAINTENANCE_H

#include "common/ca/issue/authority.h"
#include "common/ca/revocation/crl_cache.h"
#include "common/ca/revocation/root_crl.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/issuers.h"
#include "common/net/server.h"

#include <stdatomic.h>

/*
 * The maintenance thread of a serving CA. About once a second it looks for a new issuer, and makes
 * the CRL of each issuer if it is due (renew_crl); it writes the lines of the audit log for
 * refusals that have none yet; and it counts the certificates for the metrics, rarely when counting
 * is slow: at most 1/100 of its time. A failure is logged and retried after a minute; a new
 * issuer that the database did not give, being away or busy, in the next round. The root's CRL,
 * which it cannot make, is looked at: that there is none, or that it ends soon, is logged once.
 *
 * It puts the time of the last fresh request into the record (record_attested_time), once an hour
 * and at the end.
 *
 * In a record that several front ends share, it notes a heartbeat in each round, and the audit
 * log's checkpoints; and what clients revoke here has its round half a second after the one before,
 * or at once, so that the CRL that all of them serve has it within the second in which the others
 * look at the record.
 *
 * Once a day it logs the warnings about the ends of the CA's certificates (ca_ends.h).
 *
 * It also watches the clock: a clock that jumps against the monotonic one by more than
 * CLOCK_JUMP_S, and a CRL that had to replace one from the future, are logged and counted, and are
 * a warning for CLOCK_WARNING_S: whatever was signed and decided meanwhile may have a wrong time.
 */
struct maintenance;

enum { CLOCK_JUMP_S = 60, CLOCK_WARNING_S = 86400 };

struct maintenance_settings {
	struct store *store;     /* outlives it */
	struct crl_caches *crls; /* outlives it */
	/* Looks once a second whether the CA has another issuer (refresh_issuers); NULL: it does
	   not. */
	int (*refresh)(void *context, struct fault *fault);
	void *refresh_context;
	struct refusal_log *refusals; /* outlives it */
	struct authority *authority;  /* outlives it */
	/* The time of the last fresh request, 0 before the first; outlives it, and may be NULL. */
	const atomic_int_least64_t *attested_s;
	http_log *log; /* may be NULL */
	void *log_context;
};

/* The first CRL is made before it returns, if one is due. */
int start_maintenance(const struct maintenance_settings *settings,
		      struct maintenance **ret_maintenance, struct fault *fault) MUST_CHECK;

/* Waits for the present round, and begins no other. */
void stop_maintenance(struct maintenance **maintenance);

struct maintenance_figures {
	bool counted; /* false: the five members after it are not known yet */
	struct store_summary summary;
	struct issuer_summary issuers[ISSUERS_MAX];
	size_t issuer_count;
	uint64_t issued;  /* by any process, since the first count */
	uint64_t revoked; /* the same */
	struct crl_info
		crl; /* of the issuers' CRLs the one that ends first; number 0: one has none */
	uint64_t clock_jumps;
	uint64_t future_crls;                /* replaced */
	char clock_warning[CA_WARNING_SIZE]; /* of the last day; "": none */
	struct crl_info root_crl;
	char root_crl_warning[CA_WARNING_SIZE]; /* there is none, or it ends soon; "": neither */
};

/* The figures of the last round. */
void read_maintenance_figures(struct maintenance *maintenance,
			      struct maintenance_figures *ret_figures);

#endif
