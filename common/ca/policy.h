#ifndef CERTPOOL_CA_POLICY_H
#define CERTPOOL_CA_POLICY_H

#include "common/layout/manifest.h"
#include "common/wire/claims.h"
#include "common/x509/csr.h"

/*
 * Holds what a request asks for against what the manifest allows this client: the type of its key,
 * its subject, each of its alternative names. A request that is not allowed is refused: *refusal is
 * filled. How many certificates the client may have is insert_records' matter.
 */
void check_policy(const struct client_node *client, const struct csr *csr, struct refusal *refusal);

#endif
