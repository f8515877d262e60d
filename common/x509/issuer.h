#ifndef CERTPOOL_X509_ISSUER_H
#define CERTPOOL_X509_ISSUER_H

#include "common/x509/certificate.h"
#include "common/x509/csr.h"

/*
 * Who signs certificates: a CA's certificate and its private key. What holds of one: the key is the
 * certificate's, the certificate has PROFILE_ROOT (self-signature verified), and its keyUsage
 * allows keyCertSign. Validity is for the time that is asked about. Safe for use from several
 * threads.
 */
struct issuer;

/* FAULT_REFUSED: key and certificate do not belong together, or not a CA's certificate. Takes both
   over, also on failure. */
int new_issuer(struct certificate **certificate, struct private_key **key,
	       struct issuer **ret_issuer, struct fault *fault) MUST_CHECK;
void free_issuer(struct issuer **issuer);
const struct certificate *issuer_certificate(const struct issuer *issuer);

/* Borrowed: to sign what is not a certificate (a CRL). */
const struct private_key *issuer_key(const struct issuer *issuer);

/* A serial: 160 bits, of which 159 random, the top bit clear and the first octet not zero, so that
   the INTEGER is positive and has 20 octets always (RFC 5280 section 4.1.2.2). */
int generate_serial(uint8_t ret_serial[static SERIAL_MAX], struct fault *fault) MUST_CHECK;

struct validity {
	int64_t not_before_s;
	int64_t not_after_s;
};

/*
 * A self-signed root: v3, basicConstraints critical CA:TRUE, keyUsage critical keyCertSign and
 * cRLSign, SKI (SHA-1 of the key's bits, RFC 5280 section 4.2.1.2 method 1).
 */
int create_root(const struct private_key *key, const char *subject, const struct validity *validity,
		struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * A member's certificate from a request: public key, subject and alternative names are the
 * request's (which the caller has held against its policy), all else is the profile's: v3, the
 * serial given, basicConstraints critical CA:FALSE, keyUsage critical digitalSignature, SKI, AKI
 * equal to the issuer's SKI. The request's signature is verified on the way (gnutls
 * x509_crt_set_crq): FAULT_REFUSED when it does not hold, and for a request for the issuer's own
 * key. check_profile has passed on the result. Shape: validity as given; FAULT_REFUSED unless it
 * lies within the issuer's.
 */
int certify_csr(const struct issuer *issuer, const struct csr *csr,
		const uint8_t serial[static SERIAL_MAX], const struct validity *validity,
		struct buffer *ret_der, struct fault *fault) MUST_CHECK;

#endif
