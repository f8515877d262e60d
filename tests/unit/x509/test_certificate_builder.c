/* Certificates are the octets that GnuTLS writes for the same fields. */
#include "common/x509/certificate_builder.h"

#include "common/x509/issuer.h"
#include "tests/support/expect.h"
#include "tests/support/gnutls_objects.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <gnutls/x509-ext.h>
#include <string.h>

/* From the years of UTCTime into those of GeneralizedTime. */
static const struct validity until_2058 = {FORGED_NOW_S - 300, INT64_C(2800000000)};
static const struct validity until_2050 = {FORGED_NOW_S - 300, INT64_C(2540000000)};
static const struct validity a_day = {FORGED_NOW_S, FORGED_NOW_S + 86400};
static const uint8_t serial[SERIAL_MAX] = {0x5a, 0, 1, 2, 0xff};

static const char root_name[] = "CN=Example Root CA,O=Example\\, Inc,C=FR";
static const char crl_url[] = "http://ca.example.org/crl";
static const char ocsp_url[] = "http://ca.example.org/ocsp";
static const char issuer_url[] = "http://ca.example.org/ca.cer";

/* One key as our object and as GnuTLS's. */
struct twin_key {
	struct private_key *ours;
	struct public_key *public;
	gnutls_privkey_t gnutls;
	gnutls_pubkey_t gnutls_public;
};

static void make_twin(enum key_type type, struct twin_key *ret_twin)
{
	CLEANUP(clear_secret) struct secret pem = {0};

	OK(generate_private_key(type, &ret_twin->ours, &fault));
	OK(format_private_key(ret_twin->ours, &pem, &fault));
	OK(get_public_key(ret_twin->ours, &ret_twin->public, &fault));
	ret_twin->gnutls = gnutls_privkey_of(bytes_of_secret(&pem));
	ret_twin->gnutls_public = gnutls_pubkey_of(public_key_spki(ret_twin->public));
}

static void clear_twin(struct twin_key *twin)
{
	free_private_key(&twin->ours);
	free_public_key(&twin->public);
	gnutls_privkey_deinit(twin->gnutls);
	gnutls_pubkey_deinit(twin->gnutls_public);
}

static bool is_ecdsa(enum key_type type)
{
	return type == KEY_ECDSA_P256 || type == KEY_ECDSA_P384;
}

static gnutls_digest_algorithm_t digest_of(enum key_type type)
{
	if (type == KEY_ECDSA_P384)
		return GNUTLS_DIG_SHA384;
	return type == KEY_ED25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
}

/* ECDSA signatures differ each time: compare only the octets before them. */
static void expect_same(struct bytes ours, struct bytes theirs, enum key_type signer)
{
	struct signed_object our_object;
	struct signed_object their_object;

	cr_assert(split_signed_object(ours, &our_object));
	cr_assert(split_signed_object(theirs, &their_object));
	cr_expect(equal_bytes(our_object.body, their_object.body));
	cr_expect(equal_bytes(our_object.algorithm, their_object.algorithm));
	cr_expect(is_ecdsa(signer) || equal_bytes(ours, theirs));
}

/* Copies the fields that all certificates have from our certificate. */
static gnutls_x509_crt_t begin_crt(const struct certificate *ours)
{
	const struct bytes number = certificate_serial(ours);
	gnutls_pubkey_t key = gnutls_pubkey_of(public_key_spki(certificate_public_key(ours)));
	gnutls_x509_crt_t crt;

	cr_assert_eq(gnutls_x509_crt_init(&crt), 0);
	cr_assert_eq(gnutls_x509_crt_set_version(crt, 3), 0);
	cr_assert_eq(gnutls_x509_crt_set_serial(crt, number.data, number.len), 0);
	cr_assert_eq(gnutls_x509_crt_set_dn(crt, certificate_subject(ours), NULL), 0);
	cr_assert_eq(gnutls_x509_crt_set_pubkey(crt, key), 0);
	cr_assert_eq(gnutls_x509_crt_set_activation_time(crt, certificate_not_before(ours)), 0);
	cr_assert_eq(gnutls_x509_crt_set_expiration_time(crt, certificate_not_after(ours)), 0);
	gnutls_pubkey_deinit(key);
	return crt;
}

static void set_key_id(gnutls_x509_crt_t crt, const struct certificate *ours)
{
	struct bytes id = expected_key_id(public_key_spki(certificate_public_key(ours)));

	cr_assert_eq(gnutls_x509_crt_set_subject_key_id(crt, id.data, id.len), 0);
}

