#include "common/x509/signed_object.h"

#include "common/x509/der.h"

bool split_signed_object(struct bytes der, struct signed_object *ret_object)
{
	struct der_item outer;
	struct der_item body;
	struct der_item algorithm;
	struct der_item signature;

	if (!read_der_tagged(&der, DER_SEQUENCE, &outer) ||
	    !read_der_tagged(&outer.content, DER_SEQUENCE, &body) ||
	    !read_der_tagged(&outer.content, DER_SEQUENCE, &algorithm) ||
	    !read_der_tagged(&outer.content, DER_BIT_STRING, &signature))
		return false;
	/* A signature is a whole number of octets: no unused bits. */
	if (der.len > 0 || outer.content.len > 0 || signature.content.len == 0 ||
	    signature.content.data[0] != 0)
		return false;
	*ret_object = (struct signed_object){
		.body = body.whole,
		.algorithm = algorithm.whole,
		.signature = {signature.content.data + 1, signature.content.len - 1},
	};
	return true;
}

enum family { FAMILY_ECDSA, FAMILY_EDDSA, FAMILY_RSA };

static const enum family families[KEY_TYPE_COUNT] = {
	[KEY_ECDSA_P256] = FAMILY_ECDSA, [KEY_ECDSA_P384] = FAMILY_ECDSA,
	[KEY_ED25519] = FAMILY_EDDSA,    [KEY_RSA_2048] = FAMILY_RSA,
	[KEY_RSA_3072] = FAMILY_RSA,     [KEY_RSA_4096] = FAMILY_RSA,
};

struct scheme {
	struct bytes algorithm; /* the AlgorithmIdentifier's DER */
	enum family family;
	enum digest_algorithm digest; /* not used with Ed25519, which has its own */
};

static const struct scheme schemes[] = {
	{DER_LITERAL("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"), FAMILY_ECDSA,
	 DIGEST_SHA256},
	{DER_LITERAL("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"), FAMILY_ECDSA,
	 DIGEST_SHA384},
	{DER_LITERAL("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"), FAMILY_ECDSA,
	 DIGEST_SHA512},
	{DER_LITERAL("\x30\x05\x06\x03\x2b\x65\x70"), FAMILY_EDDSA, DIGEST_SHA512},
	{DER_LITERAL("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"), FAMILY_RSA,
	 DIGEST_SHA256},
	{DER_LITERAL("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00"), FAMILY_RSA,
	 DIGEST_SHA384},
	{DER_LITERAL("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00"), FAMILY_RSA,
	 DIGEST_SHA512},
};

static const struct scheme *find_scheme(struct bytes algorithm)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (equal_bytes(schemes[i].algorithm, algorithm))
			return &schemes[i];
	return NULL;
}

/* Whether the signature has the form of one by a key of some type of the family. */
static bool canonical_in_family(enum family family, struct bytes signature)
{
	for (int type = 0; type < KEY_TYPE_COUNT; type++)
		if (families[type] == family && canonical_signature((enum key_type)type, signature))
			return true;
	return false;
}

static const char *find_scheme_problem(const struct scheme *scheme, struct bytes signature,
				       const struct public_key *key)
{
	if (scheme == NULL)
		return "certpool expects ECDSA or RSA with SHA-256, SHA-384 or SHA-512, or "
		       "Ed25519, found another algorithm or other parameters (docs/profile.md)";
	if (key != NULL && families[public_key_type(key)] != scheme->family)
		return "the algorithm is not one for the signer's key";
	if (key != NULL ? !canonical_signature(public_key_type(key), signature)
			: !canonical_in_family(scheme->family, signature))
		return "the signature is not in its one DER form (X.690)";
	return NULL;
}

const char *find_signature_problem(const struct signed_object *object, const struct public_key *key)
{
	return find_scheme_problem(find_scheme(object->algorithm), object->signature, key);
}

int verify_signed_object(const struct signed_object *object, const struct public_key *key,
			 const char *where, struct verdict *verdict, struct fault *fault)
{
	const struct scheme *scheme = find_scheme(object->algorithm);
	const char *problem = find_scheme_problem(scheme, object->signature, key);
	struct verdict signature = {0};

	if (scheme == NULL || problem != NULL) {
		reject_because(verdict, "%s: %s", where, problem);
		return 0;
	}
	if (verify_object_data(key, scheme->digest, object->body, object->signature, &signature,
			       fault) < 0)
		return -1;
	if (signature.invalid)
		reject_because(verdict, "%s: the signature is not by the key", where);
	return 0;
}

/* The index into schemes of default_signature_algorithm. */
static const size_t signing_schemes[KEY_TYPE_COUNT] = {
	[KEY_ECDSA_P256] = 0, [KEY_ECDSA_P384] = 1, [KEY_ED25519] = 3,
	[KEY_RSA_2048] = 4,   [KEY_RSA_3072] = 4,   [KEY_RSA_4096] = 4,
};

struct bytes signing_algorithm(enum key_type type)
{
	return schemes[signing_schemes[type]].algorithm;
}

static int append_object(enum key_type type, struct bytes body, struct bytes signature,
			 struct buffer *buffer, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer tail = {0};

	append_bytes(&tail, signing_algorithm(type));
	append_der_header(&tail, DER_BIT_STRING, 1 + signature.len);
	/* The number of unused bits: 0. */
	append_bytes(&tail, (struct bytes){(const uint8_t *)"", 1});
	append_bytes(&tail, signature);
	append_der_header(buffer, DER_SEQUENCE, body.len + tail.len);
	append_bytes(buffer, body);
	append_bytes(buffer, bytes_of_buffer(&tail));
	buffer->failed |= tail.failed;
	return check_buffer(buffer, fault);
}

int sign_object(const struct private_key *key, struct bytes body, struct buffer *buffer,
		struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer signature = {0};

	if (sign_object_data(key, body, &signature, fault) < 0)
		return -1;
	return append_object(private_key_type(key), body, bytes_of_buffer(&signature), buffer,
			     fault);
}

int sign_checked_object(const struct checked_signer *signer, struct bytes body,
			struct buffer *buffer, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer signature = {0};

	if (sign_checked_object_data(signer, body, &signature, fault) < 0)
		return -1;
	return append_object(private_key_type(signer->key), body, bytes_of_buffer(&signature),
			     buffer, fault);
}
