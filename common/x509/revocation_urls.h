#ifndef CERTPOOL_X509_REVOCATION_URLS_H
#define CERTPOOL_X509_REVOCATION_URLS_H

#include "common/base/bytes.h"

/*
 * The two extensions by which a certificate says where it can be looked up: neither is critical.
 * Shape: a URL is text of ASCII (IA5String); which URLs make sense is for the manifest.
 */

#define OID_CRL_DISTRIBUTION_POINTS "2.5.29.31"
#define OID_AUTHORITY_INFO_ACCESS "1.3.6.1.5.5.7.1.1"

/* Appends the DER of CRLDistributionPoints: one point, with the URL as its fullName (RFC 5280
   section 4.2.1.13). */
void append_crl_distribution_points(struct buffer *buffer, const char *url);

/* Appends the DER of AuthorityInfoAccessSyntax: one access, id-ad-ocsp at the URL (RFC 5280
   section 4.2.2.1). */
void append_ocsp_access(struct buffer *buffer, const char *url);

#endif
