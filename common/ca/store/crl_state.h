#ifndef CERTPOOL_CA_STORE_CRL_STATE_H
#define CERTPOOL_CA_STORE_CRL_STATE_H

#include "common/ca/store/store.h"

/* What the record knows of its revocations as a whole, and of the CRL. */

struct crl_state {
	int64_t revision;     /* of the record now (certificate_status.h) */
	uint64_t number;      /* the last one given out, whether or not that CRL came into being */
	uint64_t standing;    /* that of the CRL that stands; 0: there is none */
	int64_t crl_revision; /* what the CRL that stands was made from; -1: there is none */
	int64_t this_update_s;
	int64_t next_update_s;
};

int read_crl_state(struct store *store, struct crl_state *ret_state,
		   struct fault *fault) MUST_CHECK;

/* Takes the next number: durable, and never given again. */
int reserve_crl_number(struct store *store, uint64_t *ret_number, struct fault *fault) MUST_CHECK;

/* Notes that the CRL of the state stands, with its event. */
int record_crl(struct store *store, const struct crl_state *state, int64_t now_s,
	       struct fault *fault) MUST_CHECK;

typedef int crl_entry_function(void *context, const uint8_t serial[static SERIAL_MAX],
			       int64_t revoked_at_s, int reason, struct fault *fault);

/*
 * What is revoked and does not end before a time, by serial, and the revision at that moment.
 */
int list_revoked(struct store *store, int64_t ends_from_s, crl_entry_function *function,
		 void *context, int64_t *ret_revision, struct fault *fault) MUST_CHECK;

#endif
