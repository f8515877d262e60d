#include "common/crypto/key.h"

#include "common/crypto/gnutls_object.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { SCALAR_MAX = 48 };

/* The order of the group (SEC 2 sections 2.4.2 and 2.5.1). */
static const uint8_t p256_order[32] = {
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
	0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t p384_order[48] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
	0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

static const struct {
	const char *name;
	gnutls_sign_algorithm_t gnutls;
} algorithms[SIGNATURE_ALGORITHM_COUNT] = {
	[SIGNATURE_ES256] = {"ES256", GNUTLS_SIGN_ECDSA_SHA256},
	[SIGNATURE_ES384] = {"ES384", GNUTLS_SIGN_ECDSA_SHA384},
	[SIGNATURE_EDDSA] = {"EdDSA", GNUTLS_SIGN_EDDSA_ED25519},
	[SIGNATURE_RS256] = {"RS256", GNUTLS_SIGN_RSA_SHA256},
	[SIGNATURE_PS256] = {"PS256", GNUTLS_SIGN_RSA_PSS_RSAE_SHA256},
};

static const struct {
	enum signature_algorithm algorithm; /* that we sign with */
	size_t len;                         /* octets of a signature; ECDSA: R || S */
	struct bytes order;                 /* ECDSA */
} key_types[KEY_TYPE_COUNT] = {
	[KEY_ECDSA_P256] = {SIGNATURE_ES256, 64, {p256_order, sizeof(p256_order)}},
	[KEY_ECDSA_P384] = {SIGNATURE_ES384, 96, {p384_order, sizeof(p384_order)}},
	[KEY_ED25519] = {SIGNATURE_EDDSA, 64, {0}},
	[KEY_RSA_2048] = {SIGNATURE_RS256, 256, {0}},
	[KEY_RSA_3072] = {SIGNATURE_RS256, 384, {0}},
	[KEY_RSA_4096] = {SIGNATURE_RS256, 512, {0}},
};

const char *format_signature_algorithm(enum signature_algorithm algorithm)
{
	return algorithms[algorithm].name;
}

int parse_signature_algorithm(const char *name, enum signature_algorithm *ret_algorithm,
			      struct fault *fault)
{
	for (unsigned int i = 0; i < SIGNATURE_ALGORITHM_COUNT; i++) {
		if (strcmp(name, algorithms[i].name) != 0)
			continue;
		*ret_algorithm = (enum signature_algorithm)i;
		return 0;
	}
	return set_fault(fault, FAULT_MALFORMED,
			 "alg: expected ES256, ES384, EdDSA, RS256 or PS256, found \"%s\"", name);
}

enum signature_algorithm default_signature_algorithm(enum key_type type)
{
	return key_types[type].algorithm;
}

bool signature_algorithm_fits(enum signature_algorithm algorithm, enum key_type type)
{
	return algorithm == key_types[type].algorithm ||
	       (algorithm == SIGNATURE_PS256 && key_types[type].algorithm == SIGNATURE_RS256);
}

static bool is_ecdsa(enum key_type type)
{
	return key_types[type].order.data != NULL;
}

static struct bytes strip_zeros(struct bytes number)
{
	while (number.len > 0 && number.data[0] == 0) {
		number.data++;
		number.len--;
	}
	return number;
}

/* From 1 to order - 1; both without leading zeros. */
static bool in_range(struct bytes number, struct bytes order)
{
	number = strip_zeros(number);
	if (number.len != order.len)
		return number.len > 0 && number.len < order.len;
	return memcmp(number.data, order.data, order.len) < 0;
}

static gnutls_datum_t borrow(struct bytes octets)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)octets.data, (unsigned int)octets.len};
}

/* The one DER form of R and S (RFC 3279 section 2.2.3). */
static int encode_rs(struct bytes r, struct bytes s, gnutls_datum_t *ret_der)
{
	gnutls_datum_t r_datum = borrow(strip_zeros(r));
	gnutls_datum_t s_datum = borrow(strip_zeros(s));

	return gnutls_encode_rs_value(ret_der, &r_datum, &s_datum);
}

bool canonical_signature(enum key_type type, struct bytes signature)
{
	CLEANUP(free_datum) gnutls_datum_t r = {0};
	CLEANUP(free_datum) gnutls_datum_t s = {0};
	CLEANUP(free_datum) gnutls_datum_t again = {0};
	const struct bytes order = key_types[type].order;
	gnutls_datum_t datum = borrow(signature);

	if (!is_ecdsa(type))
		return signature.len == key_types[type].len;
	if (signature.len > UINT16_MAX || gnutls_decode_rs_value(&datum, &r, &s) < 0)
		return false;
	if (!in_range((struct bytes){r.data, r.size}, order) ||
	    !in_range((struct bytes){s.data, s.size}, order) ||
	    encode_rs((struct bytes){r.data, r.size}, (struct bytes){s.data, s.size}, &again) < 0)
		return false;
	return equal_bytes((struct bytes){again.data, again.size}, signature);
}

