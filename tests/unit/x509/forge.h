#ifndef CERTPOOL_TESTS_UNIT_X509_FORGE_H
#define CERTPOOL_TESTS_UNIT_X509_FORGE_H

#include "common/x509/certificate.h"
#include "common/x509/der.h"

/*
 * Makes certificates and requests out of octets, so that every field of them can be wrong. Results
 * live until the test's process ends; a failure ends the test.
 */

struct bytes item(uint8_t tag, struct bytes content);
struct bytes joined(const struct bytes *fields, size_t count);

#define JOIN(...)                                                                                  \
	joined((const struct bytes[]){__VA_ARGS__},                                                \
	       sizeof((const struct bytes[]){__VA_ARGS__}) / sizeof(struct bytes))

/* Octets written as a string literal, NUL included. */
#define OCTETS(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* A Name with one attribute, 2.5.4.arc, whose value has the tag. */
struct bytes name_with(uint8_t arc, uint8_t tag, struct bytes value);
struct bytes common_name(const char *value);

/* The extension 2.5.29.arc; the value goes into the OCTET STRING. */
struct bytes extension(uint8_t arc, bool critical, struct bytes value);

/* Validity from the text of two times: of 13 characters UTCTime, else GeneralizedTime. */
struct bytes validity_of(const char *not_before, const char *not_after);

/* ecdsa-with-SHA256, and what X.509 files have as test vectors. */
extern const struct bytes ecdsa_sha256;

/* The fields of a certificate; all but serial and extensions are whole items. */
struct forged_certificate {
	struct bytes version; /* may be empty */
	struct bytes serial;  /* contents */
	struct bytes algorithm;
	struct bytes issuer;
	struct bytes validity;
	struct bytes subject;
	struct bytes spki;
	struct bytes identifiers; /* may be empty */
	struct bytes extensions;  /* the octets after the identifiers; may be empty */
	struct bytes outer_algorithm;
};

/* [3] { SEQUENCE { extensions } } */
struct bytes extensions_of(struct bytes extensions);

/* Key pairs of P-256, made once in a test's process. */
const struct private_key *root_key(void);
const struct private_key *member_key(void);
const struct private_key *other_key(void);
struct bytes spki_of(const struct private_key *key);

/* Valid extensions. */
struct bytes root_basic_constraints(void);
struct bytes root_key_usage(void);
struct bytes member_key_usage(void);
struct bytes subject_key_id(const char *id);
struct bytes authority_key_id(const char *id);

/*
 * Fields of a certificate with PROFILE_ROOT (2020 to 2060, key identifier "root"),
 * PROFILE_INTERMEDIATE (named after the argument, by the root) and PROFILE_MEMBER (2025 to 2045, by
 * the root).
 */
struct forged_certificate forged_root(void);
struct forged_certificate forged_intermediate(const char *name);
struct forged_certificate forged_member(void);

/* Signs with ECDSA and SHA-256, whatever the algorithm says. */
struct bytes forge_certificate(const struct forged_certificate *forged,
			       const struct private_key *signer);
struct certificate *forge_parsed(const struct forged_certificate *forged,
				 const struct private_key *signer);

enum { FORGED_NOW_S = 1790000000 }; /* within 2025 to 2045 */

/* The fields of a request; all but the attributes are whole items. */
struct forged_csr {
	struct bytes version;
	struct bytes subject;
	struct bytes spki;
	struct bytes attributes; /* contents of the set */
	struct bytes algorithm;
};

struct forged_csr forged_request(void);
struct bytes forge_csr(const struct forged_csr *forged, const struct private_key *signer);

/* The attribute extensionRequest. */
struct bytes extension_request(struct bytes extensions);

/* The extensions of a parsed certificate. */
bool has_extension(const struct certificate *certificate, struct bytes expected);
size_t count_extensions(const struct certificate *certificate);

/* SHA-1 of the bits of the key (RFC 5280 section 4.2.1.2, method 1). */
struct bytes expected_key_id(struct bytes spki);

/* The DER inside tests/vectors/x509/{name}. */
struct bytes vector_der(const char *name);
struct bytes vector_text(const char *name);

/* A copy with one octet replaced. */
struct bytes patched(struct bytes octets, size_t position, uint8_t value);

#endif
