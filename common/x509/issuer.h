#ifndef CERTPOOL_X509_ISSUER_H
#define CERTPOOL_X509_ISSUER_H

#include "common/x509/certificate_builder.h"
#include "common/x509/csr.h"

/*
 * A CA's certificate with its private key: the object that signs certificates. Always holds: the
 * key is the certificate's; the certificate is a root (PROFILE_ROOT, self-signature verified) or an
 * intermediate that its root signed (verify_intermediate); its keyUsage allows keyCertSign. Whether
 * the certificate has expired is not implied. Several threads may use an issuer at once.
 */
struct issuer;

/*
 * Makes an issuer from a root. Takes ownership of both arguments, also on failure.
 * Errors: FAULT_REFUSED if the key is not the certificate's, or the certificate is not a root.
 */
int new_issuer(struct certificate **certificate, struct private_key **key,
	       struct issuer **ret_issuer, struct fault *fault) MUST_CHECK;

/*
 * The same from an intermediate and its root; *root may be NULL if the certificate is a root.
 * Takes ownership of all three arguments, also on failure.
 * Errors: FAULT_REFUSED also if the root did not sign the certificate.
 */
int new_intermediate_issuer(struct certificate **certificate, struct certificate **root,
			    struct private_key **key, struct issuer **ret_issuer,
			    struct fault *fault) MUST_CHECK;
void free_issuer(struct issuer **issuer);

/* The issuer's certificate, and the root above it, which is the same certificate if the issuer is a
   root. Borrowed. */
const struct certificate *issuer_certificate(const struct issuer *issuer);
const struct certificate *issuer_root(const struct issuer *issuer);

/* Borrowed: to sign objects that are neither certificates nor CRLs. */
const struct private_key *issuer_key(const struct issuer *issuer);

/* The key for sign_checked_object: to sign CRLs. Borrowed from the issuer. */
struct checked_signer issuer_signer(const struct issuer *issuer, enum signature_check check);

/* The addresses of the CRL and of the OCSP responder; NULL: certificates do not name it. */
struct revocation_urls {
	const char *crl;
	const char *ocsp;
};

/*
 * Makes the certificates that certify_csr issues from now on name these URLs; those of a new issuer
 * name none. No other thread may use the issuer meanwhile.
 */
int set_revocation_urls(struct issuer *issuer, const struct revocation_urls *urls,
			struct fault *fault) MUST_CHECK;

/*
 * Makes a self-signed root: version 3; basicConstraints, critical, CA:TRUE; keyUsage, critical,
 * keyCertSign and cRLSign; subjectKeyIdentifier.
 * Shape: subject is RFC 4514 text.
 */
int create_root(const struct private_key *key, const char *subject, const struct validity *validity,
		struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * Makes the certificate of an intermediate, signed by the root: as create_root, but with path
 * length 0, so that only members' certificates may be below it (RFC 5280 section 4.2.1.9), and
 * with the root's key identifier as authorityKeyIdentifier.
 * Shape: subject is RFC 4514 text.
 * Errors: FAULT_REFUSED for the root's own key or name, and for a validity that is not within the
 * root's.
 */
int create_intermediate(const struct issuer *root, const struct public_key *key,
			const char *subject, const struct validity *validity,
			struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * Makes a member's certificate from a request. Public key, subject and alternative names are the
 * request's, which the caller has checked against its policy. Everything else is from
 * PROFILE_MEMBER and the issuer: version 3; the given serial; basicConstraints, critical, CA:FALSE;
 * keyUsage, critical, digitalSignature; subjectKeyIdentifier; the issuer's key identifier as
 * authorityKeyIdentifier; the URLs of set_revocation_urls. Verifies the request's signature, and
 * checks the profile of the result.
 * Errors: FAULT_REFUSED if the signature is not valid, for the public key of the issuer or its
 * root, and for a validity that is not within the issuer's: it may end in the same second.
 */
int certify_csr(const struct issuer *issuer, const struct csr *csr,
		const uint8_t serial[static SERIAL_MAX], const struct validity *validity,
		struct buffer *ret_der, struct fault *fault) MUST_CHECK;

struct responder_options {
	const struct public_key *key; /* of the responder, not of the issuer */
	const char *subject;          /* RFC 4514 */
	struct validity validity;
};

/*
 * Makes the certificate of a delegated OCSP responder (RFC 6960 section 4.2.2.2): PROFILE_MEMBER;
 * digitalSignature; extendedKeyUsage with only id-kp-OCSPSigning; and id-pkix-ocsp-nocheck (section
 * 4.2.2.2.1), by which clients skip its revocation check: the caller should keep its
 * validity short.
 * Errors: FAULT_REFUSED for a validity that is not within the issuer's.
 */
int create_responder_certificate(const struct issuer *issuer,
				 const struct responder_options *options,
				 const uint8_t serial[static SERIAL_MAX], struct buffer *ret_der,
				 struct fault *fault) MUST_CHECK;

#endif
