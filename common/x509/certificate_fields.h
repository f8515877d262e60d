#ifndef CERTPOOL_X509_CERTIFICATE_FIELDS_H
#define CERTPOOL_X509_CERTIFICATE_FIELDS_H

#include "common/x509/der.h"
#include "common/x509/signed_object.h"

#include <gnutls/gnutls.h>

/*
 * The parts of a certificate and of a request as slices of their DER, which somebody else owns.
 * GnuTLS hides some of what check_profile must see (an extension that is there twice, the inner
 * algorithm, how a time is encoded), and looking at octets costs next to nothing.
 */

/* RFC 5280 section 4.1. */
struct certificate_fields {
	struct signed_object signed_object;
	int version;            /* 1, 2 or 3 */
	struct bytes serial;    /* contents of the INTEGER */
	struct bytes algorithm; /* the inner one, whole */
	struct bytes issuer;    /* whole */
	struct der_item not_before;
	struct der_item not_after;
	struct bytes subject; /* whole */
	struct bytes spki;    /* whole */
	bool unique_identifiers;
	bool extensible;         /* has extensions, if only an empty sequence */
	struct bytes extensions; /* contents of the sequence */
};

/* Strict DER with the structure of a certificate. FAULT_MALFORMED. */
int split_certificate(struct bytes der, struct certificate_fields *ret_parts,
		      struct fault *fault) MUST_CHECK;

/* RFC 2986 section 4. */
struct csr_fields {
	struct signed_object signed_object;
	struct bytes subject;
	struct bytes spki;
	struct bytes attributes; /* contents of the set */
};

/* Strict DER with the structure of a request of version 1. FAULT_MALFORMED. */
int split_csr(struct bytes der, struct csr_fields *ret_parts, struct fault *fault) MUST_CHECK;

/* Which extension, by the last arc of its id-ce (RFC 5280 section 4.2.1). */
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

struct extension {
	struct bytes oid; /* contents */
	int id;           /* enum extension_id, or another arc below id-ce */
	bool critical;
	struct bytes value; /* what is in the OCTET STRING */
};

/*
 * Takes the next extension off *rest. False at the end, and for what is not an extension in DER:
 * *rest is not empty then.
 */
bool read_extension(struct bytes *rest, struct extension *ret_extension);

/*
 * Finds an extension. *ret_found is false when it is not there. FAULT_MALFORMED when the extensions
 * cannot be read, or hold it twice.
 */
int find_extension(struct bytes extensions, enum extension_id id, struct extension *ret_extension,
		   bool *ret_found, struct fault *fault) MUST_CHECK;

/*
 * The key identifiers by which a path is looked for: the certificate's own key's, and its issuer's
 * key's (RFC 5280 sections 4.2.1.2 and 4.2.1.1). Empty when there is none that can be read.
 */
struct bytes find_subject_key_id(const struct certificate_fields *parts);
struct bytes find_authority_key_id(const struct certificate_fields *parts);

enum { SHA1_LEN = 20 };

/*
 * The digest of a public key's bits: of its BIT STRING without tag, length and the count of unused
 * bits. With SHA-1 it is a subjectKeyIdentifier (RFC 5280 section 4.2.1.2, method 1), and what OCSP
 * calls a key hash (RFC 6960 sections 4.1.1 and 4.2.1). It is a name, not a proof.
 * Shape: spki is a SubjectPublicKeyInfo's DER; ret_digest has room for the digest.
 */
int digest_key_bits(struct bytes spki, gnutls_digest_algorithm_t algorithm, uint8_t *ret_digest,
		    struct fault *fault) MUST_CHECK;

/* Whether there are basicConstraints with a pathLenConstraint, and which (RFC 5280
   section 4.2.1.9); 255 for more than that. */
bool find_path_length(const struct certificate_fields *parts, unsigned int *ret_length);

#endif
