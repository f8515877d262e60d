#ifndef CERTPOOL_X509_PURPOSE_H
#define CERTPOOL_X509_PURPOSE_H

#include "common/x509/certificate_fields.h"

/* The purposes of extKeyUsage (RFC 5280 section 4.2.1.12) that certpool tells apart, as bits. */
enum purpose {
	PURPOSE_SERVER_AUTH = 0x01,
	PURPOSE_CLIENT_AUTH = 0x02,
	PURPOSE_EMAIL_PROTECTION = 0x04,
	PURPOSE_DOCUMENT_SIGNING = 0x08, /* RFC 9336 section 3.1 */
	PURPOSE_OCSP_SIGNING = 0x10,     /* RFC 6960 section 4.2.2.2 */

	/* One of them is enough for a member. */
	PURPOSES_OF_MEMBERS = 0x0f,
};

/*
 * Reads the value of the extension. anyExtendedKeyUsage stands for the purposes of members; for
 * OCSP a responder has to be named (RFC 6960 section 4.2.2.2). Other purposes have no bit.
 * Returns false unless the value is strict DER with at least one purpose.
 */
bool read_purposes(struct bytes value, unsigned int *ret_purposes);

/* The purposes of a certificate: those of members if it has no extKeyUsage, none if that cannot be
   read. */
unsigned int find_purposes(const struct certificate_fields *fields);

#endif
