#ifndef CERTPOOL_X509_ISSUER_H
#define CERTPOOL_X509_ISSUER_H

#include "common/x509/certificate_builder.h"
#include "common/x509/csr.h"
#include "common/x509/purpose.h"

/*
 * A CA's certificate with its private key: the object that signs certificates. The key may be
 * another process's, which then signs (signing_order.h). Always holds: the key is the
 * certificate's; the certificate is a root (PROFILE_ROOT, self-signature verified) or an
 * intermediate that its root signed (verify_intermediate); its keyUsage allows keyCertSign. Whether
 * the certificate has expired is not implied. Several threads may use an issuer at once.
 */
struct issuer;

struct signing_order;
struct signed_result;

/*
 * Makes an issuer from a root. Takes ownership of both arguments, also on failure.
 * Errors: FAULT_REFUSED if the key is not the certificate's, or the certificate is not a root.
 */
int new_issuer(struct certificate **certificate, struct private_key **key,
	       struct issuer **ret_issuer, struct fault *fault) MUST_CHECK;

/*
 * The same from an intermediate and its root; *root may be NULL if the certificate is a root.
 * *key may be NULL: the caller then has another sign (delegate_signing).
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

/* Whether the issuer is a root. */
bool is_root_issuer(const struct issuer *issuer);

/*
 * Has the issuer go on with the certificate, and the root above it, of another issuer object of the
 * same name and key: another root has certified it. Other threads may use the issuer meanwhile;
 * what they have borrowed stays as long as the issuer. `other` must be freed afterwards, and no
 * more be used. One thread at a time. Errors: FAULT_REFUSED for another name or key.
 */
int adopt_certificates(struct issuer *issuer, struct issuer *other, struct fault *fault) MUST_CHECK;

/* The issuer's number among those of its CA (issuer_set.h), which count from 1; 1 for a new one. */
unsigned int issuer_number(const struct issuer *issuer);
void number_issuer(struct issuer *issuer, unsigned int number);

/* The key, and the key for sign_checked_object. Borrowed. Shape: the issuer has it. */
const struct private_key *issuer_key(const struct issuer *issuer);
struct checked_signer issuer_signer(const struct issuer *issuer, enum signature_check check);

/* Who signs for the issuer (delegate_signing); NULL: its own key. */
typedef int signing_function(void *context, const struct signing_order *order,
			     struct signed_result *ret_results, struct fault *fault);
signing_function *issuer_delegate(const struct issuer *issuer, void **ret_context);

/* Has the function sign for the issuer from now on. No other thread may use the issuer meanwhile.
 */
void delegate_signing(struct issuer *issuer, signing_function *function, void *context);

/* The AlgorithmIdentifier (whole item) of what the issuer signs. */
struct bytes issuer_algorithm(const struct issuer *issuer);

/* The addresses of the CRL, of the OCSP responder and of the issuer's own certificate; NULL:
   certificates do not name it. */
struct published_urls {
	const char *crl;
	const char *ocsp;
	const char *issuer;
};

/*
 * Makes the certificates that certify_csr and create_intermediate issue from now on name these
 * URLs; those of a new issuer name none. No other thread may use the issuer meanwhile.
 */
int set_published_urls(struct issuer *issuer, const struct published_urls *urls,
		       struct fault *fault) MUST_CHECK;

/* The validity from one time to the other, cut to that of the issuer's certificate: no certificate
   outlives the one above it. */
struct validity limit_validity(const struct certificate *issuer, int64_t not_before_s,
			       int64_t not_after_s);

/*
 * Makes a self-signed root: version 3; basicConstraints, critical, CA:TRUE; keyUsage, critical,
 * keyCertSign and cRLSign; subjectKeyIdentifier.
 * Shape: subject is RFC 4514 text.
 */
