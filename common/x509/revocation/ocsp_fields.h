#ifndef CERTPOOL_X509_REVOCATION_OCSP_FIELDS_H
#define CERTPOOL_X509_REVOCATION_OCSP_FIELDS_H

#include "common/base/bytes.h"
#include "common/crypto/digest.h"

/* The fields that OCSP requests and responses share: CertID and extensions. */

struct certificate;

/*
 * The digest algorithm of a CertID (RFC 6960 section 4.1.1), which names a certificate by digests
 * of its issuer's name and key, and by its serial. Clients send SHA-1 (RFC 5019 section 2.1.1
 * demands it); it is harmless, since it only tells issuers apart.
 */
enum ocsp_hash { OCSP_SHA1, OCSP_SHA256, OCSP_HASH_COUNT };

enum { CERT_ID_MAX = 256 };

/* A CertID, as slices of DER that the caller owns. */
struct cert_id {
	struct bytes whole;
	enum ocsp_hash hash; /* OCSP_HASH_COUNT: an unknown algorithm, which matches no issuer */
	struct bytes issuer_name_hash;
	struct bytes issuer_key_hash;
	struct bytes serial; /* contents octets of the INTEGER */
};

/*
 * Takes a CertID off *rest, which is strict DER (check_der). The parameters of the digest are NULL
 * or absent. False for any other item, and for one of more than CERT_ID_MAX octets.
 */
bool read_cert_id(struct bytes *rest, struct cert_id *ret_id);

/* The digests by which CertIDs name an issuer, under each algorithm. */
struct issuer_hashes {
	uint8_t name[OCSP_HASH_COUNT][SHA256_LEN];
	uint8_t key[OCSP_HASH_COUNT][SHA256_LEN];
};

int digest_issuer(const struct certificate *issuer, struct issuer_hashes *ret_hashes,
		  struct fault *fault) MUST_CHECK;

/* Whether the CertID names a certificate by that issuer. */
bool cert_id_matches_issuer(const struct cert_id *id, const struct issuer_hashes *issuer);

/* Appends a CertID. Shape: serial is the contents octets of an INTEGER. */
void append_cert_id(struct buffer *buffer, enum ocsp_hash hash, const struct issuer_hashes *issuer,
		    struct bytes serial);

/* RFC 9654 section 2.1: a nonce has 1 to OCSP_NONCE_MAX octets; certpool sends OCSP_NONCE_LEN. */
enum { OCSP_NONCE_MAX = 128, OCSP_NONCE_LEN = 32 };

/*
 * Finds the nonce, the only known extension (RFC 6960 section 4.4), in the contents of an
 * Extensions in strict DER. Empty if there is none. Returns NULL, or the problem: an unknown
 * critical extension, two nonces, or a nonce that is empty or longer than OCSP_NONCE_MAX.
 */
const char *read_ocsp_extensions(struct bytes extensions, struct bytes *ret_nonce);

/*
 * Reads the end of a structure: Extensions under an explicit tag, as read_ocsp_extensions does, or
 * nothing. ret_nonce may be NULL.
 */
const char *end_with_ocsp_extensions(struct bytes rest, uint8_t tag, struct bytes *ret_nonce);

/* Appends Extensions with only the nonce, under the explicit tag; nothing for an empty nonce. */
void append_ocsp_nonce(struct buffer *buffer, uint8_t tag, struct bytes nonce);

#endif
