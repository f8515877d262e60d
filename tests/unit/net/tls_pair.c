#include "tests/unit/net/tls_pair.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HOUR_S = 3600 };

#define DO(call) cr_assert_geq((call), 0)

static gnutls_x509_privkey_t new_key(void)
{
	gnutls_x509_privkey_t key;

	DO(gnutls_x509_privkey_init(&key));
	DO(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	return key;
}

static gnutls_x509_crt_t begin_certificate(gnutls_x509_privkey_t key, const char *name,
					   int64_t from_s, int64_t until_s)
{
	gnutls_x509_crt_t crt;

	DO(gnutls_x509_crt_init(&crt));
	DO(gnutls_x509_crt_set_version(crt, 3));
	DO(gnutls_x509_crt_set_serial(crt, name, strlen(name)));
	DO(gnutls_x509_crt_set_dn(crt, name, NULL));
	DO(gnutls_x509_crt_set_key(crt, key));
	DO(gnutls_x509_crt_set_activation_time(crt, (time_t)from_s));
	DO(gnutls_x509_crt_set_expiration_time(crt, (time_t)until_s));
	return crt;
}

static void keep(gnutls_datum_t *text, struct buffer *ret_text)
{
	append_bytes(ret_text, (struct bytes){text->data, text->size});
	gnutls_free(text->data);
}

static void write_root(struct tls_pair *pair, gnutls_x509_crt_t root)
{
	gnutls_datum_t pem;
	FILE *file;

	DO(gnutls_x509_crt_export2(root, GNUTLS_X509_FMT_PEM, &pem));
	cr_assert_gt(asprintf(&pair->root_path, "%s/root.crt", pair->scratch.path), 0);
	file = fopen(pair->root_path, "w");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(pem.data, 1, pem.size, file), pem.size);
	cr_assert_eq(fclose(file), 0);
	gnutls_free(pem.data);
}

static void make_pair(struct tls_pair *pair, int64_t validity_s, const char *subject,
		      enum pair_flaw flaw)
{
	static const uint8_t loopback[] = {127, 0, 0, 1};
	const int64_t now_s = time(NULL);
	gnutls_x509_privkey_t root_key = new_key();
	gnutls_x509_privkey_t key = new_key();
	gnutls_x509_crt_t root =
		begin_certificate(root_key, "CN=Root", now_s - 86400, now_s + 86400);
	gnutls_x509_crt_t crt = begin_certificate(key, subject, now_s - 3600, now_s + validity_s);
	gnutls_datum_t pem;

	*pair = (struct tls_pair){0};
	make_scratch(&pair->scratch);
	DO(gnutls_x509_crt_set_basic_constraints(root, 1, -1));
	DO(gnutls_x509_crt_set_key_usage(root, GNUTLS_KEY_KEY_CERT_SIGN));
	DO(gnutls_x509_crt_sign2(root, root, root_key, GNUTLS_DIG_SHA256, 0));
	if (flaw != PAIR_WITHOUT_NAME)
		DO(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, loopback,
							sizeof(loopback), GNUTLS_FSAN_SET));
	if (flaw != PAIR_WITHOUT_PURPOSE)
		DO(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
	DO(gnutls_x509_crt_sign2(crt, root, root_key, GNUTLS_DIG_SHA256, 0));
	write_root(pair, root);
	DO(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem));
	keep(&pem, &pair->certificate);
	DO(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, 0, &pem));
	keep(&pem, &pair->key);
	gnutls_x509_crt_deinit(root);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(root_key);
	gnutls_x509_privkey_deinit(key);
}

void make_tls_pair(struct tls_pair *pair, int64_t validity_s)
{
	make_pair(pair, validity_s, "CN=server", PAIR_WITHOUT_FLAW);
}

void make_flawed_pair(struct tls_pair *pair, enum pair_flaw flaw)
{
	make_pair(pair, HOUR_S, "CN=127.0.0.1", flaw);
}

void remove_tls_pair(struct tls_pair *pair)
{
	remove_scratch(&pair->scratch);
	free(pair->root_path);
	clear_buffer(&pair->certificate);
	clear_buffer(&pair->key);
}

struct tls_material material_of(const struct tls_pair *pair)
{
	return (struct tls_material){.chain_pem = bytes_of_buffer(&pair->certificate),
				     .key_pem = bytes_of_buffer(&pair->key)};
}
