#ifndef CERTPOOL_CA_SHARED_LEASE_H
#define CERTPOOL_CA_SHARED_LEASE_H

#include "common/ca/store/store.h"

/*
 * What one front end does at a time: it takes a lease, for so many seconds of the database's clock.
 * Each taking has a token of its own, higher than those before: a process that hangs for longer
 * than its lease finds, in the transaction in which it would write, that the lease is not its own
 * any more, and changes nothing.
 */
struct transaction;

#define CRL_LEASE "crl"
#define CHECKPOINT_LEASE "checkpoint"
enum { CRL_LEASE_S = 20 };

struct lease {
	const char *name; /* static */
	int64_t token;
};

/* In a WRITE transaction, which makes it durable: */
int take_lease_within(struct transaction *transaction, const char *name, int64_t length_s,
		      struct lease *ret_lease, bool *ret_taken, struct fault *fault) MUST_CHECK;

/* *ret_taken false: another front end has it, or another process of this one. Its time is durable.
   Shape: in no transaction. */
int take_lease(struct store *store, const char *name, int64_t length_s, struct lease *ret_lease,
	       bool *ret_taken, struct fault *fault) MUST_CHECK;

/*
 * In the WRITE transaction that changes what the lease is about: the lease is this process's still,
 * and ends with the transaction's commit. Errors: FAULT_BUSY when its time is over.
 */
int spend_lease(struct transaction *transaction, const struct lease *lease,
		struct fault *fault) MUST_CHECK;

/* The front end that has the lease now; 0: none has. */
int read_lease_holder(struct store *store, const char *name, int64_t *ret_holder,
		      struct fault *fault) MUST_CHECK;

/* Ends a lease whose work failed, so that others need not wait for its end. */
void drop_lease(struct store *store, const struct lease *lease);

#endif
