#ifndef CERTPOOL_TESTS_SUPPORT_GNUTLS_OBJECTS_H
#define CERTPOOL_TESTS_SUPPORT_GNUTLS_OBJECTS_H

#include "common/base/bytes.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

/* GnuTLS's objects of keys and certificates that certpool wrote, for comparison with another
   implementation. A failure ends the test. The caller deinitialises the object. */
gnutls_privkey_t gnutls_privkey_of(struct bytes pem);
gnutls_pubkey_t gnutls_pubkey_of(struct bytes spki);
gnutls_x509_crt_t gnutls_crt_of(struct bytes der);

/* The result borrows the octets. */
gnutls_datum_t datum_of(struct bytes octets);

#endif
