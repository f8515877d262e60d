#include "common/crypto/signature.h"

#include "common/crypto/gnutls_object.h"
#include "common/crypto/key_internal.h"

#include <string.h>

static const struct {
	const char *name;
	enum digest_algorithm digest;
	gnutls_sign_algorithm_t gnutls; /* for keys in a handle */
} algorithms[SIGNATURE_ALGORITHM_COUNT] = {
	[SIGNATURE_ES256] = {"ES256", DIGEST_SHA256, GNUTLS_SIGN_ECDSA_SHA256},
	[SIGNATURE_ES384] = {"ES384", DIGEST_SHA384, GNUTLS_SIGN_ECDSA_SHA384},
	[SIGNATURE_EDDSA] = {"EdDSA", DIGEST_SHA512, GNUTLS_SIGN_EDDSA_ED25519},
	[SIGNATURE_RS256] = {"RS256", DIGEST_SHA256, GNUTLS_SIGN_RSA_SHA256},
	[SIGNATURE_PS256] = {"PS256", DIGEST_SHA256, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256},
};

static const struct {
	enum signature_algorithm algorithm; /* default_signature_algorithm */
	size_t len;                         /* octets of a signature; ECDSA: R || S */
} key_types[KEY_TYPE_COUNT] = {
	[KEY_ECDSA_P256] = {SIGNATURE_ES256, 64}, [KEY_ECDSA_P384] = {SIGNATURE_ES384, 96},
	[KEY_ED25519] = {SIGNATURE_EDDSA, 64},    [KEY_RSA_2048] = {SIGNATURE_RS256, 256},
	[KEY_RSA_3072] = {SIGNATURE_RS256, 384},  [KEY_RSA_4096] = {SIGNATURE_RS256, 512},
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

static struct bytes strip_zeros(struct bytes number)
{
	while (number.len > 0 && number.data[0] == 0) {
		number.data++;
		number.len--;
	}
	return number;
}

/* Whether the number is from 1 to order - 1. The order has no leading zeros. */
static bool in_range(struct bytes number, struct bytes order)
{
	number = strip_zeros(number);
	if (number.len != order.len)
		return number.len > 0 && number.len < order.len;
	return memcmp(number.data, order.data, order.len) < 0;
}

/* DER of an ECDSA signature. On both curves one octet of length suffices. */
enum { TAG_INTEGER = 0x02, TAG_SEQUENCE = 0x30, RS_MAX = 2 * EC_OCTETS_MAX };

/* Appends an INTEGER from octets of fixed length. */
static void append_integer(struct buffer *buffer, struct bytes number)
{
	struct bytes digits = strip_zeros(number);
	bool high = digits.len > 0 && digits.data[0] >= 0x80;
	const uint8_t head[] = {TAG_INTEGER, (uint8_t)(digits.len + high), 0};

	append_bytes(buffer, (struct bytes){head, high ? 3 : 2});
	append_bytes(buffer, digits);
}

/* R || S as Ecdsa-Sig-Value (RFC 3279 section 2.2.3). */
static void append_ecdsa_value(struct buffer *buffer, struct bytes rs)
{
	const size_t begin = buffer->len;
	const size_t half = rs.len / 2;

	append_bytes(buffer, (struct bytes){(const uint8_t *)"\x30\x00", 2});
	append_integer(buffer, (struct bytes){rs.data, half});
	append_integer(buffer, (struct bytes){rs.data + half, half});
	if (!buffer->failed)
		buffer->data[begin + 1] = (uint8_t)(buffer->len - begin - 2);
}

/* Takes an INTEGER off *rest: not negative, as short as possible. Pads it with zeros to `len`. */
static bool cut_integer(struct bytes *rest, uint8_t *ret_octets, size_t len)
{
	struct bytes content;

	if (rest->len < 3 || rest->data[0] != TAG_INTEGER || rest->data[1] > rest->len - 2)
		return false;
	content = (struct bytes){rest->data + 2, rest->data[1]};
	rest->data += 2 + content.len;
	rest->len -= 2 + content.len;
	if (content.len == 0 || content.data[0] >= 0x80 ||
	    (content.len > 1 && content.data[0] == 0 && content.data[1] < 0x80))
		return false;
	content = strip_zeros(content);
	if (content.len > len)
		return false;
	memset(ret_octets, 0, len - content.len);
	if (content.len > 0)
		memcpy(ret_octets + (len - content.len), content.data, content.len);
	return true;
}

/* Reads R || S from the one DER form; each has ec_octets of the type. */
static bool read_ecdsa_value(enum key_type type, struct bytes der, uint8_t ret_rs[static RS_MAX])
{
	const size_t half = ec_octets(type);
	struct bytes rest;

	if (der.len < 2 || der.len - 2 >= 0x80 || der.data[0] != TAG_SEQUENCE ||
	    der.data[1] != der.len - 2)
		return false;
	rest = (struct bytes){der.data + 2, der.len - 2};
	return cut_integer(&rest, ret_rs, half) && cut_integer(&rest, ret_rs + half, half) &&
	       rest.len == 0;
}

static bool halves_in_range(enum key_type type, const uint8_t *rs)
{
	const size_t half = ec_octets(type);

	return in_range((struct bytes){rs, half}, ec_order(type)) &&
	       in_range((struct bytes){rs + half, half}, ec_order(type));
}

bool canonical_signature(enum key_type type, struct bytes signature)
{
	uint8_t rs[RS_MAX];

	if (!is_ec_key_type(type))
		return signature.len == key_types[type].len;
	return read_ecdsa_value(type, signature, rs) && halves_in_range(type, rs);
}

static int sign_with_gnutls(const struct private_key *key, gnutls_sign_algorithm_t algorithm,
			    struct bytes data, gnutls_datum_t *ret_signature, struct fault *fault)
{
	gnutls_datum_t datum = borrow_datum(data);
	int code;

	if (data.len > UINT32_MAX)
		return set_fault(fault, FAULT_TOO_LARGE, "expected less than 4 GiB to sign");
	code = gnutls_privkey_sign_data2(key->handle, algorithm, 0, &datum, ret_signature);
	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	return code < 0 ? set_fault(fault, FAULT_FAILED, "the key cannot sign: %s",
				    gnutls_strerror(code))
			: 0;
}

/* Appends R || S, from Nettle or, for a key in a token, from GnuTLS. */
static int sign_ecdsa(const struct private_key *key, enum ecdsa_randomness randomness,
		      struct bytes data, struct buffer *signature, struct fault *fault)
{
	const enum signature_algorithm algorithm = key_types[key->type].algorithm;
	CLEANUP(free_datum) gnutls_datum_t value = {0};
	uint8_t digest[DIGEST_MAX];
	uint8_t rs[RS_MAX];

	if (key->ec != NULL) {
		size_t len = compute_digest(algorithms[algorithm].digest, data, digest);

		return sign_with_ec_key(key->ec, randomness, (struct bytes){digest, len}, signature,
					fault);
	}
	if (sign_with_gnutls(key, algorithms[algorithm].gnutls, data, &value, fault) < 0)
		return -1;
	if (!read_ecdsa_value(key->type, (struct bytes){value.data, value.size}, rs))
		return set_fault(fault, FAULT_FAILED, "the new signature cannot be read");
	append_bytes(signature, (struct bytes){rs, key_types[key->type].len});
	return check_buffer(signature, fault);
}

static int append_signature(const struct private_key *key, enum signature_algorithm algorithm,
			    struct bytes data, struct buffer *signature, struct fault *fault)
{
	CLEANUP(free_datum) gnutls_datum_t value = {0};

	if (is_ec_key_type(key->type))
		return sign_ecdsa(key, RANDOMNESS_OF_KERNEL, data, signature, fault);
	if (sign_with_gnutls(key, algorithms[algorithm].gnutls, data, &value, fault) < 0)
		return -1;
	append_bytes(signature, (struct bytes){value.data, value.size});
	return check_buffer(signature, fault);
}

int sign_data(const struct private_key *key, enum signature_algorithm algorithm, struct bytes data,
	      struct buffer *ret_signature, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer signature = {0};

	if (!signature_algorithm_fits(algorithm, private_key_type(key)))
		return set_fault(fault, FAULT_FAILED, "alg: %s does not go with a key of type %s",
				 algorithms[algorithm].name,
				 format_key_type(private_key_type(key)));
	if (append_signature(key, algorithm, data, &signature, fault) < 0)
		return -1;
	*ret_signature = take_buffer(&signature);
	return 0;
}

static int sign_object_with(const struct private_key *key, enum ecdsa_randomness randomness,
			    struct bytes data, struct buffer *ret_signature, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer rs = {0};
	CLEANUP(clear_buffer) struct buffer signature = {0};

	if (!is_ec_key_type(key->type)) {
		if (append_signature(key, default_signature_algorithm(key->type), data, &signature,
				     fault) < 0)
			return -1;
	} else {
		if (sign_ecdsa(key, randomness, data, &rs, fault) < 0)
			return -1;
		append_ecdsa_value(&signature, bytes_of_buffer(&rs));
	}
	if (check_buffer(&signature, fault) < 0)
		return -1;
	*ret_signature = take_buffer(&signature);
	return 0;
}

int sign_object_data(const struct private_key *key, struct bytes data, struct buffer *ret_signature,
		     struct fault *fault)
{
	return sign_object_with(key, RANDOMNESS_OF_KERNEL, data, ret_signature, fault);
}

static void reject_signature(struct verdict *verdict)
{
	reject_because(verdict, "signature: not by this key over this content");
}

static int verify_with_gnutls(const struct public_key *key, gnutls_sign_algorithm_t algorithm,
			      struct bytes data, struct bytes signature, struct verdict *verdict,
			      struct fault *fault)
{
	gnutls_datum_t content = borrow_datum(data);
	gnutls_datum_t datum = borrow_datum(signature);
	int code;

	if (data.len > UINT32_MAX)
		return set_fault(fault, FAULT_TOO_LARGE, "expected less than 4 GiB to verify");
	code = gnutls_pubkey_verify_data2(key->handle, algorithm, 0, &content, &datum);
	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (code < 0)
		reject_signature(verdict);
	return 0;
}

/* Shape: the signature is R || S. */
static void verify_ecdsa(const struct public_key *key, enum digest_algorithm algorithm,
			 struct bytes data, struct bytes signature, struct verdict *verdict)
{
	uint8_t digest[DIGEST_MAX];
	size_t len = compute_digest(algorithm, data, digest);

	if (!verify_with_ec_point(key->ec, (struct bytes){digest, len}, signature))
		reject_signature(verdict);
}

int verify_data(const struct public_key *key, enum signature_algorithm algorithm, struct bytes data,
		struct bytes signature, struct verdict *verdict, struct fault *fault)
{
	const size_t len = key_types[key->type].len;

	if (!signature_algorithm_fits(algorithm, key->type)) {
		reject_because(verdict, "alg: %s does not go with a key of type %s",
			       algorithms[algorithm].name, format_key_type(key->type));
		return 0;
	}
	if (signature.len != len) {
		reject_because(verdict, "signature: expected %zu octets, found %zu", len,
			       signature.len);
		return 0;
	}
	if (key->ec == NULL)
		return verify_with_gnutls(key, algorithms[algorithm].gnutls, data, signature,
					  verdict, fault);
	if (halves_in_range(key->type, signature.data))
		verify_ecdsa(key, algorithms[algorithm].digest, data, signature, verdict);
	else
		reject_because(verdict, "signature: R or S is 0, or not below the group's order");
	return 0;
}

int verify_object_data(const struct public_key *key, enum digest_algorithm digest,
		       struct bytes data, struct bytes signature, struct verdict *verdict,
		       struct fault *fault)
{
	static const gnutls_sign_algorithm_t rsa[] = {[DIGEST_SHA256] = GNUTLS_SIGN_RSA_SHA256,
						      [DIGEST_SHA384] = GNUTLS_SIGN_RSA_SHA384,
						      [DIGEST_SHA512] = GNUTLS_SIGN_RSA_SHA512};
	uint8_t rs[RS_MAX];

	if (key->ec == NULL)
		return verify_with_gnutls(
			key, key->type == KEY_ED25519 ? GNUTLS_SIGN_EDDSA_ED25519 : rsa[digest],
			data, signature, verdict, fault);
	if (read_ecdsa_value(key->type, signature, rs) && halves_in_range(key->type, rs))
		verify_ecdsa(key, digest, data, (struct bytes){rs, key_types[key->type].len},
			     verdict);
	else
		reject_because(verdict, "signature: not in its one DER form (X.690)");
	return 0;
}

static int check_own_signature(const struct checked_signer *signer, struct bytes data,
			       struct bytes signature, struct verdict *verdict, struct fault *fault)
{
	const struct private_key *key = signer->key;
	const enum digest_algorithm algorithm =
		algorithms[default_signature_algorithm(key->type)].digest;
	uint8_t digest[DIGEST_MAX];
	uint8_t rs[RS_MAX];
	size_t len;

	if (signer->check == CHECK_WITH_PUBLIC_KEY || key->ec == NULL)
		return verify_object_data(signer->public_key, algorithm, data, signature, verdict,
					  fault);
	len = compute_digest(algorithm, data, digest);
	if (!read_ecdsa_value(key->type, signature, rs) ||
	    !check_with_ec_key(key->ec, (struct bytes){digest, len},
			       (struct bytes){rs, key_types[key->type].len}))
		reject_signature(verdict);
	return 0;
}

int sign_checked_object_data(const struct checked_signer *signer, struct bytes data,
			     struct buffer *ret_signature, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer signature = {0};
	struct verdict verdict = {0};

	if (sign_object_with(signer->key, RANDOMNESS_HEDGED, data, &signature, fault) < 0 ||
	    check_own_signature(signer, data, bytes_of_buffer(&signature), &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_FAILED,
				 "the key made a wrong signature, which is not given out: expected "
				 "one that verifies; the memory, the processor or the token is "
				 "faulty: move the CA to another machine");
	*ret_signature = take_buffer(&signature);
	return 0;
}
