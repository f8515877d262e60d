#ifndef CERTPOOL_CA_ISSUE_ANSWER_STATUS_H
#define CERTPOOL_CA_ISSUE_ANSWER_STATUS_H

#include "common/ca/issue/authority.h"
#include "common/wire/status.h"

/*
 * The status of a certificate: the CA's half of POST /v1/status. The certificate is found by issuer
 * and serial, and compared whole with the recorded one, so that nothing else in it needs to be
 * understood; a certificate that is not recorded, or not the same, is STATUS_UNKNOWN.
 * *ret_answer's claims are left to the caller.
 * Errors: FAULT_MALFORMED for octets that are no certificate (split_certificate).
 */
int answer_status(struct authority *authority, struct bytes der, int64_t now_s,
		  struct status_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
