#ifndef CERTPOOL_X509_CERTIFICATE_H
#define CERTPOOL_X509_CERTIFICATE_H

#include "common/base/bytes.h"
#include "common/crypto/key.h"
#include "common/x509/alt_name.h"
#include "common/x509/serial.h"

struct certificate_fields;

/*
 * A parsed X.509 certificate (RFC 5280). Always holds: its DER is exactly one certificate, strict,
 * of at most CERTIFICATE_DER_MAX octets; its public key is a struct public_key; its serial has 1 to
 * SERIAL_MAX octets; its times and names can be read. Whether the certificate may be relied on is
 * not implied: check_profile and verify_chain decide that. Its names are text with '?' in place of
 * every control character.
 */
struct certificate;

enum { CERTIFICATE_DER_MAX = 16384, CERTIFICATE_PEM_MAX = 24576 };

/* Errors: FAULT_MALFORMED, FAULT_TOO_LARGE, FAULT_REFUSED for a weak or unsupported public key. */
int parse_certificate_pem(struct bytes pem, struct certificate **ret_certificate,
			  struct fault *fault) MUST_CHECK;
int parse_certificate_der(struct bytes der, struct certificate **ret_certificate,
			  struct fault *fault) MUST_CHECK;
void free_certificate(struct certificate **certificate);

/* One certificate's PEM from its DER (RFC 7468). */
int format_certificate_pem(struct bytes der, struct buffer *ret_pem,
			   struct fault *fault) MUST_CHECK;

/*
 * The octets inside one PEM block, which are not parsed. Only white space may surround the block.
 * Errors: FAULT_MALFORMED, FAULT_TOO_LARGE beyond CERTIFICATE_PEM_MAX.
 */
int unwrap_certificate_pem(struct bytes pem, struct buffer *ret_der,
			   struct fault *fault) MUST_CHECK;

/* All results are borrowed from the certificate. */
struct bytes certificate_der(const struct certificate *certificate);
struct bytes
certificate_serial(const struct certificate *certificate); /* contents octets of the INTEGER */
const char *certificate_subject(const struct certificate *certificate); /* RFC 4514 */
const char *certificate_issuer(const struct certificate *certificate);
struct bytes certificate_raw_issuer(const struct certificate *certificate); /* DER of the Name */
int64_t certificate_not_before(const struct certificate *certificate);
int64_t certificate_not_after(const struct certificate *certificate);
const struct public_key *certificate_public_key(const struct certificate *certificate);
const struct certificate_fields *certificate_fields(const struct certificate *certificate);

/*
 * The alternative names. ret_names must be empty, and stays so if the certificate has none.
 * Errors: FAULT_MALFORMED also for kinds of name that struct alt_names does not have.
 */
int get_certificate_alt_names(const struct certificate *certificate, struct alt_names *ret_names,
			      struct fault *fault) MUST_CHECK;

#endif
