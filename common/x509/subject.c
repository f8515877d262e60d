#include "common/x509/subject.h"

#include "common/x509/distinguished_name.h"

#include <gnutls/x509.h>

static void deinit_dn(gnutls_x509_dn_t *dn)
{
	if (*dn != NULL)
		gnutls_x509_dn_deinit(*dn);
	*dn = NULL;
}

/* 0, or -1 with a fault for a GnuTLS function to which the text was too much. */
static int read_text(const char *text, int result, struct fault *fault)
{
	if (result == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (result < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "subject \"%s\": expected RFC 4514 like CN=client1,O=Example: %s",
				 text, gnutls_strerror(result));
	return 0;
}

static int parse_text(const char *text, gnutls_x509_dn_t *dn, struct fault *fault)
{
	int result = gnutls_x509_dn_init(dn);

	if (result >= 0)
		result = gnutls_x509_dn_set_str(*dn, text, NULL);
	return read_text(text, result, fault);
}

int rewrite_subject(const char *text, char **ret_text, struct fault *fault)
{
	CLEANUP(deinit_dn) gnutls_x509_dn_t dn = NULL;
	gnutls_datum_t rewritten = {0};

	if (parse_text(text, &dn, fault) < 0 ||
	    read_text(text, gnutls_x509_dn_get_str2(dn, &rewritten, 0), fault) < 0)
		return -1;
	return take_name_text(&rewritten, ret_text, fault);
}

int append_name(struct buffer *buffer, const char *text, struct fault *fault)
{
	CLEANUP(deinit_dn) gnutls_x509_dn_t dn = NULL;
	gnutls_datum_t der = {0};

	if (parse_text(text, &dn, fault) < 0 ||
	    read_text(text, gnutls_x509_dn_export2(dn, GNUTLS_X509_FMT_DER, &der), fault) < 0)
		return -1;
	append_bytes(buffer, (struct bytes){der.data, der.size});
	gnutls_free(der.data);
	return check_buffer(buffer, fault);
}

int format_name(struct bytes name, char **ret_text, struct fault *fault)
{
	const gnutls_datum_t der = {(unsigned char *)(uintptr_t)name.data, (unsigned int)name.len};
	gnutls_datum_t text = {0};
	/* The empty name is the empty text. */
	int result = empty_name(name) ? 0 : gnutls_x509_rdn_get2(&der, &text, 0);

	if (result == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (result < 0)
		return set_fault(fault, FAULT_MALFORMED, "a name has no form in RFC 4514: %s",
				 gnutls_strerror(result));
	return take_name_text(&text, ret_text, fault);
}
