#ifndef CERTPOOL_CA_STORE_ABSORB_CRL_H
#define CERTPOOL_CA_STORE_ABSORB_CRL_H

#include "common/ca/store/store.h"
#include "common/x509/issuer_set.h"
#include "common/x509/revocation/crl_bundle.h"

/* What a CRL brought into the record. */
struct absorbed_crl {
	unsigned int issuer; /* its number */
	char number[CRL_NUMBER_TEXT_SIZE];
	int64_t this_update_s;
	bool newer; /* than the last CRL that the record knew */
	size_t entries;
	size_t revoked;       /* certificates of the record that were not revoked */
	size_t unrecorded;    /* revocations of certificates that the record lacks */
	struct buffer barred; /* names of NAME_SIZE octets each: the clients that were disabled */
};

void clear_absorbed_crl(struct absorbed_crl *absorbed);

/* The issuer of a CRL, with its number (issuers.h). */
struct crl_issuer {
	unsigned int number;
	const struct certificate *certificate;
};

/*
 * Takes a CRL of this CA into a record that may be older than the CRL, in one transaction with its
 * events: what the CRL lists is revoked, with the CRL's time and reason, also what the record lacks
 * (unrecorded.h); the next CRL's number is higher than this one's, and a new CRL is due. What is
 * revoked already stays as it is. The CRL may be out of date.
 *
 * A client that has a certificate revoked by this, and then none left that was valid when the CRL
 * was made, may have been barred: the CRL does not say. It is disabled, until it is enabled again.
 *
 * Errors: FAULT_UNVERIFIED unless the issuer signed the CRL.
 */
int absorb_crl(struct store *store, const struct crl *crl, const struct crl_issuer *issuer,
	       int64_t now_s, struct absorbed_crl *ret_absorbed, struct fault *fault) MUST_CHECK;

/* The roots of a CA, and the cross certificates by which they have certified each other. */
enum { CRL_ROOTS_MAX = 4 };

/* The issuers of a CA's CRLs, issuer 1 first, and the roots above them. Borrowed. */
struct crl_issuers {
	const struct certificate *certificates[ISSUERS_MAX];
	unsigned int count;
	const struct certificate *roots[CRL_ROOTS_MAX];
	unsigned int root_count;
};

/* The issuers of CRLs, as text (RFC 4514). Zero-initialised is empty. */
struct crl_names {
	char *names[CRL_BUNDLE_MAX];
	size_t count;
};

void clear_crl_names(struct crl_names *names);

/* What the CRLs of one file brought into the record. Zero-initialised is empty. */
struct absorbed_crls {
	struct absorbed_crl crls[CRL_BUNDLE_MAX];
	size_t count;
	struct crl_names left_out; /* by neither an issuer of this CA nor a root of it */
};

void clear_absorbed_crls(struct absorbed_crls *absorbed);

/*
 * Takes in the CRLs of a file, one in DER or those in PEM that certpool crl --chain writes: each
 * that an issuer of this CA has made. Of several, those by others are left out: those of its roots,
 * and those of issuers that are younger than the record, which are named. All signatures are
 * verified before the first is taken in. Empties *content. Errors: those of parse_crl_bundle;
 * FAULT_UNVERIFIED for one by none of the issuers.
 */
int absorb_crls(struct store *store, struct buffer *content, const struct crl_issuers *issuers,
		int64_t now_s, struct absorbed_crls *ret_absorbed, struct fault *fault) MUST_CHECK;

#endif
