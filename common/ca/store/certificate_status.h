#ifndef CERTPOOL_CA_STORE_CERTIFICATE_STATUS_H
#define CERTPOOL_CA_STORE_CERTIFICATE_STATUS_H

#include "common/ca/store/store.h"

/* What the record says of one certificate, and in which state the record was at that moment. */
struct certificate_status {
	int64_t revision; /* grows with each transaction that revoked something or took something
			     away: what was said under an older one is stale */
	bool found;
	bool revoked;
	int64_t revoked_at_s; /* when revoked */
	int reason;           /* the same: CRLReason */
};

/* All our serials have the same length, so that one of any other length is not found. */
int read_certificate_status(struct store *store, struct bytes serial,
			    struct certificate_status *ret_standing,
			    struct fault *fault) MUST_CHECK;

#endif
