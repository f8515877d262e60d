#ifndef CERTPOOL_X509_REVOCATION_CRL_H
#define CERTPOOL_X509_REVOCATION_CRL_H

#include "common/base/verdict.h"
#include "common/x509/certificate.h"
#include "common/x509/revocation/crl_reason.h"

/*
 * A parsed CRL (RFC 5280 section 5). Always holds: its DER is exactly one CRL, strict, of at most
 * CRL_DER_MAX octets, with the fields that split_crl demands, and every entry can be read. Serials
 * are indexed, so that a look-up costs no scan; the index takes four octets an entry. A CRL never
 * changes, so several threads may use it.
 *
 * Whether the CRL may be relied on is not implied: verify_crl decides that. GnuTLS's own check is
 * not used: it silently drops a CRL that it does not accept, and then no certificate is revoked.
 */
struct crl;

/* Room for two and a half million entries. */
enum { CRL_DER_MAX = 128 * 1024 * 1024, CRL_PEM_MAX = CRL_DER_MAX / 47 * 65, CRL_SKEW_S = 300 };

/*
 * Parses DER, or PEM with the label X509 CRL. Takes ownership of the content, also on failure:
 * *content is empty afterwards.
 * Errors: FAULT_MALFORMED, FAULT_TOO_LARGE.
 */
int parse_crl(struct buffer *content, struct crl **ret_crl, struct fault *fault) MUST_CHECK;
void free_crl(struct crl **crl);

/*
 * The same in two steps, for a CRL of which anybody may be the author: its entries are read and
 * sorted by index_crl alone, which the caller calls after verify_crl_signature. Before that, every
 * certificate counts as revoked, and crl_count is 0.
 */
int parse_crl_fields(struct buffer *content, struct crl **ret_crl, struct fault *fault) MUST_CHECK;
int index_crl(struct crl *crl, struct fault *fault) MUST_CHECK;

struct bytes crl_der(const struct crl *crl);    /* borrowed */
struct bytes crl_issuer(const struct crl *crl); /* its name: DER, borrowed */
int64_t crl_this_update(const struct crl *crl);
int64_t crl_next_update(const struct crl *crl);
size_t crl_count(const struct crl *crl); /* of entries */

/* Writes the CRL number in decimal ("7"), or in hexadecimal after "0x" if it has more than 64
   bits. */
enum { CRL_NUMBER_TEXT_SIZE = 2 + 2 * 20 + 1 };
void format_crl_number(const struct crl *crl, char ret_text[static CRL_NUMBER_TEXT_SIZE]);

/* FAULT_TOO_LARGE for a number over INT64_MAX: this CA numbers none of its CRLs so. */
int get_crl_number(const struct crl *crl, uint64_t *ret_number, struct fault *fault) MUST_CHECK;

/* Whether the CRL is older than the other one, which has the same issuer: its number is smaller, or
   the numbers are equal and its thisUpdate is earlier. */
bool older_crl(const struct crl *crl, const struct crl *other);

/* Whether the CRL names the certificate's holder as its issuer, by name and authorityKeyIdentifier.
   Nothing is verified: another key may have both. */
bool names_issuer(const struct crl *crl, const struct certificate *issuer);

/* Whether the certificate's keyUsage has cRLSign (RFC 5280 section 4.2.1.3); false without a
   keyUsage. GnuTLS does not check this. */
bool may_sign_crls(const struct certificate *certificate);

/*
 * Whether the issuer signed the CRL: names_issuer and may_sign_crls hold, and the signature is by
 * the issuer's key. The issuer's certificate itself is not verified: see verify_chain.
 */
int verify_crl_signature(const struct crl *crl, const struct certificate *issuer,
			 struct verdict *verdict, struct fault *fault) MUST_CHECK;

/* Whether the CRL is current at the time: thisUpdate is at most CRL_SKEW_S in the future, and
   nextUpdate is not past. In the second of nextUpdate the CRL is still current. */
void check_crl_time(const struct crl *crl, int64_t at_s, struct verdict *verdict);

/* Both: check_crl_time and verify_crl_signature. */
int verify_crl(const struct crl *crl, const struct certificate *issuer, int64_t at_s,
	       struct verdict *verdict, struct fault *fault) MUST_CHECK;

struct crl_revocation {
	int64_t revoked_at_s;
	int reason; /* enum crl_reason */
};

/*
 * The entry of that index, from 0 in the order of the serials. The serial has leading zeros.
 * Shape: index is less than crl_count.
 */
void read_crl_entry(const struct crl *crl, size_t index, uint8_t ret_serial[static SERIAL_MAX],
		    struct crl_revocation *ret_revocation);

/* Whether a certificate is on the CRL. Shape: serial is the contents octets of an INTEGER. */
bool find_revoked(const struct crl *crl, struct bytes serial,
		  struct crl_revocation *ret_revocation);

#endif
