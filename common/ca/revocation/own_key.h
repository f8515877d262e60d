#ifndef CERTPOOL_CA_REVOCATION_OWN_KEY_H
#define CERTPOOL_CA_REVOCATION_OWN_KEY_H

#include "common/ca/store/store.h"
#include "common/x509/issuer.h"

/*
 * A key that the CA makes for a part of its own, the OCSP responder or the TLS server, and its
 * certificate by one of the CA's issuers.
 */
struct own_key {
	struct private_key *key; /* NULL: none yet */
	struct certificate *certificate;
};

struct own_key_plan {
	const char *name;                  /* of the part, for messages */
	const char *member;                /* in the store, of the client "ca" */
	const char *subject;               /* RFC 4514 */
	const struct alt_names *alt_names; /* of the server; NULL: it is the responder */
	int64_t validity_s;
};

/*
 * Makes a key, certifies and records it. Its type is the issuer's, so that a program that can
 * verify a certificate can verify what this key signs; under an RSA issuer it has 2048 bits, which
 * are fast and enough for its lifetime. FAULT_REFUSED when the issuer's certificate has expired.
 */
int make_own_key(struct store *store, const struct issuer *issuer, const struct own_key_plan *plan,
		 int64_t now_s, struct own_key *ret_key, struct fault *fault) MUST_CHECK;
void clear_own_key(struct own_key *key);

/* Whether the key's certificate is valid, and not in the last third of its validity: then it is
   time for another one, unless its issuer ends with it. */
bool is_own_key_valid(const struct own_key *key, int64_t now_s);
bool is_own_key_old(const struct own_key *key, const struct issuer *issuer, int64_t now_s);

#endif
