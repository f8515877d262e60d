#ifndef CERTPOOL_CA_ISSUE_POLICY_H
#define CERTPOOL_CA_ISSUE_POLICY_H

#include "common/ca/store/clients.h"
#include "common/wire/claims.h"
#include "common/x509/csr.h"

/*
 * Holds what a request asks for against what the CA allows this client: the type of its key,
 * its subject, each of its alternative names. A request that is not allowed is refused: *refusal is
 * filled. How many certificates the client may have is insert_certificates' matter.
 */
void check_policy(const struct client *client, const struct csr *csr, struct refusal *refusal);

#endif
