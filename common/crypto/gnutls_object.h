#ifndef CERTPOOL_CRYPTO_GNUTLS_OBJECT_H
#define CERTPOOL_CRYPTO_GNUTLS_OBJECT_H

#include "common/base/bytes.h"

#include <gnutls/gnutls.h>

/* For this folder: what every use of GnuTLS needs. */

/* Wipes and frees, for a gnutls_datum_t local under CLEANUP. */
void free_datum(gnutls_datum_t *datum);

/* Octets as GnuTLS takes them: borrowed, and fewer than 4 GiB. */
gnutls_datum_t borrow_datum(struct bytes octets);

/* FAULT_FAILED, with GnuTLS's own words for its code. Returns -1. */
static inline int set_gnutls_fault(struct fault *fault, const char *what, int code)
{
	return code == GNUTLS_E_MEMORY_ERROR
		       ? set_memory_fault(fault)
		       : set_fault(fault, FAULT_FAILED, "%s: %s", what, gnutls_strerror(code));
}

/* Copies what GnuTLS allocated. */
int copy_datum(const gnutls_datum_t *datum, struct secret *ret_secret,
	       struct fault *fault) MUST_CHECK;

/* The PEM (RFC 7468) of DER that is a secret. */
int format_pem_secret(const char *label, struct bytes der, struct secret *ret_pem,
		      struct fault *fault) MUST_CHECK;

#endif
