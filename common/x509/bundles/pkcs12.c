#include "common/x509/bundles/pkcs12.h"

#include "common/crypto/digest.h"

#include <gnutls/pkcs12.h>

static void deinit_pkcs12(gnutls_pkcs12_t *pkcs12)
{
	if (*pkcs12 != NULL)
		gnutls_pkcs12_deinit(*pkcs12);
}

static void deinit_bag(gnutls_pkcs12_bag_t *bag)
{
	if (*bag != NULL)
		gnutls_pkcs12_bag_deinit(*bag);
}

static void deinit_key(gnutls_x509_privkey_t *key)
{
	if (*key != NULL)
		gnutls_x509_privkey_deinit(*key);
}

static int set_bundle_fault(int code, struct fault *fault)
{
	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (code == GNUTLS_E_INVALID_UTF8_STRING)
		return set_fault(fault, FAULT_USAGE, "PKCS#12: expected a passphrase in UTF-8");
	return set_fault(fault, FAULT_FAILED, "PKCS#12: %s", gnutls_strerror(code));
}

static gnutls_datum_t datum_of(struct bytes octets)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)octets.data, (unsigned int)octets.len};
}

static int import_key(const struct private_key *key, gnutls_x509_privkey_t *ret_key,
		      struct fault *fault)
{
	CLEANUP(clear_secret) struct secret pem = {0};
	gnutls_datum_t datum;
	int code = gnutls_x509_privkey_init(ret_key);

	if (code < 0)
		return set_bundle_fault(code, fault);
	if (format_private_key(key, &pem, fault) < 0)
		return -1;
	datum = datum_of(bytes_of_secret(&pem));
	code = gnutls_x509_privkey_import2(*ret_key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
	return code < 0 ? set_bundle_fault(code, fault) : 0;
}

/* The attributes by which programs find the certificate of a key, and name both. */
static int mark(gnutls_pkcs12_bag_t bag, unsigned int index, const char *name,
		const uint8_t id[static SHA256_LEN])
{
	const gnutls_datum_t key_id = datum_of((struct bytes){id, SHA256_LEN});
	int code = gnutls_pkcs12_bag_set_friendly_name(bag, index, name);

	return code < 0 ? code : gnutls_pkcs12_bag_set_key_id(bag, index, &key_id);
}

static int add_key(gnutls_pkcs12_t pkcs12, const struct key_bundle *bundle, const char *passphrase,
		   const uint8_t id[static SHA256_LEN], struct fault *fault)
{
	CLEANUP(deinit_bag) gnutls_pkcs12_bag_t bag = NULL;
	CLEANUP(deinit_key) gnutls_x509_privkey_t key = NULL;
	int code = gnutls_pkcs12_bag_init(&bag);

	if (code < 0)
		return set_bundle_fault(code, fault);
	if (import_key(bundle->key, &key, fault) < 0)
		return -1;
	code = gnutls_pkcs12_bag_set_privkey(bag, key, passphrase, GNUTLS_PKCS_PBES2_AES_256);
	if (code >= 0)
		code = mark(bag, 0, bundle->name, id);
	if (code >= 0)
		code = gnutls_pkcs12_set_bag(pkcs12, bag);
	return code < 0 ? set_bundle_fault(code, fault) : 0;
}

static int add_certificates(gnutls_pkcs12_t pkcs12, const struct key_bundle *bundle,
			    const char *passphrase, const uint8_t id[static SHA256_LEN],
			    struct fault *fault)
{
	CLEANUP(deinit_bag) gnutls_pkcs12_bag_t bag = NULL;
	int code = gnutls_pkcs12_bag_init(&bag);

	for (size_t i = 0; code >= 0 && i < bundle->count; i++) {
		const gnutls_datum_t der = datum_of(certificate_der(bundle->certificates[i]));

		code = gnutls_pkcs12_bag_set_data(bag, GNUTLS_BAG_CERTIFICATE, &der);
		/* Of its own certificate alone. */
		if (code >= 0 && i == 0)
			code = mark(bag, 0, bundle->name, id);
	}
	if (code >= 0)
		code = gnutls_pkcs12_bag_encrypt(bag, passphrase, GNUTLS_PKCS_PBES2_AES_256);
	if (code >= 0)
		code = gnutls_pkcs12_set_bag(pkcs12, bag);
	return code < 0 ? set_bundle_fault(code, fault) : 0;
}

static int export_pkcs12(gnutls_pkcs12_t pkcs12, const char *passphrase, struct buffer *ret_der,
			 struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	gnutls_datum_t datum = {0};
	int code = gnutls_pkcs12_generate_mac2(pkcs12, GNUTLS_MAC_SHA256, passphrase);

	if (code >= 0)
		code = gnutls_pkcs12_export2(pkcs12, GNUTLS_X509_FMT_DER, &datum);
	if (code < 0)
		return set_bundle_fault(code, fault);
	append_bytes(&der, (struct bytes){datum.data, datum.size});
	gnutls_free(datum.data);
	if (check_buffer(&der, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}

int format_pkcs12(const struct key_bundle *bundle, const struct secret *passphrase,
		  struct buffer *ret_der, struct fault *fault)
{
	const char *text = (const char *)passphrase->data;
	CLEANUP(deinit_pkcs12) gnutls_pkcs12_t pkcs12 = NULL;
	uint8_t id[SHA256_LEN];
	int code = gnutls_pkcs12_init(&pkcs12);

	if (code < 0)
		return set_bundle_fault(code, fault);
	public_key_sha256(certificate_public_key(bundle->certificates[0]), id);
	if (add_certificates(pkcs12, bundle, text, id, fault) < 0 ||
	    add_key(pkcs12, bundle, text, id, fault) < 0)
		return -1;
	return export_pkcs12(pkcs12, text, ret_der, fault);
}