/* GnuTLS gives R and S as DER integers, of any length up to one octet more: make the length fixed.
 */
static int append_scalar(struct buffer *signature, const gnutls_datum_t *datum, size_t len)
{
	static const uint8_t zeros[SCALAR_MAX] = {0};
	struct bytes number = strip_zeros((struct bytes){datum->data, datum->size});

	if (number.len > len)
		return -1;
	append_bytes(signature, (struct bytes){zeros, len - number.len});
	append_bytes(signature, number);
	return 0;
}

static int append_signature(enum key_type type, const gnutls_datum_t *made,
			    struct buffer *signature, struct fault *fault)
{
	CLEANUP(free_datum) gnutls_datum_t r = {0};
	CLEANUP(free_datum) gnutls_datum_t s = {0};
	size_t half = key_types[type].len / 2;

	if (!is_ecdsa(type))
		append_bytes(signature, (struct bytes){made->data, made->size});
	else if (gnutls_decode_rs_value(made, &r, &s) < 0 ||
		 append_scalar(signature, &r, half) < 0 || append_scalar(signature, &s, half) < 0)
		return set_fault(fault, FAULT_FAILED, "the signature just made cannot be read");
	return check_buffer(signature, fault);
}

int sign_data(const struct private_key *key, enum signature_algorithm algorithm, struct bytes data,
	      struct buffer *ret_signature, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer signature = {0};
	CLEANUP(free_datum) gnutls_datum_t made = {0};
	gnutls_datum_t datum = borrow(data);
	int code;

	if (!signature_algorithm_fits(algorithm, private_key_type(key)))
		return set_fault(fault, FAULT_FAILED, "alg: %s does not go with a key of type %s",
				 algorithms[algorithm].name,
				 format_key_type(private_key_type(key)));
	if (data.len > UINT32_MAX)
		return set_fault(fault, FAULT_TOO_LARGE, "expected less than 4 GiB to sign");
	code = gnutls_privkey_sign_data2(private_key_handle(key), algorithms[algorithm].gnutls, 0,
					 &datum, &made);
	if (code < 0)
		return set_fault(fault, FAULT_FAILED, "cannot sign: %s", gnutls_strerror(code));
	if (append_signature(private_key_type(key), &made, &signature, fault) < 0)
		return -1;
	*ret_signature = take_buffer(&signature);
	return 0;
}

static int verify_with_gnutls(const struct public_key *key, enum signature_algorithm algorithm,
			      struct bytes data, const gnutls_datum_t *signature,
			      struct verdict *verdict, struct fault *fault)
{
	gnutls_datum_t datum = borrow(data);
	int code = gnutls_pubkey_verify_data2(public_key_handle(key), algorithms[algorithm].gnutls,
					      0, &datum, signature);

	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (code < 0)
		reject(verdict, "signature: not by this key over this content");
	return 0;
}

int verify_data(const struct public_key *key, enum signature_algorithm algorithm, struct bytes data,
		struct bytes signature, struct verdict *verdict, struct fault *fault)
{
	CLEANUP(free_datum) gnutls_datum_t der = {0};
	enum key_type type = public_key_type(key);
	const struct bytes order = key_types[type].order;
	struct bytes r = {signature.data, signature.len / 2};
	struct bytes s = {signature.data + signature.len / 2, signature.len / 2};

	if (data.len > UINT32_MAX)
		return set_fault(fault, FAULT_TOO_LARGE, "expected less than 4 GiB to verify");
	if (!signature_algorithm_fits(algorithm, type)) {
		reject(verdict, "alg: %s does not go with a key of type %s",
		       algorithms[algorithm].name, format_key_type(type));
		return 0;
	}
	if (signature.len != key_types[type].len) {
		reject(verdict, "signature: expected %zu octets, found %zu", key_types[type].len,
		       signature.len);
		return 0;
	}
	if (!is_ecdsa(type)) {
		gnutls_datum_t plain = borrow(signature);

		return verify_with_gnutls(key, algorithm, data, &plain, verdict, fault);
	}
	if (!in_range(r, order) || !in_range(s, order)) {
		reject(verdict, "signature: R or S is 0, or not below the group's order");
		return 0;
	}
	if (encode_rs(r, s, &der) < 0)
		return set_memory_fault(fault);
	return verify_with_gnutls(key, algorithm, data, &der, verdict, fault);
}
