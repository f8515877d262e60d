#ifndef CERTPOOL_CA_ISSUE_ANSWER_STATUS_H
#define CERTPOOL_CA_ISSUE_ANSWER_STATUS_H

#include "common/ca/issue/authority.h"
#include "common/wire/status.h"
#include "common/wire/statuses.h"

/*
 * The status of a certificate: the CA's half of POST /v1/status. The certificate is found by issuer
 * and serial, and compared whole with the recorded one, so that nothing else in it needs to be
 * understood; a certificate that is not recorded, or not the same, is STATUS_UNKNOWN.
 * *ret_answer's claims are left to the caller.
 * Errors: FAULT_MALFORMED for octets that are no certificate (split_certificate).
 */
int answer_status(struct authority *authority, struct bytes der, int64_t now_s,
		  struct status_answer *ret_answer, struct fault *fault) MUST_CHECK;

/*
 * Which of a client's own certificates are revoked: the CA's half of POST /v1/statuses. A serial of
 * another client's certificate is as unknown as one that nobody has; the revocation of a
 * certificate that the record lacks (unrecorded.h) is told whoever asks, as a CRL tells it.
 * *ret_answer's claims are left to the caller.
 */
int answer_statuses(struct store *store, const char *client, const struct statuses_request *request,
		    struct statuses_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
