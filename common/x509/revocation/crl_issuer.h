#ifndef CERTPOOL_X509_REVOCATION_CRL_ISSUER_H
#define CERTPOOL_X509_REVOCATION_CRL_ISSUER_H

#include "common/x509/certificate.h"

/* Whether the certificate's keyUsage has cRLSign (RFC 5280 section 4.2.1.3). GnuTLS does not ask.
   False without a keyUsage. */
bool may_sign_crls(const struct certificate *certificate);

#endif
