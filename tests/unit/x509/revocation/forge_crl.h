#ifndef CERTPOOL_TESTS_UNIT_X509_REVOCATION_FORGE_CRL_H
#define CERTPOOL_TESTS_UNIT_X509_REVOCATION_FORGE_CRL_H

#include "common/x509/revocation/crl.h"
#include "tests/unit/x509/forge.h"

/* Makes CRLs out of octets, so that every field of them can be wrong. As forge.h. */

/* The fields of a CRL, each a whole item or empty. */
struct forged_crl {
	struct bytes version;
	struct bytes algorithm; /* the inner one; the outer one is ecdsa_sha256 */
	struct bytes issuer;
	struct bytes this_update;
	struct bytes next_update;
	struct bytes revoked;
	struct bytes extensions;
};

/* [0] { SEQUENCE { extensions } } */
struct bytes crl_extensions_of(struct bytes extensions);
struct bytes crl_number_extension(struct bytes number);

/* A CRL by forged_root, with number 7, for a day from FORGED_NOW_S, without entries. */
struct forged_crl forged_crl(void);

/* The whole list, and an entry; its extensions may be empty. */
struct bytes revoked_list(struct bytes entries);
struct bytes revoked_entry(struct bytes serial, const char *time, struct bytes extensions);
struct bytes reason_extension(uint8_t reason);

struct bytes forge_crl(const struct forged_crl *forged, const struct private_key *signer);

/* parse_crl of a copy. */
int parse_crl_copy(struct bytes content, struct crl **ret_crl, struct fault *fault) MUST_CHECK;

/* Forges and parses a CRL. */
struct crl *forge_parsed_crl(const struct forged_crl *forged, const struct private_key *signer);

#endif
