#ifndef CERTPOOL_CA_ISSUE_ISSUING_KEY_H
#define CERTPOOL_CA_ISSUE_ISSUING_KEY_H

#include "common/crypto/key_access.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/x509/issuer.h"

/*
 * The certificate and key with which a CA issues, in its layout:
 *
 *   cert/root.crt and Private/root.key     when the root itself issues
 *   cert/ca.crt and Private/ca.key         when the root lies apart (root_layout in the manifest):
 *                                          cert/root.crt is then a copy of that root
 *
 * A key in a token has no file.
 */

/* "root.crt" or "ca.crt", and "root.key" or "ca.key". */
const char *issuing_certificate_name(const struct ca_node *ca);
const char *issuing_key_name(const struct ca_node *ca);

/* What to do when a CA that has worked lost this certificate, for a message: the same everywhere.
 */
const char *advise_lost_certificate(const char *name);

/* Whether there are such files; a key in a token is not looked for, and counts as found. */
int find_root(const struct layout *layout, bool *ret_found, struct fault *fault) MUST_CHECK;
int find_issuing_certificate(const struct layout *layout, const struct ca_node *ca, bool *ret_found,
			     struct fault *fault) MUST_CHECK;
int find_issuing_key(const struct layout *layout, const struct ca_node *ca,
		     const struct key_access *access, bool *ret_found,
		     struct fault *fault) MUST_CHECK;

/*
 * FAULT_REFUSED when the files of the layout and the manifest disagree on the kind of CA, whether
 * the root itself issues or lies apart: a CA never changes from one kind to the other.
 */
int check_ca_kind(const struct layout *layout, const struct ca_node *ca,
		  struct fault *fault) MUST_CHECK;

/* Makes and writes the issuing key, unless it exists. Never makes a key in a token. */
int make_issuing_key(const struct layout *layout, const struct ca_node *ca,
		     const struct key_access *access, struct fault *fault) MUST_CHECK;

/*
 * Makes and writes the root of the key Private/root.key, or of the key in the token. The layout,
 * the CA's or the root's own, must have no root yet.
 */
int make_root(const struct layout *layout, const struct ca_node *ca,
	      const struct key_access *access, int64_t now_s, struct fault *fault) MUST_CHECK;

/* cert/root.crt. FAULT_NOT_FOUND. */
int read_ca_root(const struct layout *layout, struct certificate **ret_root,
		 struct fault *fault) MUST_CHECK;

/* The certificate with which the CA issues: cert/ca.crt, or cert/root.crt. FAULT_NOT_FOUND. */
int read_issuing_certificate(const struct layout *layout, const struct ca_node *ca,
			     struct certificate **ret_certificate, struct fault *fault) MUST_CHECK;

/*
 * Reads certificate, root and key as an issuer, whose certificates will have the manifest's URLs.
 * access NULL: without the key, which another process has; Private/ is not looked at.
 * Errors: FAULT_NOT_FOUND without a certificate; FAULT_REFUSED when certificate and key do not
 * belong together, the certificate is not a CA's, or not by the root; and those of check_ca_kind.
 */
int load_issuer(const struct layout *layout, const struct ca_node *ca,
		const struct key_access *access, struct issuer **ret_issuer,
		struct fault *fault) MUST_CHECK;

/* FAULT_REFUSED when the root, or the intermediate below it, is expired or not yet valid. */
int check_issuer_validity(const struct issuer *issuer, int64_t now_s,
			  struct fault *fault) MUST_CHECK;

#endif
