#include "common/x509/revocation/ocsp_extension.h"

#include "common/x509/certificate_fields.h"

/* id-pkix-ocsp-nonce, 1.3.6.1.5.5.7.48.1.2 */
static const uint8_t nonce_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};

static bool is_nonce(const struct extension *extension)
{
	return equal_bytes(extension->oid, (struct bytes){nonce_oid, sizeof(nonce_oid)});
}

/* Nonce ::= OCTET STRING(SIZE(1..32)), DER inside the extension's OCTET STRING. */
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
			return "RFC 8954 section 2.1: two nonces";
		if (!read_nonce(extension.value, &nonce))
			return "RFC 8954 section 2.1: nonce: expected 1 to 32 octets, in DER";
	}
	if (extensions.len > 0)
		return "RFC 5280 section 4.1: an extension that is not in DER";
	*ret_nonce = nonce;
	return NULL;
}

const char *take_ocsp_extensions(struct bytes *rest, uint8_t tag, struct bytes *ret_nonce)
{
	struct bytes ignored = {0};
	struct der_item wrapping;
	struct der_item extensions;

	if (rest->len == 0 || rest->data[0] != tag)
		return NULL;
	if (!read_der(rest, &wrapping) ||
	    !read_der_tagged(&wrapping.content, DER_SEQUENCE, &extensions) ||
	    wrapping.content.len > 0)
		return "RFC 6960 section 4.4: expected a sequence of extensions";
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
