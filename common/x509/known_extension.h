#ifndef CERTPOOL_X509_KNOWN_EXTENSION_H
#define CERTPOOL_X509_KNOWN_EXTENSION_H

#include "common/x509/certificate_fields.h"

/*
 * Why an extension does not have its form, with the section of the RFC, if it is one that certpool
 * knows and does not use: issuerAltName, subjectDirectoryAttributes, certificatePolicies,
 * policyMappings, cRLDistributionPoints, freshestCRL, authorityInfoAccess, subjectInfoAccess,
 * id-pkix-ocsp-nocheck. Other verifiers refuse a certificate that has a malformed one. NULL for a
 * well-formed one, and for any other extension.
 */
const char *find_form_problem(const struct extension *extension);

#endif
