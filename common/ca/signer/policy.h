#ifndef CERTPOOL_CA_SIGNER_POLICY_H
#define CERTPOOL_CA_SIGNER_POLICY_H

#include "common/ca/store/clients.h"
#include "common/wire/claims.h"
#include "common/x509/alt_name.h"

/* The names and the key type of a request, or of a certificate. */
struct named_key {
	enum key_type type;
	const char *subject; /* RFC 4514 */
	const struct alt_names *alt_names;
};

/* Whether the client's policy allows a certificate's subject, RFC 4514. */
bool matches_policy_subject(const struct client *client, const char *subject);

/*
 * Refuses, in *refusal, a key type, a subject and any alternative name that the client's policy
 * does not allow. The number of certificates is checked by insert_certificates.
 */
void check_policy(const struct client *client, const struct named_key *asked,
		  struct refusal *refusal);

#endif