int create_root(const struct private_key *key, const char *subject, const struct validity *validity,
		struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * Makes the certificate of an intermediate, signed by the root: as create_root, but with path
 * length 0, so that only members' certificates may be below it (RFC 5280 section 4.2.1.9), with
 * the root's key identifier as authorityKeyIdentifier, and the URLs of set_published_urls.
 * Shape: subject is RFC 4514 text.
 * Errors: FAULT_REFUSED for the root's own key or name, and for a validity that is not within the
 * root's.
 */
int create_intermediate(const struct issuer *root, const struct public_key *key,
			const char *subject, const struct validity *validity,
			struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * Certifies the key and the name of another CA's certificate: as create_intermediate, but with
 * the path length of that certificate. Of another root this is a cross certificate; of an
 * intermediate a further certificate, by which all that it has issued is below this root too.
 * Errors: FAULT_REFUSED for the root's own key or name, and for a validity that is not within the
 * root's.
 */
int create_cross_certificate(const struct issuer *root, const struct certificate *certificate,
			     const struct validity *validity, struct buffer *ret_der,
			     struct fault *fault) MUST_CHECK;

/* What a certificate says of its holder. The alternative names are critical when the subject is
   empty (RFC 5280 section 4.2.1.6). */
struct member_names {
	struct bytes subject;   /* the whole Name */
	struct bytes alt_names; /* GeneralNames; empty: none */
};

/* What the CA gives to a request that it certifies. */
struct grant {
	struct validity validity;
	unsigned int usages;              /* of enum usage */
	const struct member_names *names; /* NULL: the request's */
	bool in_window;                   /* it may begin before the issuer's certificate */
};

/*
 * Writes what is to be signed (SIGN_MEMBERS) for a member's request. Public key, subject and
 * alternative names are the request's or the grant's, which the caller has checked against its
 * policy. Everything else is from PROFILE_MEMBER, the grant and the issuer: version 3; the given
 * serial; basicConstraints, critical, CA:FALSE; the extensions of the usages (append_usages);
 * subjectKeyIdentifier; the issuer's key identifier as authorityKeyIdentifier; the URLs of
 * set_published_urls. Verifies the request's signature. Errors: FAULT_REFUSED if the signature is
 * not valid, for the public key of the issuer or its root, and for a validity that is not within
 * the issuer's: it may end in the same second, and begin before it if the grant says so.
 */
int prepare_certificate(const struct issuer *issuer, const struct csr *csr,
			const uint8_t serial[static SERIAL_MAX], const struct grant *grant,
			struct buffer *ret_body, struct fault *fault) MUST_CHECK;

/* The same for USE_SIGN alone, with the request's names, and has it signed. */
int certify_csr(const struct issuer *issuer, const struct csr *csr,
		const uint8_t serial[static SERIAL_MAX], const struct validity *validity,
		struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * Appends exactly the extensions that the issuer writes into the certificate of a member, or of a
 * responder, with this key, these names and usages.
 */
int append_member_extensions(struct buffer *extensions, const struct issuer *issuer,
			     const struct member_names *names, unsigned int usages,
			     struct bytes spki, struct fault *fault) MUST_CHECK;
int append_responder_extensions(struct buffer *extensions, const struct issuer *issuer,
				struct bytes spki, struct fault *fault) MUST_CHECK;

/* For a TLS server, or an OCSP responder. */
struct own_certificate_options {
	const struct public_key *key;      /* not the issuer's */
	const char *subject;               /* RFC 4514 */
	const struct alt_names *alt_names; /* of the server; NULL: it is a responder */
	struct validity validity;
	int64_t now_s;
};

/*
 * Makes the certificate of a part of the CA itself.
 * - Of a delegated OCSP responder (RFC 6960 section 4.2.2.2): PROFILE_RESPONDER;
 * digitalSignature; extendedKeyUsage with only id-kp-OCSPSigning; and id-pkix-ocsp-nocheck (section
 * 4.2.2.2.1), by which clients skip its revocation check: the caller should keep its validity
 * short.
 * - Of a TLS server: as a member's, with id-kp-serverAuth alone as extendedKeyUsage.
 * Errors: FAULT_REFUSED for a validity that is not within the issuer's.
 */
int create_own_certificate(const struct issuer *issuer,
			   const struct own_certificate_options *options,
			   const uint8_t serial[static SERIAL_MAX], struct buffer *ret_der,
			   struct fault *fault) MUST_CHECK;

#endif
