#ifndef CERTPOOL_CA_REVOCATION_RESPONDER_KEY_H
#define CERTPOOL_CA_REVOCATION_RESPONDER_KEY_H

#include "common/ca/store/store.h"
#include "common/x509/issuer.h"

/*
 * What an OCSP responder signs with: a key that is in memory alone, and the certificate for it, by
 * the issuer, which lives for days and is in the record (client "ca", member "ocsp") before it is
 * used. So the issuer's key signs one certificate now and then, and no answers.
 */
struct responder_key {
	struct private_key *key; /* NULL: none yet */
	struct certificate *certificate;
};

enum { RESPONDER_VALIDITY_S = 7 * 86400 };

/* The key is of the issuer's type, so that whoever can verify a certificate can verify an answer;
   of RSA, for its time, 2048 bits. */
int make_responder_key(struct store *store, const struct issuer *issuer, int64_t now_s,
		       struct responder_key *ret_identity, struct fault *fault) MUST_CHECK;
void clear_responder_key(struct responder_key *identity);

/* Whether it can sign at that time. */
bool responder_key_is_valid(const struct responder_key *identity, int64_t now_s);

/* Whether it is to be replaced: a third of its life is left, unless it ends with its issuer. */
bool responder_key_is_due(const struct responder_key *identity, const struct issuer *issuer,
			  int64_t now_s);

#endif