static void set_issuer_key_id(gnutls_x509_crt_t crt, const struct certificate *issuer)
{
	struct bytes id = expected_key_id(public_key_spki(certificate_public_key(issuer)));

	cr_assert_eq(gnutls_x509_crt_set_authority_key_id(crt, id.data, id.len), 0);
}

/* Signs, compares, and ends the GnuTLS object. issuer NULL: self-signed. */
static void compare(gnutls_x509_crt_t crt, const struct certificate *ours,
		    const struct certificate *issuer, const struct twin_key *signer)
{
	enum key_type type = private_key_type(signer->ours);
	gnutls_x509_crt_t above = issuer == NULL ? crt : gnutls_crt_of(certificate_der(issuer));
	gnutls_datum_t der = {0};

	cr_assert_eq(gnutls_x509_crt_privkey_sign(crt, above, signer->gnutls, digest_of(type), 0),
		     0);
	cr_assert_eq(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), 0);
	expect_same(certificate_der(ours), (struct bytes){der.data, der.size}, type);
	gnutls_free(der.data);
	if (issuer != NULL)
		gnutls_x509_crt_deinit(above);
	gnutls_x509_crt_deinit(crt);
}

static struct certificate *parse(const struct buffer *der)
{
	struct certificate *certificate = NULL;

	OK(parse_certificate_der(bytes_of_buffer(der), &certificate, &fault));
	return certificate;
}

static struct certificate *make_root(const struct twin_key *key)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(create_root(key->ours, root_name, &until_2058, &der, &fault));
	return parse(&der);
}

/* An issuer, and a copy of its certificate. */
static struct issuer *make_issuer(const struct twin_key *key, struct certificate **ret_root)
{
	const struct published_urls urls = {crl_url, ocsp_url, issuer_url};
	CLEANUP(clear_secret) struct secret pem = {0};
	struct certificate *root = make_root(key);
	struct private_key *copy = NULL;
	struct issuer *issuer = NULL;

	OK(format_private_key(key->ours, &pem, &fault));
	OK(parse_private_key(bytes_of_secret(&pem), &copy, &fault));
	OK(parse_certificate_der(certificate_der(root), ret_root, &fault));
	OK(new_issuer(&root, &copy, &issuer, &fault));
	OK(set_published_urls(issuer, &urls, &fault));
	return issuer;
}

static void set_authority(gnutls_x509_crt_t crt, int path_length)
{
	cr_assert_eq(gnutls_x509_crt_set_basic_constraints(crt, 1, path_length), 0);
	cr_assert_eq(
		gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN),
		0);
}

/* Those of make_issuer. */
static void set_urls(gnutls_x509_crt_t crt)
{
	cr_assert_eq(gnutls_x509_crt_set_crl_dist_points2(crt, GNUTLS_SAN_URI, crl_url,
							  sizeof(crl_url) - 1, 0),
		     0);
	cr_assert_eq(gnutls_x509_crt_set_authority_info_access(
			     crt, GNUTLS_IA_OCSP_URI,
			     &(gnutls_datum_t){(unsigned char *)(uintptr_t)ocsp_url,
					       sizeof(ocsp_url) - 1}),
		     0);
	cr_assert_eq(gnutls_x509_crt_set_authority_info_access(
			     crt, GNUTLS_IA_CAISSUERS_URI,
			     &(gnutls_datum_t){(unsigned char *)(uintptr_t)issuer_url,
					       sizeof(issuer_url) - 1}),
		     0);
}

static void compare_root(const struct certificate *root, const struct twin_key *key)
{
	gnutls_x509_crt_t crt = begin_crt(root);

	set_authority(crt, -1);
	set_key_id(crt, root);
	compare(crt, root, NULL, key);
}

/* The holder and the issuer of a certificate. */
struct pair {
	const struct issuer *issuer;
	const struct certificate *root;
	const struct twin_key *root_key;
	const struct twin_key *key;
};

static void compare_intermediate(const struct pair *pair)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_certificate) struct certificate *made = NULL;
	gnutls_x509_crt_t crt;

	OK(create_intermediate(pair->issuer, pair->key->public, "CN=Issuing CA", &a_day, &der,
			       &fault));
	made = parse(&der);
	crt = begin_crt(made);
	set_authority(crt, 0);
	set_key_id(crt, made);
	set_issuer_key_id(crt, pair->root);
	set_urls(crt);
	compare(crt, made, pair->root, pair->root_key);
}

/* A request's PEM. alt_name may be NULL. */
static void make_request(const struct private_key *key, const char *alt_name,
			 struct buffer *ret_pem)
{
	struct alt_names names = {0};

