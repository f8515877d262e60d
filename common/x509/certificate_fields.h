#ifndef CERTPOOL_X509_CERTIFICATE_FIELDS_H
#define CERTPOOL_X509_CERTIFICATE_FIELDS_H

#include "common/x509/der.h"
#include "common/x509/signed_object.h"

#include <gnutls/gnutls.h>

/*
 * The fields of a certificate and of a request, as slices of DER that the caller owns. GnuTLS hides
 * some of the facts that check_profile needs (an extension that occurs twice, the inner algorithm,
 * the encoding of a time), and splitting the octets here costs next to nothing.
 */

/* RFC 5280 section 4.1. */
struct certificate_fields {
	struct signed_object signed_object;
	int version;            /* 1, 2 or 3 */
	struct bytes serial;    /* contents octets of the INTEGER */
	struct bytes algorithm; /* the one inside the body; whole item */
	struct bytes issuer;    /* whole item */
	struct der_item not_before;
	struct der_item not_after;
	struct bytes subject; /* whole item */
	struct bytes spki;    /* whole item */
	bool unique_identifiers;
	bool extensible;         /* the field extensions is present, perhaps empty */
	struct bytes extensions; /* contents of the sequence */
};

/* Errors: FAULT_MALFORMED unless the octets are strict DER with a certificate's structure. */
int split_certificate(struct bytes der, struct certificate_fields *ret_fields,
		      struct fault *fault) MUST_CHECK;

/* RFC 2986 section 4. */
struct csr_fields {
	struct signed_object signed_object;
	struct bytes subject;    /* whole item */
	struct bytes spki;       /* whole item */
	struct bytes attributes; /* contents of the set */
};

/* Errors: FAULT_MALFORMED unless the octets are strict DER with the structure of a request of
   version 1. */
int split_csr(struct bytes der, struct csr_fields *ret_fields, struct fault *fault) MUST_CHECK;

/* Extensions below id-ce, by the last arc of their identifier (RFC 5280 section 4.2.1). */
enum extension_id {
	EXTENSION_OTHER = 0,
	EXTENSION_SUBJECT_KEY_ID = 14,
	EXTENSION_KEY_USAGE = 15,
	EXTENSION_SUBJECT_ALT_NAME = 17,
	EXTENSION_BASIC_CONSTRAINTS = 19,
	EXTENSION_NAME_CONSTRAINTS = 30,
	EXTENSION_CRL_DISTRIBUTION_POINTS = 31,
	EXTENSION_AUTHORITY_KEY_ID = 35,
	EXTENSION_POLICY_CONSTRAINTS = 36,
	EXTENSION_EXTENDED_KEY_USAGE = 37,
	EXTENSION_INHIBIT_ANY_POLICY = 54,
};

/* Bits of keyUsage, of its first octet (RFC 5280 section 4.2.1.3). */
enum key_usage {
	USAGE_CRL_SIGN = 0x02,
	USAGE_KEY_CERT_SIGN = 0x04,
	USAGE_KEY_ENCIPHERMENT = 0x20,
	USAGE_DIGITAL_SIGNATURE = 0x80,
};

struct extension {
	struct bytes oid; /* contents octets */
	int id;           /* enum extension_id, or another arc below id-ce */
	bool critical;
	struct bytes value; /* contents of the OCTET STRING */
};

/*
 * Takes the next extension off *rest. Returns false at the end and for an item that is not an
 * extension in DER: *rest is empty in the first case only.
 */
bool read_extension(struct bytes *rest, struct extension *ret_extension);

/*
 * Finds an extension. *ret_found is false if there is none; *ret_extension is untouched then.
 * Errors: FAULT_MALFORMED if the extensions cannot be read, or the wanted one occurs twice.
 */
int find_extension(struct bytes extensions, enum extension_id id, struct extension *ret_extension,
		   bool *ret_found, struct fault *fault) MUST_CHECK;

/* The identifier of the certificate's own key (RFC 5280 section 4.2.1.2). Empty if absent or
   unreadable. */
struct bytes find_subject_key_id(const struct certificate_fields *fields);

/* authorityKeyIdentifier (RFC 5280 section 4.2.1.1): which key signed a certificate or a CRL. */
struct authority_key_id {
	struct bytes key_id; /* not empty */
	struct bytes issuer; /* authorityCertIssuer: contents of GeneralNames; empty: absent */
	struct bytes serial; /* authorityCertSerialNumber: contents; empty: absent */
};

/* Reads the value of the extension. Returns NULL, or the problem: not strict DER, no keyIdentifier,
   or only one of issuer and serial. */
const char *read_authority_key_id(struct bytes value, struct authority_key_id *ret_id);

/*
 * Whether the identifier names the key of that certificate: its subjectKeyIdentifier, where it has
 * one; and, where the identifier has them, one of its issuer's names and its serial.
 */
bool names_key(const struct authority_key_id *id, const struct certificate_fields *issuer);

/* Whether names_key holds for the authorityKeyIdentifier of the certificate; also if it has none
   that can be read. */
bool names_key_of(const struct certificate_fields *fields, const struct certificate_fields *issuer);

/* The pathLenConstraint (RFC 5280 section 4.2.1.9), 255 for a larger one. False if there is none.
 */
bool find_path_length(const struct certificate_fields *fields, unsigned int *ret_length);

enum { SHA1_LEN = 20 };

/*
 * The digest of a public key's bits: the contents of its BIT STRING without the octet that counts
 * unused bits. With SHA-1 it is a subjectKeyIdentifier (RFC 5280 section 4.2.1.2, method 1) and the
 * key hash of OCSP (RFC 6960 sections 4.1.1 and 4.2.1). It names a key and proves nothing.
 * Shape: spki is a SubjectPublicKeyInfo's DER; ret_digest has room for the digest.
 */
int digest_key_bits(struct bytes spki, gnutls_digest_algorithm_t algorithm, uint8_t *ret_digest,
		    struct fault *fault) MUST_CHECK;

#endif
