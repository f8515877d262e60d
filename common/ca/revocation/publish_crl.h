#ifndef CERTPOOL_CA_REVOCATION_PUBLISH_CRL_H
#define CERTPOOL_CA_REVOCATION_PUBLISH_CRL_H

#include "common/ca/store/crl_state.h"
#include "common/layout/layout.h"
#include "common/x509/issuer.h"

/*
 * The current CRL of each issuer of the CA in its layout (DER): cert/ca.crl is issuer 1's, and
 * cert/ca.N.crl that of a later one. A process that makes one, the server or a
 * verb, holds the lock state/crl. A process that waited for the lock uses the CRL just made if it
 * is current, so that a burst of revocations makes one. In a record that several front ends share
 * the record has the CRL, the file is a copy, and who makes one holds a lease, too
 * (recorded_crl.h).
 */
#define CRL_FILE "ca.crl"
void name_crl(unsigned int issuer, char ret_name[static FILE_NAME_SIZE]);

struct ca_crl_options {
	struct store *store;
	const struct layout *layout;
	unsigned int number;         /* of the issuer */
	const struct issuer *issuer; /* only to make a CRL */
	int64_t validity_s;
	bool no_waiting; /* not for another front end that makes one now: the CRL before is
			    described then */
};

struct crl_info {
	uint64_t number;
	int64_t this_update_s;
	int64_t next_update_s;
	bool made;      /* now; false: the present one is current, or: */
	bool elsewhere; /* another front end makes one now, which may lack the latest revocations */
	bool ended;     /* the issuer has no certificate left that is valid, and no CRL any more */
	size_t entries; /* only when made now */
	int64_t future_s; /* only when made now: the thisUpdate of the CRL before, if that was from
			     the future; 0: it was not */
};

enum crl_publishing {
	CRL_WHEN_DUE,
	CRL_WHEN_OLD, /* when it is due, but not for revocations alone */
	CRL_ANYWAY,   /* even when the present one is current */
};

/*
 * Makes a CRL unless the present one is current: it lists every revoked certificate, a third of its
 * validity is left, and it is not from the future. The number always grows. thisUpdate never
 * decreases, unless the present one is more than CRL_SKEW_S in the future: then the clock was wrong
 * when that was made, no verifier takes it, and the new one has the time that it is. An entry
 * leaves the CRL as choose_crl_cut says. For an issuer that has ended nothing is made. Errors:
 * FAULT_REFUSED when the issuer is not valid at
 * now_s; the CRL's number is not used then. FAULT_UNVERIFIED, an alarm, when the new CRL may not
 * take the place of the one that stands (succession.h): it is not published.
 */
int publish_crl(const struct ca_crl_options *options, enum crl_publishing mode, int64_t now_s,
		struct crl_info *ret_info, struct fault *fault) MUST_CHECK;

/* FAULT_FAILED, with the reason, unless the present CRL is current, or its issuer has ended. */
int check_crl(const struct ca_crl_options *options, int64_t now_s, struct fault *fault) MUST_CHECK;

/* The CRL that the record names as the current one. */
struct crl_info describe_crl(const struct crl_state *state, int64_t now_s);

/* Reads the file of the CRL that publish_crl made. */
int read_crl(const struct layout *layout, unsigned int issuer, struct buffer *ret_der,
	     struct fault *fault) MUST_CHECK;

#endif
