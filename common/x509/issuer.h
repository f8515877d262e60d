#ifndef CERTPOOL_X509_ISSUER_H
#define CERTPOOL_X509_ISSUER_H

#include "common/x509/certificate_builder.h"
#include "common/x509/csr.h"

/*
 * Who signs certificates: a CA's certificate and its private key. What holds of one: the key is the
 * certificate's; the certificate is a root (PROFILE_ROOT, self-signature verified), or an
 * intermediate that its root signed (verify_intermediate); its keyUsage allows keyCertSign.
 * Validity is for the time that is asked about. Safe for use from several threads.
 */
struct issuer;

/* FAULT_REFUSED: key and certificate do not belong together, or not a CA's certificate. Takes both
   over, also on failure. */
int new_issuer(struct certificate **certificate, struct private_key **key,
	       struct issuer **ret_issuer, struct fault *fault) MUST_CHECK;

/* The same for an intermediate. FAULT_REFUSED also when the root did not sign it. Takes all three
   over, also on failure. *root NULL: the certificate is the root. */
int new_intermediate_issuer(struct certificate **certificate, struct certificate **root,
			    struct private_key **key, struct issuer **ret_issuer,
			    struct fault *fault) MUST_CHECK;
void free_issuer(struct issuer **issuer);

/* The certificate that it signs with, and the root above it: the same one of a root. */
const struct certificate *issuer_certificate(const struct issuer *issuer);
const struct certificate *issuer_root(const struct issuer *issuer);

/* Borrowed: to sign what is not a certificate (a CRL). */
const struct private_key *issuer_key(const struct issuer *issuer);

/* Where the certificates of an issuer say that they can be looked up; NULL: it is not said. */
struct revocation_urls {
	const char *crl;
	const char *ocsp;
};

/* From now on its members' certificates say so (append_crl_distribution_points,
   append_ocsp_access). Without this they do not. Not while other threads use the issuer. */
int set_revocation_urls(struct issuer *issuer, const struct revocation_urls *urls,
			struct fault *fault) MUST_CHECK;

/*
 * A self-signed root: v3, basicConstraints critical CA:TRUE, keyUsage critical keyCertSign and
 * cRLSign, SKI (SHA-1 of the key's bits, RFC 5280 section 4.2.1.2 method 1).
 */
int create_root(const struct private_key *key, const char *subject, const struct validity *validity,
		struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * An intermediate's certificate for the key, by the root: as create_root, but with path length 0,
 * so that there are only members' certificates below it (RFC 5280 section 4.2.1.9), and AKI equal
 * to the root's SKI. FAULT_REFUSED for the root's own key or name, and unless the validity lies
 * within the root's.
 */
int create_intermediate(const struct issuer *root, const struct public_key *key,
			const char *subject, const struct validity *validity,
			struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * A member's certificate from a request: public key, subject and alternative names are the
 * request's (which the caller has held against its policy), all else is the profile's: v3, the
 * serial given, basicConstraints critical CA:FALSE, keyUsage critical digitalSignature, SKI, AKI
 * equal to the issuer's SKI, and the URLs of set_revocation_urls. The request's signature is
 * verified on the way: FAULT_REFUSED when it does not hold, for a request for the issuer's own key
 * or its root's, and unless the validity lies within the issuer's. check_profile has passed on the
 * result.
 */
int certify_csr(const struct issuer *issuer, const struct csr *csr,
		const uint8_t serial[static SERIAL_MAX], const struct validity *validity,
		struct buffer *ret_der, struct fault *fault) MUST_CHECK;

struct responder_options {
	const struct public_key *key; /* the responder's own, not the issuer's */
	const char *subject;          /* RFC 4514 */
	struct validity validity;
};

/*
 * The certificate of a delegated OCSP responder (RFC 6960 section 4.2.2.2): in PROFILE_MEMBER, with
 * digitalSignature, extendedKeyUsage id-kp-OCSPSigning alone, and id-pkix-ocsp-nocheck (section
 * 4.2.2.2.1): nobody is to ask whether it is revoked, so it should not live long. FAULT_REFUSED
 * unless its validity lies within the issuer's.
 */
int create_responder_certificate(const struct issuer *issuer,
				 const struct responder_options *options,
				 const uint8_t serial[static SERIAL_MAX], struct buffer *ret_der,
				 struct fault *fault) MUST_CHECK;

#endif
