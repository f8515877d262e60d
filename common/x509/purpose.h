#ifndef CERTPOOL_X509_PURPOSE_H
#define CERTPOOL_X509_PURPOSE_H

#include "common/base/verdict.h"
#include "common/layout/usages.h"
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

/* The purposes that stand for the usages of a set. */
unsigned int purposes_of_usages(unsigned int usages);

/* The bits of keyUsage, of the first octet. False unless the value is a BIT STRING of one or two
   octets; *ret_second: it has bits of the second octet. */
bool read_key_usage(struct bytes value, uint8_t *ret_bits, bool *ret_second);

/*
 * What a member's certificate is for, as a set of enum usage. A certificate without extKeyUsage is
 * for USE_SIGN: in the profile of certpool that is the certificate of a pool's member, with which
 * nothing else is promised. One with id-kp-documentSigning alone is for USE_SIGN | USE_NAMED_SIGN.
 * USE_KEY_ENCIPHERMENT is that bit of keyUsage.
 */
unsigned int find_usages(const struct certificate_fields *fields);

/*
 * Refuses a certificate with an extKeyUsage that lacks the purpose of the usage (RFC 5280
 * section 4.2.1.12). One without extKeyUsage is for every purpose; so is anyExtendedKeyUsage.
 */
struct certificate;
void check_usage(const struct certificate *certificate, enum usage usage, struct verdict *verdict);

/*
 * Appends keyUsage and, unless the set is USE_SIGN without USE_NAMED_SIGN, extKeyUsage, neither in
 * another form than this one: keyUsage critical, with digitalSignature, and keyEncipherment for
 * USE_KEY_ENCIPHERMENT; extKeyUsage not critical, with serverAuth, clientAuth, emailProtection,
 * id-kp-documentSigning (RFC 9336), in that order.
 */
void append_usages(struct buffer *extensions, unsigned int usages);

enum { OTHER_USAGES_SIZE = 128 };

/* What the extensions of a request ask for. */
struct asked_usages {
	/* Of enum usage. Without PLAIN_USAGES the request names none. */
	unsigned int usages;
	/* What no member's certificate has, for messages: "codeSigning, CA:TRUE"; "": nothing. */
	char other[OTHER_USAGES_SIZE];
};

/*
 * Reads keyUsage, extKeyUsage and basicConstraints of a request.
 * Errors: FAULT_MALFORMED if one of them cannot be read or is there twice.
 */
int read_asked_usages(struct bytes extensions, struct asked_usages *ret_asked,
		      struct fault *fault) MUST_CHECK;

#endif
