#include "common/crypto/jose/public_jwk.h"

#include "common/crypto/base64.h"
#include "common/crypto/gnutls_object.h"
#include "common/crypto/json.h"

#include <gnutls/abstract.h>
#include <string.h>

/* A member of at most this length is decoded: the modulus of RSA-4096 has 512 octets. */
enum { NUMBER_MAX = 1024 };

/* The octets before the point in a SubjectPublicKeyInfo: RFC 5480 section 2, RFC 8410 section 4. */
static const struct curve {
	const char *kty;
	const char *crv;
	size_t octets; /* of a coordinate */
	const char *head;
	size_t head_len;
} curves[] = {
	{"EC", "P-256", 32,
	 "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01"
	 "\x07\x03\x42\x00\x04",
	 27},
	{"EC", "P-384", 48,
	 "\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62"
	 "\x00\x04",
	 24},
	{"OKP", "Ed25519", 32, "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12},
};

static int decode_number(const json_t *jwk, const char *name, struct buffer *ret_octets,
			 struct fault *fault)
{
	const char *text = get_string(jwk, name);

	if (text == NULL || strlen(text) > NUMBER_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "JWK: %s: expected a string of at most %d characters", name,
				 NUMBER_MAX);
	if (decode_base64url(bytes_of_string(text), ret_octets, fault) < 0)
		return prefix_fault(fault, "JWK: %s", name);
	return 0;
}

/* RFC 7518 sections 6.2.1.2 and 6.2.1.3: as long as the curve's field. */
static int append_coordinate(const json_t *jwk, const char *name, const struct curve *curve,
			     struct buffer *spki, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer octets = {0};

	if (decode_number(jwk, name, &octets, fault) < 0)
		return -1;
	if (octets.len != curve->octets)
		return set_fault(fault, FAULT_MALFORMED,
				 "JWK: %s: expected %zu octets for %s, found %zu", name,
				 curve->octets, curve->crv, octets.len);
	append_bytes(spki, bytes_of_buffer(&octets));
	return 0;
}

static int append_point(const json_t *jwk, const char *kty, struct buffer *spki,
			struct fault *fault)
{
	const char *crv = get_string(jwk, "crv");
	const struct curve *curve = curves;

	while (curve < curves + COUNT_OF(curves) &&
	       (crv == NULL || strcmp(curve->kty, kty) != 0 || strcmp(curve->crv, crv) != 0))
		curve++;
	if (curve == curves + COUNT_OF(curves))
		return set_fault(fault, crv == NULL ? FAULT_MALFORMED : FAULT_REFUSED,
				 "JWK: crv: expected P-256 or P-384 (EC) or Ed25519 (OKP)");
	append_bytes(spki, (struct bytes){(const uint8_t *)curve->head, curve->head_len});
	if (append_coordinate(jwk, "x", curve, spki, fault) < 0)
		return -1;
	return strcmp(kty, "EC") == 0 ? append_coordinate(jwk, "y", curve, spki, fault) : 0;
}

/* RFC 7518 section 2: Base64urlUInt has no leading zero. */
static int read_unsigned(const json_t *jwk, const char *name, struct buffer *ret_octets,
			 struct fault *fault)
{
	if (decode_number(jwk, name, ret_octets, fault) < 0)
		return -1;
	if (ret_octets->len == 0 || ret_octets->data[0] == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "JWK: %s: expected a number without leading zeros (RFC 7518 "
				 "section 2)",
				 name);
	return 0;
}

static void free_pubkey(gnutls_pubkey_t *pubkey)
{
	if (*pubkey != NULL)
		gnutls_pubkey_deinit(*pubkey);
}

static int append_rsa(const json_t *jwk, struct buffer *spki, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer n = {0};
	CLEANUP(clear_buffer) struct buffer e = {0};
	CLEANUP(free_pubkey) gnutls_pubkey_t pubkey = NULL;
	CLEANUP(free_datum) gnutls_datum_t der = {0};
	gnutls_datum_t modulus;
	gnutls_datum_t exponent;
	int code;

	if (read_unsigned(jwk, "n", &n, fault) < 0 || read_unsigned(jwk, "e", &e, fault) < 0)
		return -1;
	modulus = borrow_datum(bytes_of_buffer(&n));
	exponent = borrow_datum(bytes_of_buffer(&e));
	code = gnutls_pubkey_init(&pubkey);
	if (code >= 0)
		code = gnutls_pubkey_import_rsa_raw(pubkey, &modulus, &exponent);
	if (code >= 0)
		code = gnutls_pubkey_export2(pubkey, GNUTLS_X509_FMT_DER, &der);
	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (code < 0)
		return set_fault(fault, FAULT_MALFORMED, "JWK: expected an RSA key: %s",
				 gnutls_strerror(code));
	append_bytes(spki, (struct bytes){der.data, der.size});
	return 0;
}

/* RFC 7518 sections 6.2.2, 6.3.2 and 6.4. */
static int check_public(const json_t *jwk, struct fault *fault)
{
	static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

	for (size_t i = 0; i < COUNT_OF(members); i++)
		if (json_object_get(jwk, members[i]) != NULL)
			return set_fault(fault, FAULT_REFUSED,
					 "JWK: %s: expected a public key, found a private or "
					 "symmetric one: it is known to others now",
					 members[i]);
	return 0;
}

int parse_public_jwk(const json_t *jwk, struct public_key **ret_key, struct fault *fault)
{
	const char *kty = get_string(jwk, "kty");
	CLEANUP(clear_buffer) struct buffer spki = {0};

	if (kty == NULL)
		return set_fault(fault, FAULT_MALFORMED,
				 "JWK: kty: expected an object with a string \"kty\"");
	if (check_public(jwk, fault) < 0 ||
	    (strcmp(kty, "RSA") == 0 ? append_rsa(jwk, &spki, fault)
				     : append_point(jwk, kty, &spki, fault)) < 0 ||
	    check_buffer(&spki, fault) < 0)
		return -1;
	if (parse_public_key(bytes_of_buffer(&spki), ret_key, fault) < 0)
		return prefix_fault(fault, "JWK");
	return 0;
}

/* --- thumbprints --- */

/* Members in the order of their names, without white space (RFC 7638 section 3.3). */
static void append_canonical_point(const struct curve *curve, struct bytes spki,
				   struct buffer *json)
{
	const struct bytes x = {spki.data + curve->head_len, curve->octets};

	append_format(json, "{\"crv\":\"%s\",\"kty\":\"%s\",\"x\":\"", curve->crv, curve->kty);
	append_base64url(json, x);
	if (strcmp(curve->kty, "EC") == 0) {
		append_string(json, "\",\"y\":\"");
		append_base64url(json, (struct bytes){x.data + x.len, x.len});
	}
	append_string(json, "\"}");
}

static int append_canonical_rsa(struct bytes spki, struct buffer *json, struct fault *fault)
{
	const gnutls_datum_t der = borrow_datum(spki);
	CLEANUP(free_pubkey) gnutls_pubkey_t pubkey = NULL;
	CLEANUP(free_datum) gnutls_datum_t n = {0};
	CLEANUP(free_datum) gnutls_datum_t e = {0};
	int code = gnutls_pubkey_init(&pubkey);

	if (code >= 0)
		code = gnutls_pubkey_import(pubkey, &der, GNUTLS_X509_FMT_DER);
	if (code >= 0)
		code = gnutls_pubkey_export_rsa_raw2(pubkey, &n, &e, GNUTLS_EXPORT_FLAG_NO_LZ);
	if (code < 0)
		return set_fault(fault, FAULT_FAILED, "the RSA key cannot be written as JWK: %s",
				 gnutls_strerror(code));
	append_string(json, "{\"e\":\"");
	append_base64url(json, (struct bytes){e.data, e.size});
	append_string(json, "\",\"kty\":\"RSA\",\"n\":\"");
	append_base64url(json, (struct bytes){n.data, n.size});
	append_string(json, "\"}");
	return 0;
}

int compute_jwk_thumbprint(const struct public_key *key, uint8_t ret_sha256[static SHA256_LEN],
			   struct fault *fault)
{
	const struct bytes spki = public_key_spki(key);
	CLEANUP(clear_buffer) struct buffer json = {0};
	const struct curve *curve = curves;

	while (curve < curves + COUNT_OF(curves) &&
	       (spki.len < curve->head_len || memcmp(spki.data, curve->head, curve->head_len) != 0))
		curve++;
	if (curve < curves + COUNT_OF(curves))
		append_canonical_point(curve, spki, &json);
	else if (append_canonical_rsa(spki, &json, fault) < 0)
		return -1;
	if (check_buffer(&json, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(&json), ret_sha256);
	return 0;
}
