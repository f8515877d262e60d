#include "common/x509/subject.h"

#include "common/x509/distinguished_name.h"

#include <gnutls/x509.h>

static void deinit_dn(gnutls_x509_dn_t *dn)
{
	if (*dn != NULL)
		gnutls_x509_dn_deinit(*dn);
	*dn = NULL;
}

int rewrite_subject(const char *text, char **ret_text, struct fault *fault)
{
	CLEANUP(deinit_dn) gnutls_x509_dn_t dn = NULL;
	gnutls_datum_t rewritten = {0};
	int result = gnutls_x509_dn_init(&dn);

	if (result >= 0)
		result = gnutls_x509_dn_set_str(dn, text, NULL);
	if (result >= 0)
		result = gnutls_x509_dn_get_str2(dn, &rewritten, 0);
	if (result == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (result < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "subject \"%s\": expected RFC 4514 like CN=client1,O=Example: %s",
				 text, gnutls_strerror(result));
	return take_name_text(&rewritten, ret_text, fault);
}
