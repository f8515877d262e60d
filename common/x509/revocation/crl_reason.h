#ifndef CERTPOOL_X509_REVOCATION_CRL_REASON_H
#define CERTPOOL_X509_REVOCATION_CRL_REASON_H

#include "common/base/fault.h"

#include <stdbool.h>

/* Why a certificate was revoked: the numbers and names of CRLReason (RFC 5280 section 5.3.1). */

enum crl_reason {
	REASON_UNSPECIFIED = 0,
	REASON_KEY_COMPROMISE = 1,
	REASON_CA_COMPROMISE = 2,
	REASON_AFFILIATION_CHANGED = 3,
	REASON_SUPERSEDED = 4,
	REASON_CESSATION_OF_OPERATION = 5,
	REASON_CERTIFICATE_HOLD = 6,
	/* 7 is not used. */
	REASON_REMOVE_FROM_CRL = 8,
	REASON_PRIVILEGE_WITHDRAWN = 9,
	REASON_AA_COMPROMISE = 10,
};

bool valid_crl_reason(int reason);

/* The name; "unspecified" for an undefined number. */
const char *format_crl_reason(int reason);

/*
 * Parses the name of a reason to revoke for, in upper or lower case. Revocations are final, so
 * certificateHold and removeFromCRL are refused.
 * Errors: FAULT_USAGE, with a list of the names.
 */
int parse_crl_reason(const char *name, int *ret_reason, struct fault *fault) MUST_CHECK;

#endif
