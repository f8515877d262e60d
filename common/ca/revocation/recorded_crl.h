#ifndef CERTPOOL_CA_REVOCATION_RECORDED_CRL_H
#define CERTPOOL_CA_REVOCATION_RECORDED_CRL_H

#include "common/ca/revocation/publish_crl.h"
#include "common/ca/shared/lease.h"

/*
 * Where the current CRL is. In a record that several front ends share, it is the record that has
 * it, and the file in the layout is this front end's copy. Otherwise it is the file. The functions
 * here know of the difference, and nobody else.
 */

/* Brings the copy up to date. The state is the issuer's, just read. Does nothing for a record that
   is not shared. */
int take_recorded_crl(const struct ca_crl_options *options, const struct crl_state *state,
		      struct fault *fault) MUST_CHECK;

/*
 * Begins to make a CRL. *ret_mine false: another front end makes one now. In a record that is not
 * shared, the caller's lock alone keeps others away. Otherwise a lease does, until install_crl or
 * drop_publisher.
 */
struct publisher {
	const struct ca_crl_options *options;
	struct lease lease; /* name NULL: there is none */
	bool elsewhere;     /* a CRL is due, and another front end makes one now */
};

int begin_publisher(struct publisher *publisher, bool *ret_mine, struct fault *fault) MUST_CHECK;
void drop_publisher(struct publisher *publisher);

/* Makes the CRL the current one, with its event. Errors: FAULT_BUSY when the lease ended: nothing
   was changed. */
int install_crl(struct publisher *publisher, const struct crl_state *state, struct bytes der,
		const char *detail, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
