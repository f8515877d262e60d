#ifndef CERTPOOL_CA_CHECK_FINDINGS_H
#define CERTPOOL_CA_CHECK_FINDINGS_H

#include "common/ca/check/check_ca.h"
#include "common/ca/store/session.h"

/* The parts of check_ca.c. */
enum { CHECK_ISSUERS = 2 };

struct checking {
	const struct check_options *terms;
	struct check_summary summary;
	/* The CA's certificates, the one that issues first. */
	struct certificate *issuers[CHECK_ISSUERS];
	size_t issuer_count;
};

#define ADVICE_RESTORE "restore the record from a backup"

/* Tells a finding. The format gives its text. */
int report(struct checking *checking, const char *where, const char *advice, struct fault *fault,
	   const char *format, ...) __attribute__((format(printf, 5, 6))) MUST_CHECK;

/* Root, certificate and key: fills checking->issuers. */
int check_identity(struct checking *checking, struct fault *fault) MUST_CHECK;

/* Owner and permissions of the layout's directories and files. */
int check_files(struct checking *checking, struct fault *fault) MUST_CHECK;

/* Every certificate of the record. */
int check_certificates(struct session *session, struct checking *checking,
		       struct fault *fault) MUST_CHECK;

/* What the log says of certificates, against the record. */
int check_log(struct session *session, struct checking *checking, struct fault *fault) MUST_CHECK;

/* The CRL in the layout, against the record. */
int check_current_crl(struct checking *checking, struct fault *fault) MUST_CHECK;

#endif
