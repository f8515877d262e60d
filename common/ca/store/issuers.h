#ifndef CERTPOOL_CA_STORE_ISSUERS_H
#define CERTPOOL_CA_STORE_ISSUERS_H

#include "common/ca/store/store.h"
#include "common/x509/issuer_set.h"

/*
 * The issuers of the record: the certificates under which the CA issues, or once did. They are
 * numbered from 1 in the order in which they began, without a gap, and a number is for good. Each
 * has a CRL of its own (crl_state.h), which has one sequence of numbers with those of the others.
 * Issuer 1 has a row from the beginning, which has its certificate once the CA was opened.
 */
enum {
	ANY_ISSUER = 0, /* of a revocation: its certificate is not known (unrecorded.h) */
	FIRST_ISSUER = 1,
};

struct issuer_record {
	unsigned int number;
	int64_t not_after_s;
	int64_t serves_until_s; /* its CRL and its OCSP answers end then: with the last certificate
				   below it; for the newest its own end */
	struct buffer der;      /* empty: issuer 1 of a CA that was not opened yet */
};

void clear_issuer_record(struct issuer_record *record);

/* Called for one issuer, which is borrowed, in the order of their numbers. */
typedef int issuer_function(void *context, const struct issuer_record *record, struct fault *fault);

int list_issuers(struct store *store, issuer_function *function, void *context,
		 struct fault *fault) MUST_CHECK;

/* What the record knows of an issuer. */
struct issuer_summary {
	unsigned int number;
	int64_t not_after_s; /* 0: issuer 1 of a CA that was not opened yet */
	int64_t serves_until_s;
	uint64_t crl_number; /* of its current CRL; 0: none */
	size_t certificates;
	size_t valid; /* neither expired nor revoked */
};

/* In the order of their numbers, with no figures of their certificates. */
int describe_issuers(struct store *store, struct issuer_summary ret_issuers[static ISSUERS_MAX],
		     size_t *ret_count, struct fault *fault) MUST_CHECK;

/* The same with these figures: a look at every certificate. */
int summarize_issuers(struct store *store, int64_t now_s,
		      struct issuer_summary ret_issuers[static ISSUERS_MAX], size_t *ret_count,
		      struct fault *fault) MUST_CHECK;

/* The number of the newest. */
int read_newest_issuer(struct store *store, unsigned int *ret_number,
		       struct fault *fault) MUST_CHECK;

/*
 * Records the issuer of that number, with its event, unless the record has it. The one before it
 * serves from then on until the last certificate has ended that it issued or may yet issue, for a
 * process that has not heard of the new one: at `last_end_s` at the latest, if the record has no
 * later one; and `after_s` longer, so that each revocation is once on a CRL after its certificate's
 * end.
 *
 * Errors: FAULT_REFUSED for another certificate than the one recorded under the number, and for a
 * number that is not the next one.
 */
struct new_issuer {
	unsigned int number;
	const struct certificate *certificate;
	int64_t last_end_s;
	int64_t after_s;
	int64_t now_s;
};

/* Puts a further certificate of a recorded issuer's name and key, by a new root, into its row. When
   that ends earlier than the issuer would have served, it serves until then. */
int replace_issuer_certificate(struct store *store, unsigned int number,
			       const struct certificate *certificate,
			       struct fault *fault) MUST_CHECK;

/* Has an issuer, under which nothing is issued any more, serve for `after_s` after the end of the
   last certificate that it issued, or until its own end if that is earlier. */
int end_issuer(struct store *store, unsigned int number, int64_t after_s,
	       struct fault *fault) MUST_CHECK;

int record_issuer(struct store *store, const struct new_issuer *issuer, bool *ret_recorded,
		  struct fault *fault) MUST_CHECK;

/* The same in a WRITE. */
struct transaction;
int record_issuer_within(struct transaction *transaction, const struct new_issuer *issuer,
			 bool *ret_recorded, struct fault *fault) MUST_CHECK;

#endif
