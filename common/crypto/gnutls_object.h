#ifndef CERTPOOL_CRYPTO_GNUTLS_OBJECT_H
#define CERTPOOL_CRYPTO_GNUTLS_OBJECT_H

#include "common/base/bytes.h"

#include <gnutls/gnutls.h>

/* Helpers for GnuTLS's objects. For this folder. */

/* Wipes and frees, for a gnutls_datum_t local under CLEANUP. */
void free_datum(gnutls_datum_t *datum);

/* Borrows the octets in GnuTLS's form. Shape: fewer than 4 GiB. */
gnutls_datum_t borrow_datum(struct bytes octets);

/* Sets FAULT_FAILED with GnuTLS's text for its error code. Returns -1. */
static inline int set_gnutls_fault(struct fault *fault, const char *what, int code)
{
	return code == GNUTLS_E_MEMORY_ERROR
		       ? set_memory_fault(fault)
		       : set_fault(fault, FAULT_FAILED, "%s: %s", what, gnutls_strerror(code));
}

/* Copies octets that GnuTLS allocated into a secret, which must be empty. */
int copy_datum(const gnutls_datum_t *datum, struct secret *ret_secret,
	       struct fault *fault) MUST_CHECK;

/* Writes the PEM (RFC 7468) of a secret's DER. */
int format_pem_secret(const char *label, struct bytes der, struct secret *ret_pem,
		      struct fault *fault) MUST_CHECK;

#endif
