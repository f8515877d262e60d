#ifndef CERTPOOL_CA_STORE_PRUNE_H
#define CERTPOOL_CA_STORE_PRUNE_H

#include "common/ca/store/store.h"

/*
 * Takes certificates out of the record whose validity is over for long. Their public keys stay, so
 * that none is ever certified again, and so does the audit log, which gets their serials. What is
 * said of them is "unknown" from then on.
 */
struct prune_options {
	int64_t ended_before_s; /* not_after */
	int64_t crl_validity_s; /* what is revoked stays for as long as a CRL has it: choose_crl_cut
				 */
	int64_t now_s;
	bool dry_run; /* tell, and change nothing */
};

struct prune_summary {
	size_t certificates;
	size_t kept; /* are as old, and may still be on a CRL */
};

/* Told after each batch how far it is. */
typedef void prune_progress(void *context, size_t done, size_t total);

/*
 * In batches, each in a transaction of its own with its event, and with a pause after each: the
 * server waits for one batch at most. *ret_pruned says what was done also on failure.
 */
int prune_certificates(struct store *store, const struct prune_options *pruning,
		       prune_progress *progress, void *context, struct prune_summary *ret_pruned,
		       struct fault *fault) MUST_CHECK;

#endif
