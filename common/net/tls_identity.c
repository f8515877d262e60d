#include "common/net/tls_identity.h"

#include <gnutls/x509.h>
#include <stdlib.h>

enum { CHAIN_MAX = 16 };

static gnutls_datum_t datum_of(struct bytes bytes)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)bytes.data, (unsigned int)bytes.len};
}

static int set_gnutls_fault(const char *what, int code, struct fault *fault)
{
	return set_fault(fault, FAULT_MALFORMED, "the server's %s: %s", what,
			 gnutls_strerror(code));
}

static void free_tls_identity(struct tls_identity **pointer)
{
	struct tls_identity *identity = TAKE(*pointer);

	if (identity == NULL)
		return;
	for (unsigned int i = 0; i < identity->chain_len; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	free(identity->chain);
	if (identity->key != NULL)
		gnutls_privkey_deinit(identity->key);
	clear_buffer(&identity->ocsp);
	free(identity);
}

static int read_chain(struct tls_identity *identity, struct bytes pem, struct fault *fault)
{
	const gnutls_datum_t datum = datum_of(pem);
	unsigned int len = CHAIN_MAX;
	int code;

	identity->chain = calloc(CHAIN_MAX, sizeof(*identity->chain));
	if (identity->chain == NULL)
		return set_memory_fault(fault);
	code = gnutls_pcert_list_import_x509_raw(identity->chain, &len, &datum, GNUTLS_X509_FMT_PEM,
						 0);
	if (code < 0)
		return set_gnutls_fault("certificate", code, fault);
	identity->chain_len = len;
	return 0;
}

static int read_key(struct tls_identity *identity, struct bytes pem, struct fault *fault)
{
	const gnutls_datum_t datum = datum_of(pem);
	int code = gnutls_privkey_init(&identity->key);

	if (code >= 0)
		code = gnutls_privkey_import_x509_raw(identity->key, &datum, GNUTLS_X509_FMT_PEM,
						      NULL, 0);
	return code < 0 ? set_gnutls_fault("private key", code, fault) : 0;
}

static int new_tls_identity(const struct tls_material *material, struct tls_identity **ret_identity,
			    struct fault *fault)
{
	CLEANUP(free_tls_identity) struct tls_identity *identity = calloc(1, sizeof(*identity));

	if (identity == NULL)
		return set_memory_fault(fault);
	append_bytes(&identity->ocsp, material->ocsp);
	if (read_chain(identity, material->chain_pem, fault) < 0 ||
	    read_key(identity, material->key_pem, fault) < 0 ||
	    check_buffer(&identity->ocsp, fault) < 0)
		return -1;
	identity->staple =
		(gnutls_ocsp_data_st){.response = datum_of(bytes_of_buffer(&identity->ocsp)),
				      .exptime = (time_t)material->ocsp_until_s};
	identity->references = 1;
	*ret_identity = TAKE(identity);
	return 0;
}

void init_tls_slot(struct tls_slot *slot)
{
	pthread_mutex_init(&slot->lock, NULL);
	slot->current = NULL;
}

void clear_tls_slot(struct tls_slot *slot)
{
	free_tls_identity(&slot->current);
	pthread_mutex_destroy(&slot->lock);
}

int set_tls_identity(struct tls_slot *slot, const struct tls_material *material,
		     struct fault *fault)
{
	struct tls_identity *identity = NULL;
	struct tls_identity *old;

	if (new_tls_identity(material, &identity, fault) < 0)
		return -1;
	pthread_mutex_lock(&slot->lock);
	old = slot->current;
	slot->current = identity;
	pthread_mutex_unlock(&slot->lock);
	release_tls_identity(slot, &old);
	return 0;
}

struct tls_identity *hold_tls_identity(struct tls_slot *slot)
{
	struct tls_identity *identity;

	pthread_mutex_lock(&slot->lock);
	identity = slot->current;
	if (identity != NULL)
		identity->references++;
	pthread_mutex_unlock(&slot->lock);
	return identity;
}

void release_tls_identity(struct tls_slot *slot, struct tls_identity **pointer)
{
	struct tls_identity *identity = TAKE(*pointer);
	bool last;

	if (identity == NULL)
		return;
	pthread_mutex_lock(&slot->lock);
	last = --identity->references == 0;
	pthread_mutex_unlock(&slot->lock);
	if (last)
		free_tls_identity(&identity);
}
