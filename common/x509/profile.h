#ifndef CERTPOOL_X509_PROFILE_H
#define CERTPOOL_X509_PROFILE_H

#include "common/base/verdict.h"
#include "common/x509/certificate.h"

/*
 * What a certificate must look like, whoever made it: a path of signatures alone does not keep a CA
 * certificate from being a leaf, a serial from being negative, or a key identifier from missing.
 * check_profile runs at every verifier (verify_chain), and at the CA before anything is stored.
 */
enum profile {
	/*
	 * Self-signed: v3, subject equal to issuer and not empty, serial positive, of at most 20
	 * octets; basicConstraints critical with CA:TRUE; keyUsage critical with keyCertSign; SKI;
	 * AKI, if there, equal to SKI and not critical. What PROFILE_MEMBER says of names,
	 * validity, extensions and signature holds here too. Whether the signature is by the key
	 * is not looked at.
	 */
	PROFILE_ROOT,
	/* The same but for subject and issuer, and AKI must be there. */
	PROFILE_INTERMEDIATE,
	/*
	 * A pool member's: v3; serial positive, of at most 20 octets; subject not empty (or
	 * subjectAltName critical, RFC 5280 section 4.1.2.6); issuer not empty; basicConstraints,
	 * if there, CA:FALSE without path length; keyUsage critical, with digitalSignature, without
	 * keyCertSign and cRLSign; SKI not critical; AKI there, with a keyIdentifier, not critical;
	 * extendedKeyUsage, if there, not empty; subjectAltName, if there, not empty; validity in
	 * UTCTime up to 2049 and GeneralizedTime after (section 4.1.2.5), notBefore before
	 * notAfter; no extension twice (section 4.2); no unknown critical extension; no name
	 * constraints or policy constraints; signature in its one DER form, inner and outer
	 * algorithm equal.
	 */
	PROFILE_MEMBER,
};

/* Every reason names the section of RFC 5280. */
int check_profile(const struct certificate *certificate, enum profile profile,
		  struct verdict *verdict, struct fault *fault) MUST_CHECK;

struct certificate_fields;

/* The same for the parts of a certificate of which there is only the DER
 * (common/x509/certificate_fields.h). */
int check_certificate_fields(const struct certificate_fields *parts, enum profile profile,
			     struct verdict *verdict, struct fault *fault) MUST_CHECK;

#endif
