#ifndef CERTPOOL_CA_ISSUE_ISSUING_KEY_H
#define CERTPOOL_CA_ISSUE_ISSUING_KEY_H

#include "common/ca/store/issuers.h"
#include "common/crypto/key_access.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/x509/issuer_set.h"

/*
 * The certificate and key with which a CA issues, in its layout:
 *
 *   cert/root.crt and Private/root.key     when the root itself issues
 *   cert/ca.crt and Private/ca.key         when the root lies apart (root_layout in the manifest):
 *                                          cert/root.crt is then a copy of that root
 *
 *   cert/ca.N.crt and Private/ca.N.key   likewise, of its later issuers (issuers.h), from N = 2 on;
 *                                        the last of them issues
 *
 * Once a root that issues by itself is replaced (rotate_own_root.h), each root is an issuer, with
 * these names, ca.crt and ca.key for the first. The certificate of each is by the root in
 * cert/root.crt, or is that root.
 *
 * A key in a token has no file. A certificate comes after its key: where cert/ca.N.crt is, issuer N
 * is complete.
 */

/* How long a process that serves may go on with the issuer before: it looks every second, and the
   signer refuses after ten minutes. */
enum { TAKEOVER_MAX_S = 900 };

/* "root.crt", "ca.crt" or "ca.N.crt", and "root.key", "ca.key" or "ca.N.key". */
void name_issuing_certificate(const struct layout *layout, const struct ca_node *ca,
			      unsigned int number, char ret_name[static FILE_NAME_SIZE]);
void name_issuing_key(const struct layout *layout, const struct ca_node *ca, unsigned int number,
		      char ret_name[static FILE_NAME_SIZE]);

/* A URL of the manifest, of the CRL or of the issuer's certificate, as the certificates by the
   issuer of that number name it: "URL/2". NULL is "". */
void format_numbered_url(const char *url, unsigned int number, struct buffer *ret_url);

/* What to do when a CA that has worked lost this certificate, for a message: the same everywhere.
 */
const char *advise_lost_certificate(const char *name);

/* How many issuers have their certificate's file, one after the other: the number of the newest. */
int count_issuing_certificates(const struct layout *layout, const struct ca_node *ca,
			       unsigned int *ret_count, struct fault *fault) MUST_CHECK;

/* Whether there are such files, of issuer 1; a key in a token is not looked for, and counts as
   found. */
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

/* Makes and writes an issuer's key, unless it exists. Never makes a key in a token. */
int make_issuing_key(const struct layout *layout, const struct ca_node *ca, unsigned int number,
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

/* The certificate of an issuer. FAULT_NOT_FOUND. */
int read_issuing_certificate(const struct layout *layout, const struct ca_node *ca,
			     unsigned int number, struct certificate **ret_certificate,
			     struct fault *fault) MUST_CHECK;

/*
 * Reads certificate, root and key of the issuers that are not in the set yet, and adds them. Their
 * certificates will have the manifest's URLs, that of the CRL with "/N" behind it from issuer 2 on.
 * The key of an older issuer may be gone: it cannot sign then. access NULL: without the key, which
 * another process has; Private/ is not looked at. Errors: FAULT_NOT_FOUND without a certificate;
 * FAULT_REFUSED when certificate and key do not belong together, the certificate is not a CA's, or
 * not by the root; and those of check_ca_kind.
 */
int load_issuers(const struct layout *layout, const struct ca_node *ca,
		 const struct key_access *access, struct issuer_set *set,
		 struct fault *fault) MUST_CHECK;

/*
 * Records the issuers of the set that the record lacks (record_issuer).
 * Errors: FAULT_REFUSED when the record has another one, or one that the layout lacks.
 */
int sync_issuers(struct store *store, const struct layout *layout, const struct ca_node *ca,
		 const struct issuer_set *set, int64_t now_s, struct fault *fault) MUST_CHECK;

/*
 * Has the issuers of the set go on with the certificates that the layout has by now, when those in
 * the record are others: a new root has certified their keys (replace_issuer_certificate). It costs
 * a look at the record when they are not. One thread at a time, while others use the set.
 */
int refresh_certificates(struct store *store, const struct layout *layout, const struct ca_node *ca,
			 struct issuer_set *set, struct fault *fault) MUST_CHECK;

/* FAULT_REFUSED when the root, or the intermediate below it, is expired or not yet valid. */
int check_issuer_validity(const struct issuer *issuer, int64_t now_s,
			  struct fault *fault) MUST_CHECK;

#endif
