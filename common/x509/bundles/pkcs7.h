#ifndef CERTPOOL_X509_BUNDLES_PKCS7_H
#define CERTPOOL_X509_BUNDLES_PKCS7_H

#include "common/base/bytes.h"

/*
 * Writes certificates as PKCS#7 without content and signatures ("certs-only"): SignedData (RFC 5652
 * section 5.1) of version 1 with content of type id-data, in DER. It is a set, without order.
 * Shape: the certificates are DER, at least one.
 */
int format_certs_only(const struct bytes *certificates, size_t count, struct buffer *ret_der,
		      struct fault *fault) MUST_CHECK;

#endif
