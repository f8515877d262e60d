#ifndef CERTPOOL_TESTS_SUPPORT_GNUTLS_OBJECTS_H
#define CERTPOOL_TESTS_SUPPORT_GNUTLS_OBJECTS_H

#include "common/base/bytes.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

/* What we wrote, as GnuTLS reads it: the other implementation that tests compare with. What fails
   ends the test. The caller deinitialises. */
gnutls_privkey_t gnutls_privkey_of(struct bytes pem);
gnutls_pubkey_t gnutls_pubkey_of(struct bytes spki);
gnutls_x509_crt_t gnutls_crt_of(struct bytes der);

/* Borrows. */
gnutls_datum_t datum_of(struct bytes octets);

#endif
