#include "common/x509/revocation/ocsp_fields.h"

#include "common/x509/certificate.h"
#include "common/x509/certificate_fields.h"

#include <gnutls/crypto.h>

/* The parameters are written as NULL, as openssl and certtool do. */
static const struct {
	const char *oid; /* contents */
	size_t oid_len;
	gnutls_digest_algorithm_t gnutls;
	size_t len;
} hashes[OCSP_HASH_COUNT] = {
	[OCSP_SHA1] = {"\x2b\x0e\x03\x02\x1a", 5, GNUTLS_DIG_SHA1, SHA1_LEN},
	[OCSP_SHA256] = {"\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9, GNUTLS_DIG_SHA256, SHA256_LEN},
};

static struct bytes oid_of(enum ocsp_hash hash)
{
	return (struct bytes){(const uint8_t *)hashes[hash].oid, hashes[hash].oid_len};
}

/* Reads an AlgorithmIdentifier; the parameters of an unknown digest are ignored. */
static bool read_hash(struct bytes *rest, enum ocsp_hash *ret_hash)
{
	struct der_item identifier;
	struct der_item oid;
	struct der_item parameters;
	enum ocsp_hash hash = OCSP_SHA1;

	if (!read_der_tagged(rest, DER_SEQUENCE, &identifier) ||
	    !read_der_tagged(&identifier.content, DER_OID, &oid))
		return false;
	while (hash < OCSP_HASH_COUNT && !equal_bytes(oid_of(hash), oid.content))
		hash++;
	if (hash < OCSP_HASH_COUNT && identifier.content.len > 0 &&
	    (!read_der_tagged(&identifier.content, DER_NULL, &parameters) ||
	     identifier.content.len > 0))
		return false;
	*ret_hash = hash;
	return true;
}

bool read_cert_id(struct bytes *rest, struct cert_id *ret_id)
{
	struct bytes after = *rest;
	struct der_item id;
	struct der_item name;
	struct der_item key;
	struct der_item serial;
	enum ocsp_hash hash;

	if (!read_der_tagged(&after, DER_SEQUENCE, &id) || id.whole.len > CERT_ID_MAX ||
	    !read_hash(&id.content, &hash) ||
	    !read_der_tagged(&id.content, DER_OCTET_STRING, &name) ||
	    !read_der_tagged(&id.content, DER_OCTET_STRING, &key) ||
	    !read_der_tagged(&id.content, DER_INTEGER, &serial) || id.content.len > 0)
		return false;
	*ret_id = (struct cert_id){.whole = id.whole,
				   .hash = hash,
				   .issuer_name_hash = name.content,
				   .issuer_key_hash = key.content,
				   .serial = serial.content};
	*rest = after;
	return true;
}

int digest_issuer(const struct certificate *issuer, struct issuer_hashes *ret_hashes,
		  struct fault *fault)
{
	const struct certificate_fields *fields = certificate_fields(issuer);
	struct issuer_hashes digests = {0};

	for (size_t i = 0; i < OCSP_HASH_COUNT; i++) {
		if (gnutls_hash_fast(hashes[i].gnutls, fields->subject.data, fields->subject.len,
				     digests.name[i]) < 0)
			return set_fault(fault, FAULT_FAILED,
					 "the digest of the issuer's name cannot be computed");
		if (digest_key_bits(fields->spki, hashes[i].gnutls, digests.key[i], fault) < 0)
			return -1;
	}
	*ret_hashes = digests;
	return 0;
}

bool cert_id_matches_issuer(const struct cert_id *id, const struct issuer_hashes *issuer)
{
	if (id->hash == OCSP_HASH_COUNT)
		return false;
	return equal_bytes(id->issuer_name_hash,
			   (struct bytes){issuer->name[id->hash], hashes[id->hash].len}) &&
	       equal_bytes(id->issuer_key_hash,
			   (struct bytes){issuer->key[id->hash], hashes[id->hash].len});
}

void append_cert_id(struct buffer *buffer, enum ocsp_hash hash, const struct issuer_hashes *issuer,
		    struct bytes serial)
{
	size_t begin = buffer->len;

	append_der(buffer, DER_OID, oid_of(hash));
	append_der(buffer, DER_NULL, (struct bytes){0});
	enclose_der(buffer, begin, DER_SEQUENCE);
	append_der(buffer, DER_OCTET_STRING, (struct bytes){issuer->name[hash], hashes[hash].len});
	append_der(buffer, DER_OCTET_STRING, (struct bytes){issuer->key[hash], hashes[hash].len});
	append_der(buffer, DER_INTEGER, serial);
	enclose_der(buffer, begin, DER_SEQUENCE);
}

/* id-pkix-ocsp-nonce, 1.3.6.1.5.5.7.48.1.2 */
static const uint8_t nonce_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};

static bool is_nonce(const struct extension *extension)
{
	return equal_bytes(extension->oid, (struct bytes){nonce_oid, sizeof(nonce_oid)});
}

/* Nonce ::= OCTET STRING(SIZE(1..128)), as DER in the extension's OCTET STRING. */
static bool read_nonce(struct bytes value, struct bytes *ret_nonce)
{
	struct der_item nonce;

	if (!read_der_tagged(&value, DER_OCTET_STRING, &nonce) || value.len > 0 ||
	    nonce.content.len == 0 || nonce.content.len > OCSP_NONCE_MAX)
		return false;
	*ret_nonce = nonce.content;
	return true;
}

const char *read_ocsp_extensions(struct bytes extensions, struct bytes *ret_nonce)
{
	struct bytes nonce = {0};
	struct extension extension;

	if (extensions.len == 0)
		return "RFC 5280 section 4.1: extensions: expected at least one";
	while (read_extension(&extensions, &extension)) {
		if (!is_nonce(&extension) && extension.critical)
			return "RFC 6960 section 4.4: a critical extension that is not known here";
		if (!is_nonce(&extension))
			continue;
		if (nonce.len > 0)
			return "RFC 5280 section 4.2: the nonce is there twice";
		if (!read_nonce(extension.value, &nonce))
			return "RFC 9654 section 2.1: nonce: expected 1 to 128 octets, in DER";
	}
	if (extensions.len > 0)
		return "RFC 5280 section 4.1: an extension that is not in DER";
	*ret_nonce = nonce;
	return NULL;
}

const char *end_with_ocsp_extensions(struct bytes rest, uint8_t tag, struct bytes *ret_nonce)
{
	struct bytes ignored = {0};
	struct der_item wrapping;
	struct der_item extensions;

	if (rest.len == 0)
		return NULL;
	if (!read_der_tagged(&rest, tag, &wrapping) || rest.len > 0 ||
	    !read_der_tagged(&wrapping.content, DER_SEQUENCE, &extensions) ||
	    wrapping.content.len > 0)
		return "RFC 6960 section 4.4: expected a sequence of extensions, or the end";
	return read_ocsp_extensions(extensions.content, ret_nonce != NULL ? ret_nonce : &ignored);
}

void append_ocsp_nonce(struct buffer *buffer, uint8_t tag, struct bytes nonce)
{
	size_t begin = buffer->len;
	size_t value;

	if (nonce.len == 0)
		return;
	append_der(buffer, DER_OID, (struct bytes){nonce_oid, sizeof(nonce_oid)});
	value = buffer->len;
	append_der(buffer, DER_OCTET_STRING, nonce);
	enclose_der(buffer, value, DER_OCTET_STRING);
	enclose_der(buffer, begin, DER_SEQUENCE); /* Extension */
	enclose_der(buffer, begin, DER_SEQUENCE); /* Extensions */
	enclose_der(buffer, begin, tag);
}
