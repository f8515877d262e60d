#ifndef CERTPOOL_X509_REVOCATION_OCSP_FIELDS_H
#define CERTPOOL_X509_REVOCATION_OCSP_FIELDS_H

#include "common/base/bytes.h"
#include "common/crypto/digest.h"

struct certificate;

/*
 * How OCSP names a certificate (RFC 6960 section 4.1.1, CertID): by digests of its issuer's name
 * and key, and by its serial. SHA-1 is what everybody's client sends (RFC 5019 section 2.1.1 asks
 * for it), and does no harm here: it only tells issuers apart.
 */
enum ocsp_hash { OCSP_SHA1, OCSP_SHA256, OCSP_HASH_COUNT };

enum { CERT_ID_MAX = 256 };

/* Slices of DER that somebody else owns. */
struct cert_id {
	struct bytes whole;
	enum ocsp_hash hash; /* OCSP_HASH_COUNT: another one, under which we know no issuer */
	struct bytes issuer_name_hash;
	struct bytes issuer_key_hash;
	struct bytes serial; /* contents octets of the INTEGER */
};

/*
 * Takes a CertID off *rest, which is strict DER (check_der). The digest's parameters are NULL or
 * missing. False for anything else, and for one of more than CERT_ID_MAX octets.
 */
bool read_cert_id(struct bytes *rest, struct cert_id *ret_id);

/* An issuer as CertIDs name it. */
struct issuer_hashes {
	uint8_t name[OCSP_HASH_COUNT][SHA256_LEN];
	uint8_t key[OCSP_HASH_COUNT][SHA256_LEN];
};

int digest_issuer(const struct certificate *issuer, struct issuer_hashes *ret_hashes,
		  struct fault *fault) MUST_CHECK;

/* Whether the CertID is of a certificate of that issuer's. */
bool cert_id_matches_issuer(const struct cert_id *id, const struct issuer_hashes *issuer);

/* Appends a CertID. Shape: serial is contents octets of an INTEGER. */
void append_cert_id(struct buffer *buffer, enum ocsp_hash hash, const struct issuer_hashes *issuer,
		    struct bytes serial);

/* The extensions of OCSP requests and responses, of which we know one (RFC 6960 section 4.4). */

enum { OCSP_NONCE_MAX = 32 }; /* RFC 8954 section 2.1; at least 1 */

/*
 * Reads the contents of an Extensions, strict DER, and finds the nonce: empty when there is none.
 * NULL, or what is wrong: a critical extension that is not known, two nonces, a nonce that is
 * empty or longer than OCSP_NONCE_MAX.
 */
const char *read_ocsp_extensions(struct bytes extensions, struct bytes *ret_nonce);

/*
 * Takes Extensions under an explicit tag off *rest, when they are there, as above. ret_nonce may be
 * NULL where a nonce has no place.
 */
const char *take_ocsp_extensions(struct bytes *rest, uint8_t tag, struct bytes *ret_nonce);

/* Appends Extensions with the nonce alone, under the explicit tag; nothing for an empty one. */
void append_ocsp_nonce(struct buffer *buffer, uint8_t tag, struct bytes nonce);

#endif
