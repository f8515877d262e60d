#ifndef CERTPOOL_CA_SERVICE_CSR_ATTRIBUTES_H
#define CERTPOOL_CA_SERVICE_CSR_ATTRIBUTES_H

#include "common/ca/store/clients.h"

/*
 * Appends the DER of CsrAttrs (RFC 7030 section 4.5.2, RFC 9908 section 3): what this CA expects of
 * a client's requests. `usages` are those that the request gets where it names none (of a label, or
 * 0: all of the client's policy). There is
 *
 *  - a key type, if the policy allows one alone: id-ecPublicKey with the curve (RFC 5480),
 *    rsaEncryption with the modulus's length in bits, or id-Ed25519 (RFC 8410);
 *  - an extensionRequest (RFC 2985 section 5.4.2) with keyUsage and extKeyUsage, as the certificate
 *    will have them, unless that is for USE_SIGN alone, where a request needs neither;
 *  - and the same once more as a CertificationRequestInfoTemplate (RFC 9908 section 3.4), beside
 * which clients that know it ignore the others (section 4).
 *
 * Appends nothing where neither is: a request with any content that the policy allows will do.
 * Not said: subject and alternative names, of which the policy has patterns, not values.
 */
void append_csr_attributes(const struct client *client, unsigned int usages, struct buffer *der);

#endif