	if (alt_name != NULL)
		OK(add_alt_name(&names, alt_name, &fault));
	OK(create_csr(key, "CN=client1-1,O=Exämple", &names, USE_SIGN, ret_pem, &fault));
	clear_alt_names(&names);
}

static struct csr *parse_request(const struct buffer *pem)
{
	struct csr *csr = NULL;

	OK(parse_csr_pem(bytes_of_buffer(pem), &csr, &fault));
	return csr;
}

/* catalogue 48, 49: subject and names of a request, everything else ours. */
static void compare_member(const struct pair *pair, const char *alt_name)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_csr) struct csr *csr = NULL;
	CLEANUP(free_certificate) struct certificate *made = NULL;
	struct bytes names;
	gnutls_x509_crt_t crt;

	make_request(pair->key->ours, alt_name, &pem);
	csr = parse_request(&pem);
	names = csr_alt_names_der(csr);
	OK(certify_csr(pair->issuer, csr, serial, &until_2050, &der, &fault));
	made = parse(&der);
	crt = begin_crt(made);
	if (alt_name != NULL)
		cr_assert_eq(gnutls_x509_crt_set_extension_by_oid(crt, GNUTLS_X509EXT_OID_SAN,
								  names.data, names.len, 0),
			     0);
	set_key_id(crt, made);
	cr_assert_eq(gnutls_x509_crt_set_basic_constraints(crt, 0, -1), 0);
	cr_assert_eq(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE), 0);
	set_issuer_key_id(crt, pair->root);
	set_urls(crt);
	compare(crt, made, pair->root, pair->root_key);
}

static void compare_responder(const struct pair *pair)
{
	static const uint8_t der_null[] = {DER_NULL, 0};
	const struct own_certificate_options terms = {
		.key = pair->key->public, .subject = "CN=OCSP responder", .validity = a_day};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_certificate) struct certificate *made = NULL;
	gnutls_x509_crt_t crt;

	OK(create_own_certificate(pair->issuer, &terms, serial, &der, &fault));
	made = parse(&der);
	crt = begin_crt(made);
	cr_assert_eq(gnutls_x509_crt_set_basic_constraints(crt, 0, -1), 0);
	cr_assert_eq(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE), 0);
	cr_assert_eq(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_OCSP_SIGNING, 0), 0);
	cr_assert_eq(gnutls_x509_crt_set_extension_by_oid(crt, "1.3.6.1.5.5.7.48.1.5", der_null,
							  sizeof(der_null), 0),
		     0);
	set_key_id(crt, made);
	set_issuer_key_id(crt, pair->root);
	compare(crt, made, pair->root, pair->root_key);
}

static void compare_request(const struct twin_key *key, const char *alt_name)
{
	const enum key_type type = private_key_type(key->ours);
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_csr) struct csr *csr = NULL;
	struct bytes names;
	gnutls_x509_crq_t crq;
	gnutls_datum_t ours = {0};
	gnutls_datum_t theirs = {0};

	make_request(key->ours, alt_name, &pem);
	csr = parse_request(&pem);
	names = csr_alt_names_der(csr);
	cr_assert_eq(gnutls_x509_crq_init(&crq), 0);
	cr_assert_eq(gnutls_x509_crq_set_version(crq, 1), 0);
	cr_assert_eq(gnutls_x509_crq_set_dn(crq, csr_subject(csr), NULL), 0);
	cr_assert_eq(gnutls_x509_crq_set_pubkey(crq, key->gnutls_public), 0);
	if (alt_name != NULL)
		cr_assert_eq(gnutls_x509_crq_set_extension_by_oid(crq, GNUTLS_X509EXT_OID_SAN,
								  names.data, names.len, 0),
			     0);
	cr_assert_eq(gnutls_x509_crq_privkey_sign(crq, key->gnutls, digest_of(type), 0), 0);
	cr_assert_eq(gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &theirs), 0);
	cr_assert_eq(gnutls_pem_base64_decode2("CERTIFICATE REQUEST",
					       &(gnutls_datum_t){pem.data, (unsigned int)pem.len},
					       &ours),
		     0);
	expect_same((struct bytes){ours.data, ours.size}, (struct bytes){theirs.data, theirs.size},
		    type);
	gnutls_free(ours.data);
	gnutls_free(theirs.data);
	gnutls_x509_crq_deinit(crq);
}

