#ifndef CERTPOOL_X509_SIGNED_OBJECT_H
#define CERTPOOL_X509_SIGNED_OBJECT_H

#include "common/base/verdict.h"
#include "common/crypto/signature.h"

/*
 * What a certificate and a request have in common: SEQUENCE { body, signatureAlgorithm, signature }
 * (RFC 5280 section 4.1, RFC 2986 section 4.2), as slices of DER that somebody else owns.
 */
struct signed_object {
	struct bytes body; /* what is signed: the whole item */
	struct bytes algorithm;
	struct bytes signature; /* without the octet that counts unused bits */
};

/* False unless strict DER (check_der) has this structure. */
bool split_signed_object(struct bytes der, struct signed_object *ret_object);

/*
 * What is wrong with the signature as far as can be seen without computing: an algorithm other than
 * ECDSA or RSA (PKCS #1 v1.5) with SHA-256, SHA-384 or SHA-512, or Ed25519, each with exactly the
 * parameters that RFC 4055, RFC 5758 and RFC 8410 give; an algorithm that does not fit the signer's
 * key; a signature that is not in its one DER form. key may be NULL when the signer is not known.
 * NULL when there is nothing wrong.
 */
const char *find_signature_problem(const struct signed_object *object,
				   const struct public_key *key);

/*
 * Whether the signature is by the key; looks for flaws first. Reasons begin with `where`.
 * Errors: only when it could not be judged.
 */
int verify_signed_object(const struct signed_object *object, const struct public_key *key,
			 const char *where, struct verdict *verdict,
			 struct fault *fault) MUST_CHECK;

/*
 * Appends a signed object: the body (a whole item), the algorithm with which we sign under the key,
 * and the signature.
 */
int sign_object(const struct private_key *key, struct bytes body, struct buffer *buffer,
		struct fault *fault) MUST_CHECK;

/* The AlgorithmIdentifier that sign_object writes for a key of the type, whole: for bodies that
   hold it too (RFC 5280 section 4.1.2.3, section 5.1.2.2). */
struct bytes signing_algorithm(enum key_type type);

#endif
