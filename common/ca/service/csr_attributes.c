#include "common/ca/service/csr_attributes.h"

#include "common/ca/signer/policy.h"
#include "common/x509/der.h"
#include "common/x509/purpose.h"

static const struct bytes extension_request =
	DER_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"); /* RFC 2985 section 5.4.2 */

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

/* RFC 7030 section 4.5.2 has no way to say "one of these": of several types, none is named. */
static void append_only_key_type(struct buffer *der, const struct client_policy *policy)
{
	enum key_type only = KEY_TYPE_COUNT;
	size_t count = 0;

	for (enum key_type type = 0; type < KEY_TYPE_COUNT; type++) {
		if (!policy->keys[type])
			continue;
		only = type;
		count++;
	}
	if (count == 1)
		append_key_type(der, only);
}

static void append_extensions(struct buffer *der, unsigned int usages)
{
	CLEANUP(clear_buffer) struct buffer extensions = {0};

	append_usages(&extensions, usages);
	enclose_der(&extensions, 0, DER_SEQUENCE);
	append_attribute(der, extension_request, &extensions);
}

void append_csr_attributes(const struct client *client, unsigned int usages, struct buffer *der)
{
	const unsigned int granted = choose_usages(client, usages);
	const size_t begin = der->len;

	append_only_key_type(der, &client->policy);
	if (granted != USE_SIGN)
		append_extensions(der, granted);
	if (der->len > begin)
		enclose_der(der, begin, DER_SEQUENCE);
}