Test(certificate_builder, writes_the_octets_of_gnutls_for_every_key_type_and_profile)
{
	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
		struct twin_key root_key = {0};
		struct twin_key key = {0};
		CLEANUP(free_certificate) struct certificate *root = NULL;
		CLEANUP(free_issuer) struct issuer *issuer = NULL;
		struct pair pair = {.root_key = &root_key, .key = &key};

		make_twin((enum key_type)type, &root_key);
		make_twin((enum key_type)type, &key);
		issuer = make_issuer(&root_key, &root);
		pair.issuer = issuer;
		pair.root = root;
		compare_root(root, &root_key);
		compare_intermediate(&pair);
		compare_member(&pair, NULL);
		compare_member(&pair, "DNS:client1.example.org");
		compare_responder(&pair);
		compare_request(&key, NULL);
		compare_request(&key, "IP:::1");
		clear_twin(&root_key);
		clear_twin(&key);
	}
}

/* The value of the only extension in the DER. */
static gnutls_datum_t read_value(const struct buffer *der, struct bytes oid)
{
	struct bytes rest = bytes_of_buffer(der);
	struct extension extension;

	OK(check_der(rest, "extension", &fault));
	cr_assert(read_extension(&rest, &extension));
	cr_expect_eq(rest.len, (size_t)0);
	cr_expect(equal_bytes(extension.oid, oid));
	cr_expect(!extension.critical);
	return datum_of(extension.value);
}

/* A short URL, and one whose length needs more than one octet. */
static const char short_url[] = "http://a/crl";

static char *make_long_url(void)
{
	static char url[300] = "http://ca.example.org/";

	memset(url + strlen(url), 'x', sizeof(url) - 1 - strlen(url));
	return url;
}

static void expect_point(const char *url)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	gnutls_x509_crl_dist_points_t points = NULL;
	gnutls_datum_t text = {0};
	gnutls_datum_t found = {0};
	unsigned int type = 0;

	append_crl_distribution_points(&der, url);
	text = read_value(&der, OCTETS("\x55\x1d\x1f"));
	cr_assert_eq(gnutls_x509_crl_dist_points_init(&points), 0);
	cr_assert_eq(gnutls_x509_ext_import_crl_dist_points(&text, points, 0), 0);
	cr_assert_eq(gnutls_x509_crl_dist_points_get(points, 0, &type, &found, NULL), 0);
	cr_expect_eq(type, GNUTLS_SAN_URI);
	cr_expect(equal_bytes((struct bytes){found.data, found.size}, bytes_of_string(url)));
	cr_expect_eq(gnutls_x509_crl_dist_points_get(points, 1, &type, &found, NULL),
		     GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
	gnutls_x509_crl_dist_points_deinit(points);
}

Test(certificate_builder, writes_a_distribution_point_that_gnutls_reads)
{
	expect_point(short_url);
	expect_point(make_long_url());
}

static void expect_access(const char *url)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	gnutls_x509_aia_t access = NULL;
	gnutls_datum_t text = {0};
	gnutls_datum_t oid = {0};
	gnutls_datum_t found = {0};
	unsigned int type = 0;

	append_information_access(&der, url, NULL);
	text = read_value(&der, OCTETS("\x2b\x06\x01\x05\x05\x07\x01\x01"));
	cr_assert_eq(gnutls_x509_aia_init(&access), 0);
	cr_assert_eq(gnutls_x509_ext_import_aia(&text, access, 0), 0);
	cr_assert_eq(gnutls_x509_aia_get(access, 0, &oid, &type, &found), 0);
	cr_expect_str_eq((const char *)oid.data, GNUTLS_OID_AD_OCSP);
	cr_expect_eq(type, GNUTLS_SAN_URI);
	cr_expect(equal_bytes((struct bytes){found.data, found.size}, bytes_of_string(url)));
	gnutls_x509_aia_deinit(access);
}

Test(certificate_builder, writes_an_access_that_gnutls_reads)
{
	expect_access(short_url);
	expect_access(make_long_url());
}

/* Earlier content of the buffer stays in front. */
Test(certificate_builder, appends)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct bytes expected = JOIN(
		OCTETS("x"),
		extension(31, false,
			  item(DER_SEQUENCE,
			       item(DER_SEQUENCE, item(DER_CONTEXT_CONSTRUCTED,
						       item(DER_CONTEXT_CONSTRUCTED,
							    item(DER_CONTEXT + 6,
								 bytes_of_string(short_url))))))));

	append_string(&der, "x");
	append_crl_distribution_points(&der, short_url);
	cr_expect(equal_bytes(bytes_of_buffer(&der), expected));
}
