#ifndef CERTPOOL_X509_PROFILE_H
#define CERTPOOL_X509_PROFILE_H

#include "common/base/verdict.h"
#include "common/x509/certificate.h"

/*
 * The form that a certificate must have, whoever issued it; docs/profile.md gives the reasons.
 * Valid signatures alone do not prevent a CA certificate from serving as a leaf, a negative serial
 * or a missing key identifier. Every verifier checks the profile (verify_chain), and the CA checks
 * it before it stores a certificate.
 */
enum profile {
	/*
	 * Self-signed: version 3; subject equal to issuer and not empty; serial positive, of at
	 * most 20 octets; basicConstraints critical with CA:TRUE; keyUsage critical with
	 * keyCertSign; subjectKeyIdentifier; authorityKeyIdentifier, if present, equal to it and
	 * not critical. The rules of PROFILE_MEMBER for names, validity, extensions and signature
	 * apply too. Whether the signature is by the key is not checked.
	 */
	PROFILE_ROOT,
	/* As PROFILE_ROOT, but subject and issuer may differ, and authorityKeyIdentifier must be
	   present. */
	PROFILE_INTERMEDIATE,
	/*
	 * A pool member's: version 3; serial positive, of at most 20 octets; subject not empty, or
	 * subjectAltName critical (RFC 5280 section 4.1.2.6); issuer not empty; basicConstraints,
	 * if present, CA:FALSE without path length; keyUsage critical, with digitalSignature,
	 * without keyCertSign and cRLSign; subjectKeyIdentifier, if present, not critical;
	 * authorityKeyIdentifier present, with a keyIdentifier, not critical; extKeyUsage, if
	 * present, with a purpose of PURPOSES_OF_MEMBERS (purpose.h) and without OCSPSigning;
	 * subjectAltName, if present, not empty; validity in UTCTime up to 2049 and GeneralizedTime
	 * after (section 4.1.2.5), notBefore before notAfter; no extension twice (section 4.2); no
	 * unknown critical extension, no malformed known one (known_extension.h); no name
	 * constraints or policy constraints; signature in its one DER form, inner and outer
	 * algorithm equal.
	 */
	PROFILE_MEMBER,
	/* A delegated OCSP responder's (RFC 6960 section 4.2.2.2): as PROFILE_MEMBER, but
	   extKeyUsage must be there, with OCSPSigning. */
	PROFILE_RESPONDER,
};

/* Every reason in the verdict names the section of the RFC that demands what was expected, or, if
   the profile is tighter than the RFC, says that certpool expects it (docs/profile.md). */
int check_profile(const struct certificate *certificate, enum profile profile,
		  struct verdict *verdict, struct fault *fault) MUST_CHECK;

struct certificate_fields;

/* The same for a certificate that was split but not parsed (certificate_fields.h). */
int check_certificate_fields(const struct certificate_fields *fields, enum profile profile,
			     struct verdict *verdict, struct fault *fault) MUST_CHECK;

#endif
