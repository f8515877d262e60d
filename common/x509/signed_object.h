#ifndef CERTPOOL_X509_SIGNED_OBJECT_H
#define CERTPOOL_X509_SIGNED_OBJECT_H

#include "common/base/verdict.h"
#include "common/crypto/signature.h"

/*
 * The structure that certificates, requests and CRLs share: SEQUENCE { body, signatureAlgorithm,
 * signature } (RFC 5280 sections 4.1 and 5.1, RFC 2986 section 4.2), as slices of DER that the
 * caller owns.
 */
struct signed_object {
	struct bytes body;      /* the octets that are signed: a whole item */
	struct bytes algorithm; /* whole item */
	struct bytes signature; /* without the octet that counts unused bits */
};

/* Shape: strict DER (check_der). False if it does not have this structure. */
bool split_signed_object(struct bytes der, struct signed_object *ret_object);

/*
 * Why the signature cannot be valid, as far as its form says: the algorithm is not ECDSA or RSA
 * (PKCS #1 v1.5) with SHA-256, SHA-384 or SHA-512, nor Ed25519, each with exactly the parameters of
 * RFC 4055, RFC 5758 and RFC 8410; the algorithm does not fit the signer's key; or the signature is
 * not in its one DER form. NULL if the form is right. key is NULL if the signer is not known.
 */
const char *find_signature_problem(const struct signed_object *object,
				   const struct public_key *key);

/*
 * Whether the signature is by the key, and has the right form (find_signature_problem). Reasons
 * begin with `where`.
 */
int verify_signed_object(const struct signed_object *object, const struct public_key *key,
			 const char *where, struct verdict *verdict,
			 struct fault *fault) MUST_CHECK;

/*
 * Signs the body (a whole item), and appends the signed object: the body, signing_algorithm of the
 * key, and the signature.
 */
int sign_object(const struct private_key *key, struct bytes body, struct buffer *buffer,
		struct fault *fault) MUST_CHECK;

/* The same for certificates and CRLs, whose signature is checked first (signature.h). */
int sign_checked_object(const struct checked_signer *signer, struct bytes body,
			struct buffer *buffer, struct fault *fault) MUST_CHECK;

/* The AlgorithmIdentifier (whole item) that sign_object writes for a key of the type: bodies repeat
   it (RFC 5280 sections 4.1.2.3 and 5.1.2.2). */
struct bytes signing_algorithm(enum key_type type);

#endif
