#include "common/x509/purpose.h"

static const struct {
	struct bytes oid;
	unsigned int purposes;
} known_purposes[] = {
	{DER_LITERAL("\x55\x1d\x25\x00"), PURPOSES_OF_MEMBERS}, /* anyExtendedKeyUsage */
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x01"), PURPOSE_SERVER_AUTH},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x02"), PURPOSE_CLIENT_AUTH},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x04"), PURPOSE_EMAIL_PROTECTION},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x24"), PURPOSE_DOCUMENT_SIGNING},
	{DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x03\x09"), PURPOSE_OCSP_SIGNING},
};

bool read_purposes(struct bytes value, unsigned int *ret_purposes)
{
	unsigned int purposes = 0;
	struct der_item sequence;
	struct der_item oid;

	if (check_der(value, "", NULL) < 0 || !read_der_tagged(&value, DER_SEQUENCE, &sequence) ||
	    sequence.content.len == 0)
		return false;
	while (read_der_tagged(&sequence.content, DER_OID, &oid))
		for (size_t i = 0; i < COUNT_OF(known_purposes); i++)
			if (equal_bytes(known_purposes[i].oid, oid.content))
				purposes |= known_purposes[i].purposes;
	if (sequence.content.len > 0)
		return false;
	*ret_purposes = purposes;
	return true;
}

unsigned int find_purposes(const struct certificate_fields *fields)
{
	struct extension extension = {0};
	unsigned int purposes = 0;
	bool found = false;

	if (find_extension(fields->extensions, EXTENSION_EXTENDED_KEY_USAGE, &extension, &found,
			   NULL) < 0)
		return 0;
	if (!found)
		return PURPOSES_OF_MEMBERS;
	return read_purposes(extension.value, &purposes) ? purposes : 0;
}
