#ifndef CERTPOOL_X509_REVOCATION_URLS_H
#define CERTPOOL_X509_REVOCATION_URLS_H

#include "common/base/bytes.h"

/*
 * The two extensions by which a certificate says where it can be looked up: neither is critical.
 * Shape: a URL is text of ASCII (IA5String); which URLs make sense is for the manifest.
 */

/* Appends the extension cRLDistributionPoints: one point, with the URL as its fullName (RFC 5280
   section 4.2.1.13). */
void append_crl_distribution_points(struct buffer *extensions, const char *url);

/* Appends the extension authorityInfoAccess: one access, id-ad-ocsp at the URL (RFC 5280
   section 4.2.2.1). */
void append_ocsp_access(struct buffer *extensions, const char *url);

#endif
