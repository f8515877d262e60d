#ifndef CERTPOOL_CA_REVOCATION_RESPONDER_KEY_H
#define CERTPOOL_CA_REVOCATION_RESPONDER_KEY_H

#include "common/ca/store/store.h"
#include "common/x509/issuer.h"

/*
 * What an OCSP responder signs with: a key that is in memory alone, and the certificate for it, by
 * the issuer, which lives for days and is in the record (client "ca", member "ocsp") before it is
 * used. So the issuer's key signs one certificate now and then, and no answers.
 */
struct responder_identity {
	struct private_key *key; /* NULL: none yet */
	struct certificate *certificate;
};

enum { RESPONDER_VALIDITY_S = 7 * 86400 };

/* The key is of the issuer's type, so that whoever can verify a certificate can verify an answer;
   of RSA, for its time, 2048 bits. */
int make_identity(struct store *store, const struct issuer *issuer, int64_t now_s,
		  struct responder_identity *ret_identity, struct fault *fault) MUST_CHECK;
void clear_identity(struct responder_identity *identity);

/* Whether it can sign at that time. */
bool identity_stands(const struct responder_identity *identity, int64_t now_s);

/* Whether it is to be replaced: a third of its life is left, unless it ends with its issuer. */
bool identity_due(const struct responder_identity *identity, const struct issuer *issuer,
		  int64_t now_s);

#endif
