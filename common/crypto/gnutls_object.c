#include "common/crypto/gnutls_object.h"

#include <string.h>

void free_datum(gnutls_datum_t *datum)
{
	wipe(datum->data, datum->size);
	gnutls_free(datum->data);
	*datum = (gnutls_datum_t){0};
}

gnutls_datum_t borrow_datum(struct bytes octets)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)octets.data, (unsigned int)octets.len};
}

int copy_datum(const gnutls_datum_t *datum, struct secret *ret_secret, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret secret = {0};

	if (allocate_secret(datum->size, &secret, fault) < 0)
		return -1;
	memcpy(secret.data, datum->data, datum->size);
	*ret_secret = take_secret(&secret);
	return 0;
}

int format_pem_secret(const char *label, struct bytes der, struct secret *ret_pem,
		      struct fault *fault)
{
	CLEANUP(free_datum) gnutls_datum_t pem = {0};
	const gnutls_datum_t datum = borrow_datum(der);
	int code = gnutls_pem_base64_encode2(label, &datum, &pem);

	if (code < 0)
		return set_gnutls_fault(fault, label, code);
	return copy_datum(&pem, ret_pem, fault);
}
