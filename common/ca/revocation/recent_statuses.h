#ifndef CERTPOOL_CA_REVOCATION_RECENT_STATUSES_H
#define CERTPOOL_CA_REVOCATION_RECENT_STATUSES_H

#include "common/ca/store/certificates.h"

/*
 * Statuses of certificates that were read from a record which several front ends share, so that not
 * every question is a question to its database too. A status is given out as long as one that was
 * read within the last SETTLING_US (store.h), of whichever certificate, was of the same revision:
 * whoever revokes waits for that long before it says so. Of fixed size: the serial chooses its
 * entry. Safe for several threads.
 */
struct recent_statuses;

/* recent_us: SETTLING_US, or 0, with which everything is read from the store each time. */
int new_recent_statuses(int64_t recent_us, struct recent_statuses **ret_recent,
			struct fault *fault) MUST_CHECK;
void free_recent_statuses(struct recent_statuses **recent);

/* Whether read_recent_status would give a status of that revision out without a reading, for half
   of the time that one may be old: so it is still true a little later. */
bool has_recent_status(struct recent_statuses *recent, unsigned int issuer, struct bytes serial,
		       int64_t *ret_revision);

/* As read_certificate_status. */
int read_recent_status(struct recent_statuses *recent, struct store *store, unsigned int issuer,
		       struct bytes serial, struct certificate_status *ret_status,
		       struct fault *fault) MUST_CHECK;

#endif
