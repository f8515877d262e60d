#include "common/x509/revocation/crl_issuer.h"

#include "common/x509/certificate_fields.h"

enum { CRL_SIGN = 0x02 }; /* bit 6, in the first octet of the bits */

bool may_sign_crls(const struct certificate *certificate)
{
	struct extension extension = {0};
	struct der_item bits;
	bool found;

	if (find_extension(certificate_fields(certificate)->extensions, EXTENSION_KEY_USAGE,
			   &extension, &found, NULL) < 0 ||
	    !found)
		return false;
	return read_der_tagged(&extension.value, DER_BIT_STRING, &bits) && bits.content.len >= 2 &&
	       (bits.content.data[1] & CRL_SIGN) != 0;
}
