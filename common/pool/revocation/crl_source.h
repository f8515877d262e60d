#ifndef CERTPOOL_POOL_REVOCATION_CRL_SOURCE_H
#define CERTPOOL_POOL_REVOCATION_CRL_SOURCE_H

#include "common/x509/revocation/crl.h"

/*
 * Says whether certificates are revoked, by the CRLs in files or at URLs, each of which may
 * have several (crl_bundle.h): those of all CAs of a path. The CRLs are cached, one for each
 * issuer. A file is read again when it has changed, a URL is fetched again after CRL_REFRESH_S, by
 * whoever needs it or, in a server, in the background (fetch_crls_in_background). The signature of
 * a CRL is verified before its entries are read and sorted. After an issuer's CRL has been
 * accepted, only a CRL that is signed by the same key and not older (RFC 5280 section 5.2.3)
 * replaces it: replaying an old CRL cannot undo a revocation. Safe for several threads: one fetches
 * and verifies, without a lock, and the others judge by the current CRL that is cached, or wait if
 * there is none.
 *
 * It fails closed: without a current CRL that is signed by the certificate's issuer, the status is
 * CRL_UNKNOWN. A new CRL that is rejected changes nothing while the cached one is current.
 *
 * Not done: a cache that outlives the process.
 */
struct crl_source;

/* How often a URL is fetched: with a current CRL, and without one. */
enum { CRL_REFRESH_S = 60, CRL_RETRY_S = 5 };

enum { CRL_LOCATIONS_MAX = 8 };

/*
 * A location is a URL if it has "://" in it, and the path of a file otherwise; it is copied.
 * `roots` is as of struct http_client_settings, for https. Nothing is read yet. Errors: FAULT_USAGE
 * for another URL, for https without roots, and for more than CRL_LOCATIONS_MAX locations.
 */
int new_crl_source(const char *const *locations, size_t count, const char *roots,
		   struct crl_source **ret_source, struct fault *fault) MUST_CHECK;
/* Ends a fetch in progress at once. Accepts NULL. */
void free_crl_source(struct crl_source **source);

/*
 * Starts a thread that fetches the URLs, at once and then in their intervals. From then on
 * consult_crl never waits for a network: without a CRL the status is unknown, at once. The first
 * answers are waited for here, for a second at most: a server that starts has its CRLs, unless the
 * others are slow.
 */
int fetch_crls_in_background(struct crl_source *source, struct fault *fault) MUST_CHECK;

enum crl_status { CRL_GOOD, CRL_REVOKED, CRL_UNKNOWN };

struct crl_finding {
	const struct certificate *certificate; /* that it is about; borrowed */
	size_t step; /* of consult_path: the certificate's place on the path; 0 is the member's */
	enum crl_status status;
	int64_t revoked_at_s; /* if revoked */
	int reason;           /* if revoked: CRLReason */
	struct fault problem; /* if unknown: FAULT_UNREACHABLE, with the reason and what to do */
	/* The issuer's cached CRL; number is "" if there is none. */
	char number[CRL_NUMBER_TEXT_SIZE];
	int64_t this_update_s;
	int64_t next_update_s;
};

/* Looks the certificate up. issuer is its issuer's certificate (find_issuer), which the caller has
   verified (verify_chain). */
void consult_crl(struct crl_source *source, const struct certificate *issuer,
		 const struct certificate *certificate, int64_t at_s,
		 struct crl_finding *ret_finding);

/* "good", "revoked", "unknown" */
const char *format_crl_status(enum crl_status status);

#endif
