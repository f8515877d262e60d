#include "common/ca/service/csr_attributes.h"

#include "common/ca/signer/policy.h"
#include "common/x509/der.h"
#include "common/x509/purpose.h"

#include <string.h>

enum { RSA_EXPONENT = 65537 };

static const struct bytes extension_request =
	DER_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"); /* RFC 2985 section 5.4.2 */
static const struct bytes request_template =                 /* RFC 9908 section 3.4 */
	DER_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x3d");

/* `curve` and `bits` are the value that goes with the algorithm; an algorithm without one is an
   object identifier by itself. */
static const struct {
	struct bytes algorithm;
	struct bytes curve;
	unsigned int bits;
} key_rows[] = {
	[KEY_ECDSA_P256] = {DER_LITERAL("\x2a\x86\x48\xce\x3d\x02\x01"),
			    DER_LITERAL("\x2a\x86\x48\xce\x3d\x03\x01\x07"), 0},
	[KEY_ECDSA_P384] = {DER_LITERAL("\x2a\x86\x48\xce\x3d\x02\x01"),
			    DER_LITERAL("\x2b\x81\x04\x00\x22"), 0},
	[KEY_ED25519] = {DER_LITERAL("\x2b\x65\x70"), {NULL, 0}, 0},
	[KEY_RSA_2048] = {DER_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), {NULL, 0}, 2048},
	[KEY_RSA_3072] = {DER_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), {NULL, 0}, 3072},
	[KEY_RSA_4096] = {DER_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), {NULL, 0}, 4096},
};

/* Appends an attribute with one value. */
static void append_attribute(struct buffer *der, struct bytes type, const struct buffer *value)
{
	const size_t begin = der->len;
	size_t values;

	append_der(der, DER_OID, type);
	values = der->len;
	append_bytes(der, bytes_of_buffer(value));
	enclose_der(der, values, DER_SET);
	enclose_der(der, begin, DER_SEQUENCE);
	der->failed |= value->failed;
}

static void append_key_type(struct buffer *der, enum key_type type)
{
	CLEANUP(clear_buffer) struct buffer value = {0};

	if (key_rows[type].curve.len > 0)
		append_der(&value, DER_OID, key_rows[type].curve);
	else if (key_rows[type].bits > 0)
		append_der_number(&value, key_rows[type].bits);
	if (value.len > 0)
		append_attribute(der, key_rows[type].algorithm, &value);
	else
		append_der(der, DER_OID, key_rows[type].algorithm);
}

/* A list of attributes has no way to say "one of these": of several types, none is named.
   KEY_TYPE_COUNT: there are several. */
static enum key_type find_only_key_type(const struct client_policy *policy)
{
	enum key_type only = KEY_TYPE_COUNT;
	size_t count = 0;

	for (enum key_type type = 0; type < KEY_TYPE_COUNT; type++) {
		if (!policy->keys[type])
			continue;
		only = type;
		count++;
	}
	return count == 1 ? only : KEY_TYPE_COUNT;
}

static void append_extensions(struct buffer *der, unsigned int usages)
{
	CLEANUP(clear_buffer) struct buffer extensions = {0};

	append_usages(&extensions, usages);
	enclose_der(&extensions, 0, DER_SEQUENCE);
	append_attribute(der, extension_request, &extensions);
}

/* A key of RSA that stands for one of that length: what a template says by its modulus. */
static void append_placeholder(struct buffer *der, unsigned int bits)
{
	CLEANUP(clear_buffer) struct buffer modulus = {0};
	const size_t begin = der->len;
	uint8_t *octets;
	size_t key;

	append_bytes(&modulus, (struct bytes){(const uint8_t *)"", 1});
	octets = extend_buffer(&modulus, bits / 8);
	if (octets != NULL)
		memset(octets, 0xff, bits / 8);
	der->failed |= modulus.failed;
	append_bytes(der, (struct bytes){(const uint8_t *)"", 1}); /* no unused bits */
	key = der->len;
	append_der(der, DER_INTEGER, bytes_of_buffer(&modulus));
	append_der_number(der, RSA_EXPONENT);
	enclose_der(der, key, DER_SEQUENCE);
	enclose_der(der, begin, DER_BIT_STRING);
}

/* SubjectPublicKeyInfoTemplate. */
static void append_key_template(struct buffer *der, enum key_type type)
{
	const size_t begin = der->len;

	append_der(der, DER_OID, key_rows[type].algorithm);
	if (key_rows[type].curve.len > 0)
		append_der(der, DER_OID, key_rows[type].curve);
	if (key_rows[type].bits > 0)
		append_der(der, DER_NULL, (struct bytes){0});
	enclose_der(der, begin, DER_SEQUENCE);
	if (key_rows[type].bits > 0)
		append_placeholder(der, key_rows[type].bits);
	enclose_der(der, begin, DER_CONTEXT_CONSTRUCTED + 0);
}

/* The same in the form that newer clients read alone, CertificationRequestInfoTemplate. */
static void append_template(struct buffer *der, enum key_type only, unsigned int granted)
{
	CLEANUP(clear_buffer) struct buffer template = {0};
	size_t attributes;

	append_der_number(&template, 0);
	if (only != KEY_TYPE_COUNT)
		append_key_template(&template, only);
	attributes = template.len;
	if (granted != USE_SIGN)
		append_extensions(&template, granted);
	enclose_der(&template, attributes, DER_CONTEXT_CONSTRUCTED + 1);
	enclose_der(&template, 0, DER_SEQUENCE);
	append_attribute(der, request_template, &template);
}

void append_csr_attributes(const struct client *client, unsigned int usages, struct buffer *der)
{
	const enum key_type only = find_only_key_type(&client->policy);
	const unsigned int granted = choose_usages(client, usages);
	const size_t begin = der->len;

	if (only != KEY_TYPE_COUNT)
		append_key_type(der, only);
	if (granted != USE_SIGN)
		append_extensions(der, granted);
	if (der->len == begin)
		return;
	append_template(der, only, granted);
	enclose_der(der, begin, DER_SEQUENCE);
}
