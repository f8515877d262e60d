#ifndef CERTPOOL_X509_REVOCATION_CRL_REASON_H
#define CERTPOOL_X509_REVOCATION_CRL_REASON_H

#include "common/base/fault.h"

#include <stdbool.h>

/* Why a certificate was revoked: the numbers and names of RFC 5280 section 5.3.1 CRLReason. */

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

/* "unspecified" for a number that is none of them. */
const char *format_crl_reason(int reason);

/*
 * A reason to revoke for, by its name, as it is written in the RFC or in any other case. Nothing is
 * ever un-revoked, so that certificateHold and removeFromCRL are none.
 * Errors: FAULT_USAGE, with the names.
 */
int parse_crl_reason(const char *name, int *ret_reason, struct fault *fault) MUST_CHECK;

#endif
