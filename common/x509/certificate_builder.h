#ifndef CERTPOOL_X509_CERTIFICATE_BUILDER_H
#define CERTPOOL_X509_CERTIFICATE_BUILDER_H

#include "common/x509/certificate_fields.h"
#include "common/x509/profile.h"

/*
 * Writes certificates as DER, octet for octet what GnuTLS makes of the same fields, without an
 * object for each: one signature is all that costs time.
 */

struct validity {
	int64_t not_before_s;
	int64_t not_after_s;
};

/* The fields of a TBSCertificate (RFC 5280 section 4.1) that are not always the same. */
struct tbs_certificate {
	struct bytes serial; /* contents of the INTEGER */
	struct bytes issuer; /* Name, whole */
	struct validity validity;
	struct bytes subject; /* Name, whole */
	struct bytes spki;
	struct bytes extensions; /* contents of the sequence: what follows appends them */
};

/* Bits of keyUsage, of its first octet (RFC 5280 section 4.2.1.3). */
enum key_usage {
	USAGE_CRL_SIGN = 0x02,
	USAGE_KEY_CERT_SIGN = 0x04,
	USAGE_DIGITAL_SIGNATURE = 0x80,
};

/* Appends an extension. Shape: oid is the contents octets of an object identifier. */
void append_extension(struct buffer *extensions, struct bytes oid, bool critical,
		      struct bytes value);

/* One of the extensions below id-ce that certificate_fields.h lists. */
void append_ce_extension(struct buffer *extensions, enum extension_id id, bool critical,
			 struct bytes value);

/* basicConstraints, critical. path_length -1: no limit; without meaning unless ca. */
void append_basic_constraints(struct buffer *extensions, bool ca, int path_length);

/* keyUsage, critical; at least one bit. */
void append_key_usage(struct buffer *extensions, unsigned int bits);

/* subjectKeyIdentifier: SHA-1 of the key's bits (RFC 5280 section 4.2.1.2, method 1). */
int append_subject_key_id(struct buffer *extensions, struct bytes spki,
			  struct fault *fault) MUST_CHECK;

/* authorityKeyIdentifier, with the keyIdentifier alone. */
void append_authority_key_id(struct buffer *extensions, struct bytes key_id);

/*
 * The two extensions by which a certificate says where it can be looked up: neither is critical.
 * Shape: a URL is text of ASCII (IA5String); which URLs make sense is for the manifest.
 */

/* Appends the extension cRLDistributionPoints: one point, with the URL as its fullName (RFC 5280
   section 4.2.1.13). */
void append_crl_distribution_points(struct buffer *extensions, const char *url);

/* Appends the extension authorityInfoAccess: one access, id-ad-ocsp at the URL (RFC 5280
   section 4.2.2.1). */
void append_ocsp_access(struct buffer *extensions, const char *url);

/*
 * Signs. Nothing leaves that a verifier would refuse: FAULT_REFUSED for what is not in the profile
 * and for a validity that does not begin before it ends, from 1970 to 9999; FAULT_TOO_LARGE.
 * Shape: the key is the issuer's.
 */
int build_certificate(const struct tbs_certificate *fields, const struct private_key *key,
		      enum profile profile, struct buffer *ret_der, struct fault *fault) MUST_CHECK;

#endif
