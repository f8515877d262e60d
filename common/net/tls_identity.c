#include "common/net/tls_identity.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

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

/* --- at the client --- */

static void free_crt(gnutls_x509_crt_t *crt)
{
	if (*crt != NULL)
		gnutls_x509_crt_deinit(*crt);
}

static bool is_for_servers(gnutls_x509_crt_t crt)
{
	char purpose[64];
	size_t size = sizeof(purpose);
	int code = 0;

	/* Longer ones are others. */
	for (unsigned int i = 0; code == 0 || code == GNUTLS_E_SHORT_MEMORY_BUFFER; i++) {
		size = sizeof(purpose);
		code = gnutls_x509_crt_get_key_purpose_oid(crt, i, purpose, &size, NULL);
		if (code == 0 && strcmp(purpose, GNUTLS_KP_TLS_WWW_SERVER) == 0)
			return true;
	}
	return false;
}

/* With a DNS name among the alternative names, GnuTLS does not look at the subject; a host that is
   an address has to be there itself. */
static bool has_alternative_name(gnutls_x509_crt_t crt, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	char name[256];
	size_t size;
	size_t len = 0;
	int type = 0;

	if (inet_pton(AF_INET, host, address) == 1)
		len = sizeof(struct in_addr);
	else if (inet_pton(AF_INET6, host, address) == 1)
		len = sizeof(struct in6_addr);
	for (unsigned int i = 0; type >= 0 || type == GNUTLS_E_SHORT_MEMORY_BUFFER; i++) {
		size = sizeof(name);
		type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &size, NULL);
		if (len == 0 ? type == GNUTLS_SAN_DNSNAME
			     : type == GNUTLS_SAN_IPADDRESS && size == len &&
				       memcmp(name, address, len) == 0)
			return true;
	}
	return false;
}

const char *find_server_problem(gnutls_session_t session, const char *host, struct buffer *known)
{
	CLEANUP(free_crt) gnutls_x509_crt_t crt = NULL;
	unsigned int count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);

	if (count > 0 && chain[0].size > 0 &&
	    equal_bytes(bytes_of_buffer(known), (struct bytes){chain[0].data, chain[0].size}))
		return NULL;
	if (count == 0 || gnutls_x509_crt_init(&crt) < 0 ||
	    gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) < 0)
		return "it cannot be read";
	if (!is_for_servers(crt))
		return "expected the purpose serverAuth in it, found none";
	if (!has_alternative_name(crt, host))
		return "expected the host among its alternative names, found none";
	clear_buffer(known);
	append_bytes(known, (struct bytes){chain[0].data, chain[0].size});
	return NULL;
}
