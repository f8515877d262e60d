#ifndef CERTPOOL_POOL_REVOCATION_CRL_SOURCE_H
#define CERTPOOL_POOL_REVOCATION_CRL_SOURCE_H

#include "common/x509/revocation/crl.h"

/*
 * Whether certificates are revoked, by the CRL of a file or of an http URL. It is kept, and looked
 * for again: a file when it has changed, a URL at most once a minute. Of an issuer's CRLs none is
 * taken after a newer one (RFC 5280 section 5.2.3): who can replay an old one cannot undo a
 * revocation. Once a CRL was taken, only its issuer's are. Safe for several threads, of which one
 * at a time asks.
 *
 * It fails closed: without a CRL that is signed by the certificate's issuer and current, it cannot
 * be told how the certificate stands. A new CRL that is not to be relied on changes nothing while
 * the one before is current.
 *
 * Not done: the CRLs of those above the certificate's issuer; remembering beyond the process.
 */
struct crl_source;

/* How often a URL is asked: while there is a current CRL, and while there is none. */
enum { CRL_ASKED_EVERY_S = 60, CRL_RETRIED_EVERY_S = 5 };

/* place is the path of a file, or a URL, and is copied. Nothing is read yet. FAULT_USAGE. */
int new_crl_source(const char *place, struct crl_source **ret_source,
		   struct fault *fault) MUST_CHECK;
void free_crl_source(struct crl_source **source);

enum crl_status { CRL_GOOD, CRL_REVOKED, CRL_UNKNOWN };

struct crl_finding {
	enum crl_status standing;
	int64_t revoked_at_s; /* when revoked */
	int reason;           /* CRLReason */
	struct fault why;     /* when unknown: why, and what to do; FAULT_UNREACHABLE */
	/* The CRL that was asked; number "" when there was none. */
	char number[CRL_NUMBER_TEXT_SIZE];
	int64_t this_update_s;
	int64_t next_update_s;
};

/* issuer is whose certificate issued the certificate (find_issuer), verified (verify_chain). */
void consult_crl(struct crl_source *source, const struct certificate *issuer,
		 const struct certificate *certificate, int64_t at_s,
		 struct crl_finding *ret_finding);

/* "good", "revoked", "unknown" */
const char *format_crl_status(enum crl_status standing);

/* Rejects unless the CRL says that the certificate is good. */
void check_crl_source(struct crl_source *source, const struct certificate *issuer,
		      const struct certificate *certificate, int64_t at_s, struct verdict *verdict);

#endif
