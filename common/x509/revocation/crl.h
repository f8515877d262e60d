#ifndef CERTPOOL_X509_REVOCATION_CRL_H
#define CERTPOOL_X509_REVOCATION_CRL_H

#include "common/base/verdict.h"
#include "common/x509/certificate.h"
#include "common/x509/revocation/crl_reason.h"

/*
 * A CRL that was read (RFC 5280 section 5). What holds: exactly one CRL in strict DER, of at most
 * CRL_DER_MAX octets, with all that crl_fields.h asks for, and every entry of it can be read. Its
 * serials are indexed, so that asking for one costs no scan; besides the DER it takes four octets
 * an entry. Not changed once it is there: safe for several threads.
 *
 * Whether it may be relied on is for verify_crl. GnuTLS's own check is not used: it drops a CRL
 * that it does not like without a word, and then nothing is revoked.
 */
struct crl;

/* Two and a half million entries of ours. */
enum { CRL_DER_MAX = 128 * 1024 * 1024, CRL_PEM_MAX = CRL_DER_MAX / 47 * 65, CRL_SKEW_S = 300 };

/*
 * DER, or PEM with the label X509 CRL. Takes the content over, also on failure: *content is empty
 * afterwards.
 * Errors: FAULT_MALFORMED, FAULT_TOO_LARGE.
 */
int parse_crl(struct buffer *content, struct crl **ret_crl, struct fault *fault) MUST_CHECK;
void free_crl(struct crl **crl);

int64_t crl_this_update(const struct crl *crl);
int64_t crl_next_update(const struct crl *crl);
size_t crl_count(const struct crl *crl); /* of entries */

/* "7"; hexadecimal after 0x when it has more than 64 bits. */
enum { CRL_NUMBER_TEXT_SIZE = 2 + 2 * 20 + 1 };
void format_crl_number(const struct crl *crl, char ret_text[static CRL_NUMBER_TEXT_SIZE]);

/* Whether the CRL is older than the other one of the same issuer: by its number, and, when that is
   the same, by thisUpdate. */
bool older_crl(const struct crl *crl, const struct crl *other);

/* Whether the CRL says that it is by the holder of the certificate: by name and key identifier. */
bool names_issuer(const struct crl *crl, const struct certificate *issuer);

/* Whether the certificate's keyUsage has cRLSign (RFC 5280 section 4.2.1.3). GnuTLS does not ask.
   False without a keyUsage. */
bool may_sign_crls(const struct certificate *certificate);

/*
 * Whether the CRL is by the issuer: names_issuer, and the issuer's certificate allows cRLSign, and
 * the signature is by its key. The certificate itself is for verify_chain.
 */
int verify_crl_signature(const struct crl *crl, const struct certificate *issuer,
			 struct verdict *verdict, struct fault *fault) MUST_CHECK;

/* Whether the CRL is the current one then: thisUpdate is not in the future, CRL_SKEW_S apart, and
   nextUpdate not past. */
void check_crl_time(const struct crl *crl, int64_t at_s, struct verdict *verdict);

/* Both. */
int verify_crl(const struct crl *crl, const struct certificate *issuer, int64_t at_s,
	       struct verdict *verdict, struct fault *fault) MUST_CHECK;

struct crl_revocation {
	int64_t revoked_at_s;
	int reason; /* enum crl_reason */
};

/* Whether the certificate of the serial (contents octets of the INTEGER) is on the CRL. */
bool find_revoked(const struct crl *crl, struct bytes serial,
		  struct crl_revocation *ret_revocation);

#endif
