#ifndef CERTPOOL_X509_CERTIFICATE_BUILDER_H
#define CERTPOOL_X509_CERTIFICATE_BUILDER_H

#include "common/x509/certificate_fields.h"
#include "common/x509/profile.h"

/*
 * Writes certificates as DER: first the extensions into a buffer, then build_certificate. The
 * octets are the ones that GnuTLS writes for the same fields, but without a GnuTLS object for each
 * certificate, so that the signature is the only thing that costs time.
 */

struct validity {
	int64_t not_before_s;
	int64_t not_after_s;
};

/* The fields of a TBSCertificate (RFC 5280 section 4.1) that differ between certificates. */
struct tbs_certificate {
	struct bytes serial; /* contents octets of the INTEGER */
	struct bytes issuer; /* the whole Name */
	struct validity validity;
	struct bytes subject; /* the whole Name */
	struct bytes spki;
	struct bytes extensions; /* contents of the sequence, from the append functions below */
};

/* Appends an extension. Shape: oid is the contents octets of an object identifier. */
void append_extension(struct buffer *extensions, struct bytes oid, bool critical,
		      struct bytes value);

/* Appends one of the extensions below id-ce that certificate_fields.h lists. */
void append_ce_extension(struct buffer *extensions, enum extension_id id, bool critical,
			 struct bytes value);

/* basicConstraints, critical. path_length is ignored unless ca; -1: no limit. */
void append_basic_constraints(struct buffer *extensions, bool ca, int path_length);

/* keyUsage, critical. Shape: bits are of enum key_usage, at least one. */
void append_key_usage(struct buffer *extensions, unsigned int bits);

/* subjectKeyIdentifier: SHA-1 of the key's bits (RFC 5280 section 4.2.1.2, method 1). */
int append_subject_key_id(struct buffer *extensions, struct bytes spki,
			  struct fault *fault) MUST_CHECK;

/* authorityKeyIdentifier, with only the keyIdentifier. */
void append_authority_key_id(struct buffer *extensions, struct bytes key_id);

/*
 * cRLDistributionPoints: one point, with the URL as its fullName (RFC 5280 section 4.2.1.13); and
 * authorityInfoAccess: id-ad-ocsp and id-ad-caIssuers, each at its URL unless that is NULL
 * (section 4.2.2.1). Neither is critical.
 * Shape: a URL is ASCII (IA5String); the manifest's reader has checked it. At least one is not
 * NULL.
 */
void append_crl_distribution_points(struct buffer *extensions, const char *url);
void append_information_access(struct buffer *extensions, const char *ocsp_url,
			       const char *issuer_url);

/*
 * Writes what is signed of a certificate, its TBSCertificate; `algorithm` is the signer's
 * (signing_algorithm). Errors: FAULT_REFUSED if the validity does not begin before it ends or is
 * not within 1970 to 9999.
 */
int build_certificate_body(const struct tbs_certificate *fields, struct bytes algorithm,
			   struct buffer *ret_body, struct fault *fault) MUST_CHECK;

/*
 * Writes and signs a certificate, and checks that it has the profile.
 * Shape: the signer is the issuer.
 * Errors: FAULT_REFUSED if the certificate does not have the profile, and those of
 * build_certificate_body; FAULT_TOO_LARGE beyond CERTIFICATE_DER_MAX.
 */
int build_certificate(const struct tbs_certificate *fields, const struct checked_signer *signer,
		      enum profile profile, struct buffer *ret_der, struct fault *fault) MUST_CHECK;

#endif
