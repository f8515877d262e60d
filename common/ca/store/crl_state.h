#ifndef CERTPOOL_CA_STORE_CRL_STATE_H
#define CERTPOOL_CA_STORE_CRL_STATE_H

#include "common/ca/store/store.h"
#include "common/x509/certificate.h"

/* The state of the record's revocations as a whole, and of the CRL of one of its issuers. CRLs of
   all issuers have one sequence of numbers, so that a number names one CRL of the CA. */
struct crl_state {
	unsigned int issuer; /* whose CRL it is (issuers.h) */
	int64_t revision;    /* of the record now: it grows with each transaction that revokes or
				prunes */
	uint64_t number;     /* the last one given out to any of them, whether or not that CRL was
				published */
	uint64_t current_number; /* of the current CRL; 0: there is none */
	int64_t crl_revision; /* of the record when the current CRL was made; -1: there is none */
	int64_t this_update_s;
	int64_t next_update_s;
	int64_t cut_s; /* the current CRL has the revoked certificates that end then or later; 0
			  when that is not known */
	int64_t serves_until_s; /* no CRL is made after it; INT64_MAX: of the newest issuer */
};

int read_crl_state(struct store *store, unsigned int issuer, struct crl_state *ret_state,
		   struct fault *fault) MUST_CHECK;

/* The first number from which on every CRL, of whichever issuer, is sure to have all that is
   revoked now: that of the current ones, or of the next one that is begun. */
int read_complete_crl_number(struct store *store, int64_t now_s, uint64_t *ret_number,
			     struct fault *fault) MUST_CHECK;

/* Takes the next number. It is durable, and never given out again. */
int reserve_crl_number(struct store *store, uint64_t *ret_number, struct fault *fault) MUST_CHECK;

/*
 * A CRL that replaces the current one (`before`) now has the revoked certificates that end at this
 * time or later. Source: RFC 5280 section 3.3: an entry is removed only after it has been on a CRL
 * that was made after the certificate's end. Here that CRL's validity must be over, too.
 */
int64_t choose_crl_cut(const struct crl_state *before, int64_t validity_s, int64_t now_s);

typedef int crl_entry_function(void *context, const uint8_t serial[static SERIAL_MAX],
			       int64_t revoked_at_s, int reason, struct fault *fault);

/* Lists the revoked certificates of an issuer that do not end before a time, by serial, and with
   them the revocations of unrecorded.h. *ret_revision is the record's at that moment. */
int list_revoked(struct store *store, unsigned int issuer, int64_t ends_from_s,
		 crl_entry_function *function, void *context, int64_t *ret_revision,
		 struct fault *fault) MUST_CHECK;

/* When the certificate of that serial ends, also one of unrecorded.h. */
int find_end(struct store *store, const uint8_t serial[static SERIAL_MAX], bool *ret_found,
	     int64_t *ret_end_s, struct fault *fault) MUST_CHECK;

/* Inside a transaction: */
struct transaction;
int query_crl_state(struct transaction *transaction, unsigned int issuer,
		    struct crl_state *ret_state, struct fault *fault) MUST_CHECK;

/* The last CRL number given out. */
int query_crl_number(struct transaction *transaction, uint64_t *ret_number,
		     struct fault *fault) MUST_CHECK;

/* Inside a WRITE transaction: */

/* Records that the CRL of the state is its issuer's current one from now on, with its event. detail
   is for the event; "": none. */
int record_crl(struct transaction *transaction, const struct crl_state *state, const char *detail,
	       int64_t now_s, struct fault *fault) MUST_CHECK;

/* Counts the revision up: every earlier answer is stale. */
int raise_revision(struct transaction *transaction, struct fault *fault) MUST_CHECK;

/*
 * For a record that lacks CRLs which were made, like one from a backup. The last number becomes at
 * least the one given, no issuer has a current CRL, and the revision is counted up.
 */
int forget_crl(struct transaction *transaction, int64_t number_from, uint64_t *ret_number,
	       struct fault *fault) MUST_CHECK;

#endif
