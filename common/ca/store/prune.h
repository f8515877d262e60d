#ifndef CERTPOOL_CA_STORE_PRUNE_H
#define CERTPOOL_CA_STORE_PRUNE_H

#include "common/ca/store/store.h"

/*
 * Removes certificates from the record that ended long ago. Their public keys stay, so that none is
 * ever certified again, and so does the audit log, which receives their serials. The CA's answer
 * for such a certificate is "unknown" from then on.
 */
struct prune_options {
	int64_t ended_before_s; /* not_after, by a clock that can be trusted */
	int64_t now_s;          /* for the events */
	bool dry_run;           /* count, and change nothing */
};

/*
 * When a client's request last showed that this clock is right: the time in the request, by the
 * client's clock, which must be within FRESHNESS_WINDOW_S of this one. The clock alone is no reason
 * to delete anything: when it is years ahead, all that lives has ended. What the clock itself put
 * into the record (a CRL, a start) attests nothing. 0: no request did yet.
 */
int read_attested_time(struct store *store, int64_t *ret_attested_s,
		       struct fault *fault) MUST_CHECK;
int record_attested_time(struct store *store, int64_t attested_s, struct fault *fault) MUST_CHECK;

struct prune_summary {
	size_t certificates;
	size_t kept; /* ended as long ago, and may still be on the CRL: crl_state.cut_s */
};

/* Called after each batch. */
typedef void prune_progress(void *context, size_t done, size_t total);

/*
 * Prunes in batches, each in a transaction of its own with its event, and pauses after each: a
 * server waits for one batch at most. progress may be NULL. *ret_pruned is filled on failure, too.
 */
int prune_certificates(struct store *store, const struct prune_options *options,
		       prune_progress *progress, void *context, struct prune_summary *ret_pruned,
		       struct fault *fault) MUST_CHECK;

#endif
