#ifndef CERTPOOL_CA_ISSUE_ISSUING_KEY_H
#define CERTPOOL_CA_ISSUE_ISSUING_KEY_H

#include "common/crypto/key_access.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/x509/issuer.h"

/*
 * What a CA issues with, its issuing certificate and key, in its layout:
 *
 *   cert/root.crt and Private/root.key     when it issues under its root
 *   cert/ca.crt and Private/ca.key         when its root lies apart (the manifest's root_layout):
 *                                          then cert/root.crt is a copy of that root
 *
 * There is no key file when the key is in a token.
 */

/* "root.crt" or "ca.crt", and "root.key" or "ca.key". */
const char *issuing_certificate_name(const struct ca_node *ca);
const char *issuing_key_name(const struct ca_node *ca);

bool root_exists(const struct layout *layout);
bool issuing_certificate_exists(const struct layout *layout, const struct ca_node *ca);
/* True of a key in a token without a look at the token. */
bool issuing_key_exists(const struct layout *layout, const struct ca_node *ca,
			const struct key_access *access);

/*
 * FAULT_REFUSED when what is in the layout is another kind of CA than the manifest says: a CA that
 * issues under its root does not become one whose root lies apart, nor the other way round.
 */
int check_ca_kind(const struct layout *layout, const struct ca_node *ca,
		  struct fault *fault) MUST_CHECK;

/* Makes and writes the issuing key, unless there is one. Makes none in a token. */
int make_issuing_key(const struct layout *layout, const struct ca_node *ca,
		     const struct key_access *access, struct fault *fault) MUST_CHECK;

/*
 * Makes the root for the key Private/root.key, or the one in the token, and writes it. The layout,
 * the CA's or the root's own, must have none.
 */
int make_root(const struct layout *layout, const struct ca_node *ca,
	      const struct key_access *access, int64_t now_s, struct fault *fault) MUST_CHECK;

int read_ca_root(const struct layout *layout, struct certificate **ret_root,
		 struct fault *fault) MUST_CHECK;

/*
 * Reads certificate, root and key; its certificates will have the manifest's URLs. FAULT_NOT_FOUND
 * without a certificate; FAULT_REFUSED when they do not belong together, the certificate is no
 * CA's, or is not by the root; and as check_ca_kind.
 */
int load_issuer(const struct layout *layout, const struct ca_node *ca,
		const struct key_access *access, struct issuer **ret_issuer,
		struct fault *fault) MUST_CHECK;

/* FAULT_REFUSED when the root, or the intermediate below it, is expired or not yet valid. */
int check_issuer_validity(const struct issuer *issuer, int64_t now_s,
			  struct fault *fault) MUST_CHECK;

#endif
