#ifndef CERTPOOL_CA_ISSUE_POLICY_H
#define CERTPOOL_CA_ISSUE_POLICY_H

#include "common/ca/store/clients.h"
#include "common/wire/claims.h"
#include "common/x509/csr.h"

/*
 * Refuses a request, in *refusal, whose key type, subject or any alternative name the client's
 * policy does not allow. The number of certificates is checked by insert_certificates.
 */
void check_policy(const struct client *client, const struct csr *csr, struct refusal *refusal);

#endif
