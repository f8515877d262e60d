#ifndef CERTPOOL_CRYPTO_JOSE_FLATTENED_JWS_H
#define CERTPOOL_CRYPTO_JOSE_FLATTENED_JWS_H

#include "common/crypto/jose/public_jwk.h"
#include "common/crypto/signature.h"

/*
 * JWS in the flattened JSON serialisation (RFC 7515 section 7.2.2), as ACME uses it (RFC 8555
 * section 6.2): an object of exactly "protected", "payload" and "signature", in strict base64url,
 * whose protected header has exactly the members that its place asks for. An unprotected header,
 * several signatures, "crit", "b64" and all other members are malformed.
 */
enum jws_place {
	JWS_REQUEST, /* alg, nonce, url, and either jwk or kid */
	JWS_NEW_KEY, /* of a key change (RFC 8555 section 7.3.5): alg, url, jwk */
	JWS_BINDING, /* of an external account (section 7.3.4): alg HS256, url, kid */
};

enum { FLATTENED_JWS_MAX = 65536 };

/* Nothing in it may be relied on before it is verified. */
struct flattened_jws {
	enum signature_algorithm algorithm; /* not of JWS_BINDING */
	char *nonce;                        /* of JWS_REQUEST; else NULL */
	char *url;
	char *kid;              /* NULL: it has the key */
	struct public_key *key; /* of jwk; NULL: it has a kid */
	struct buffer payload;
	struct buffer signing_input; /* RFC 7515 section 5.2: ASCII(header) "." ASCII(payload) */
	struct buffer signature;
};

/*
 * Parses a JWS, or an object that is one. Owns: clear_flattened_jws.
 * Errors: FAULT_MALFORMED; FAULT_UNVERIFIED for an algorithm that the place does not have, "none"
 * among them; FAULT_REFUSED for a jwk that parse_public_jwk refuses.
 */
int parse_flattened_jws(struct bytes json, enum jws_place place, struct flattened_jws *ret_jws,
			struct fault *fault) MUST_CHECK;
int read_flattened_jws(const struct json_t *object, enum jws_place place,
		       struct flattened_jws *ret_jws, struct fault *fault) MUST_CHECK;
void clear_flattened_jws(struct flattened_jws *jws);

/* Whether the signature is by the key, and the algorithm fits the key. Not for JWS_BINDING. */
int verify_flattened_jws(const struct flattened_jws *jws, const struct public_key *key,
			 struct verdict *verdict, struct fault *fault) MUST_CHECK;

/* Whether a JWS_BINDING was made with the key, by HMAC with SHA-256 (RFC 7518 section 3.2). */
bool verify_keyed_jws(const struct flattened_jws *jws, const uint8_t key[static SHA256_LEN]);

#endif
