#include "common/x509/issuer.h"

#include "common/base/random.h"
#include "common/x509/chain.h"
#include "common/x509/key_bits.h"
#include "common/x509/parts.h"
#include "common/x509/profile.h"
#include "common/x509/revocation_urls.h"

#include <stdlib.h>

/* 9999-12-31T23:59:59Z, the last that GeneralizedTime can say. */
static const int64_t last_time_s = INT64_C(253402300799);

struct issuer {
	struct certificate *certificate;
	struct certificate *root; /* above an intermediate; NULL: the certificate is the root */
	struct private_key *key;
	struct bytes key_id; /* the certificate's subjectKeyIdentifier, a slice of its DER */
	/* Values of its members' extensions; empty: they do not have it. */
	struct buffer crl_points;
	struct buffer ocsp_access;
};

static void deinit_crt(gnutls_x509_crt_t *crt)
{
	if (*crt != NULL)
		gnutls_x509_crt_deinit(*crt);
	*crt = NULL;
}

void free_issuer(struct issuer **issuer)
{
	struct issuer *old = TAKE(*issuer);

	if (old == NULL)
		return;
	free_certificate(&old->certificate);
	free_certificate(&old->root);
	free_private_key(&old->key);
	clear_buffer(&old->crl_points);
	clear_buffer(&old->ocsp_access);
	free(old);
}

const struct certificate *issuer_certificate(const struct issuer *issuer)
{
	return issuer->certificate;
}

const struct certificate *issuer_root(const struct issuer *issuer)
{
	return issuer->root != NULL ? issuer->root : issuer->certificate;
}

const struct private_key *issuer_key(const struct issuer *issuer)
{
	return issuer->key;
}

static int check_own_key(const struct certificate *certificate, const struct private_key *key,
			 struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *own = NULL;

	if (get_public_key(key, &own, fault) < 0)
		return -1;
	if (!equal_bytes(public_key_spki(own), certificate_parts(certificate)->spki))
		return set_fault(fault, FAULT_REFUSED,
				 "the private key is not that of the certificate of %s",
				 certificate_subject(certificate));
	return 0;
}

static int check_root(const struct certificate *certificate, struct fault *fault)
{
	struct verdict verdict = {0};

	if (check_profile(certificate, PROFILE_ROOT, &verdict, fault) < 0)
		return -1;
	if (!verdict.invalid &&
	    verify_signed_object(&certificate_parts(certificate)->signed_object,
				 certificate_public_key(certificate),
				 "RFC 5280 section 4.1.1.3: signatureValue", &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED, "%s is no root to certify with: %s",
				 certificate_subject(certificate), verdict.reason);
	return 0;
}

static int check_intermediate(const struct certificate *certificate, const struct certificate *root,
			      struct fault *fault)
{
	struct verdict verdict = {0};

	if (check_root(root, fault) < 0 ||
	    verify_intermediate(root, certificate, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED,
				 "%s is no intermediate of the root %s to certify with: %s",
				 certificate_subject(certificate), certificate_subject(root),
				 verdict.reason);
	return 0;
}

static int check_issuer(const struct issuer *issuer, struct fault *fault)
{
	if (check_own_key(issuer->certificate, issuer->key, fault) < 0)
		return -1;
	if (issuer->root == NULL)
		return check_root(issuer->certificate, fault);
	return check_intermediate(issuer->certificate, issuer->root, fault);
}

int new_intermediate_issuer(struct certificate **certificate, struct certificate **root,
			    struct private_key **key, struct issuer **ret_issuer,
			    struct fault *fault)
{
	CLEANUP(free_issuer) struct issuer *issuer = calloc(1, sizeof(*issuer));

	if (issuer == NULL) {
		free_certificate(certificate);
		free_certificate(root);
		free_private_key(key);
		return set_memory_fault(fault);
	}
	issuer->certificate = TAKE(*certificate);
	issuer->root = TAKE(*root);
	issuer->key = TAKE(*key);
	if (check_issuer(issuer, fault) < 0)
		return -1;
	issuer->key_id = find_subject_key_id(certificate_parts(issuer->certificate));
	*ret_issuer = TAKE(issuer);
	return 0;
}

int new_issuer(struct certificate **certificate, struct private_key **key,
	       struct issuer **ret_issuer, struct fault *fault)
{
	struct certificate *none_above = NULL;

	return new_intermediate_issuer(certificate, &none_above, key, ret_issuer, fault);
}

int set_revocation_urls(struct issuer *issuer, const struct revocation_urls *urls,
			struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer crl_points = {0};
	CLEANUP(clear_buffer) struct buffer ocsp_access = {0};

	if (urls->crl != NULL)
		append_crl_distribution_points(&crl_points, urls->crl);
	if (urls->ocsp != NULL)
		append_ocsp_access(&ocsp_access, urls->ocsp);
	if (check_buffer(&crl_points, fault) < 0 || check_buffer(&ocsp_access, fault) < 0)
		return -1;
	clear_buffer(&issuer->crl_points);
	clear_buffer(&issuer->ocsp_access);
	issuer->crl_points = take_buffer(&crl_points);
	issuer->ocsp_access = take_buffer(&ocsp_access);
	return 0;
}

int generate_serial(uint8_t ret_serial[static SERIAL_MAX], struct fault *fault)
{
	do {
		if (fill_random(ret_serial, SERIAL_MAX, fault) < 0)
			return -1;
		ret_serial[0] &= 0x7f;
	} while (ret_serial[0] == 0);
	return 0;
}

static int check_times(const struct validity *validity, struct fault *fault)
{
	if (validity->not_before_s < 0 || validity->not_after_s > last_time_s ||
	    validity->not_before_s >= validity->not_after_s)
		return set_fault(fault, FAULT_REFUSED,
				 "validity: expected notBefore before notAfter, from 1970 to 9999");
	return 0;
}

/* 0, or -1 with a fault for a GnuTLS function that failed. */
static int made(int result, struct fault *fault)
{
	if (result == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (result < 0)
		return set_fault(fault, FAULT_FAILED, "certificate: cannot be made: %s",
				 gnutls_strerror(result));
	return 0;
}

/* What all certificates have in common. */
static int set_common(gnutls_x509_crt_t crt, const uint8_t serial[static SERIAL_MAX],
		      const struct validity *validity, struct bytes spki, struct fault *fault)
{
	uint8_t key_id[SHA1_LEN];

	if (digest_key_bits(spki, GNUTLS_DIG_SHA1, key_id, fault) < 0 ||
	    made(gnutls_x509_crt_set_version(crt, 3), fault) < 0 ||
	    made(gnutls_x509_crt_set_serial(crt, serial, SERIAL_MAX), fault) < 0 ||
	    made(gnutls_x509_crt_set_activation_time(crt, validity->not_before_s), fault) < 0 ||
	    made(gnutls_x509_crt_set_expiration_time(crt, validity->not_after_s), fault) < 0)
		return -1;
	return made(gnutls_x509_crt_set_subject_key_id(crt, key_id, sizeof(key_id)), fault);
}

static int sign_crt(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer, const struct private_key *key,
		    struct buffer *ret_der, struct fault *fault)
{
	gnutls_datum_t der = {0};

	if (made(gnutls_x509_crt_privkey_sign(crt, issuer, private_key_handle(key),
					      signing_digest(private_key_type(key)), 0),
		 fault) < 0 ||
	    made(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), fault) < 0)
		return -1;
	append_bytes(ret_der, (struct bytes){der.data, der.size});
	gnutls_free(der.data);
	return check_buffer(ret_der, fault);
}

/* Nothing leaves that a verifier would refuse. */
static int check_made(struct bytes der, enum profile profile, struct fault *fault)
{
	struct certificate_parts parts;
	struct verdict verdict = {0};

	if (der.len > CERTIFICATE_DER_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "certificate: expected at most %d octets, found %zu",
				 CERTIFICATE_DER_MAX, der.len);
	if (split_certificate(der, &parts, fault) < 0 ||
	    check_parts(&parts, profile, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED, "certificate: %s", verdict.reason);
	return 0;
}

/* What a root and an intermediate have in common. path_length -1: none. */
static int set_authority(gnutls_x509_crt_t crt, const struct public_key *key, const char *subject,
			 int path_length, struct fault *fault)
{
	int result = gnutls_x509_crt_set_dn(crt, subject, NULL);

	if (result < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "subject \"%s\": expected RFC 4514 like CN=Example Root CA: %s",
				 subject, gnutls_strerror(result));
	if (made(gnutls_x509_crt_set_pubkey(crt, public_key_handle(key)), fault) < 0 ||
	    made(gnutls_x509_crt_set_basic_constraints(crt, 1, path_length), fault) < 0)
		return -1;
	return made(
		gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN),
		fault);
}

int create_root(const struct private_key *key, const char *subject, const struct validity *validity,
		struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(deinit_crt) gnutls_x509_crt_t crt = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	uint8_t serial[SERIAL_MAX];

	if (check_times(validity, fault) < 0 || generate_serial(serial, fault) < 0 ||
	    get_public_key(key, &public_key, fault) < 0 ||
	    made(gnutls_x509_crt_init(&crt), fault) < 0 ||
	    set_authority(crt, public_key, subject, -1, fault) < 0 ||
	    set_common(crt, serial, validity, public_key_spki(public_key), fault) < 0 ||
	    sign_crt(crt, crt, key, &der, fault) < 0 ||
	    check_made(bytes_of_buffer(&der), PROFILE_ROOT, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}

static int check_within(const struct certificate *issuer, const struct validity *validity,
			struct fault *fault)
{
	if (check_times(validity, fault) < 0)
		return -1;
	if (validity->not_before_s < certificate_not_before(issuer) ||
	    validity->not_after_s > certificate_not_after(issuer))
		return set_fault(fault, FAULT_REFUSED,
				 "validity: expected within that of the issuer %s",
				 certificate_subject(issuer));
	return 0;
}

static int set_authority_key_id(gnutls_x509_crt_t crt, const struct issuer *issuer,
				struct fault *fault)
{
	return made(
		gnutls_x509_crt_set_authority_key_id(crt, issuer->key_id.data, issuer->key_id.len),
		fault);
}

/* With the root's name it would look self-issued, and a path that ends at the name would end too
   early. */
static int check_name(const struct issuer *root, struct bytes der, struct fault *fault)
{
	struct certificate_parts parts;

	if (split_certificate(der, &parts, fault) < 0)
		return -1;
	if (equal_bytes(parts.subject, parts.issuer))
		return set_fault(fault, FAULT_REFUSED,
				 "expected another name than the root's, %s, found the same",
				 certificate_subject(root->certificate));
	return 0;
}

int create_intermediate(const struct issuer *root, const struct public_key *key,
			const char *subject, const struct validity *validity,
			struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(deinit_crt) gnutls_x509_crt_t crt = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	uint8_t serial[SERIAL_MAX];

	if (equal_bytes(public_key_spki(key), certificate_parts(root->certificate)->spki))
		return set_fault(fault, FAULT_REFUSED,
				 "expected another key than the root's, found the same");
	if (check_within(root->certificate, validity, fault) < 0 ||
	    generate_serial(serial, fault) < 0 || made(gnutls_x509_crt_init(&crt), fault) < 0 ||
	    set_authority(crt, key, subject, 0, fault) < 0 ||
	    set_common(crt, serial, validity, public_key_spki(key), fault) < 0 ||
	    set_authority_key_id(crt, root, fault) < 0 ||
	    sign_crt(crt, certificate_handle(root->certificate), root->key, &der, fault) < 0 ||
	    check_made(bytes_of_buffer(&der), PROFILE_INTERMEDIATE, fault) < 0 ||
	    check_name(root, bytes_of_buffer(&der), fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}

/* What can be refused before any arithmetic. */
static int check_request(const struct issuer *issuer, const struct csr *csr,
			 const struct validity *validity, struct fault *fault)
{
	struct bytes spki = public_key_spki(csr_public_key(csr));
	struct verdict verdict = {0};

	check_csr_signature_form(csr, &verdict);
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED, "request: %s", verdict.reason);
	if (equal_bytes(spki, certificate_parts(issuer->certificate)->spki) ||
	    equal_bytes(spki, certificate_parts(issuer_root(issuer))->spki))
		return set_fault(fault, FAULT_REFUSED, "request: its public key is the issuer's");
	return check_within(issuer->certificate, validity, fault);
}

/* Subject and public key, octet for octet; GnuTLS verifies the request's signature here. */
static int set_request(gnutls_x509_crt_t crt, const struct csr *csr, struct fault *fault)
{
	struct bytes alt_names = csr_alt_names_der(csr);
	int result = gnutls_x509_crt_set_crq(crt, csr_handle(csr));

	if (result == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (result < 0)
		return set_fault(fault, FAULT_REFUSED,
				 "request: proof of possession (RFC 2986 section 4.2): the "
				 "signature is not by the key: %s",
				 gnutls_strerror(result));
	if (alt_names.len == 0)
		return 0;
	return made(gnutls_x509_crt_set_extension_by_oid(crt, GNUTLS_X509EXT_OID_SAN,
							 alt_names.data, alt_names.len, 0),
		    fault);
}

static int set_extension(gnutls_x509_crt_t crt, const char *oid, const struct buffer *value,
			 struct fault *fault)
{
	if (value->len == 0)
		return 0;
	return made(gnutls_x509_crt_set_extension_by_oid(crt, oid, value->data, value->len, 0),
		    fault);
}

static int set_member(gnutls_x509_crt_t crt, const struct issuer *issuer, struct fault *fault)
{
	if (made(gnutls_x509_crt_set_basic_constraints(crt, 0, -1), fault) < 0 ||
	    made(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE), fault) < 0 ||
	    set_authority_key_id(crt, issuer, fault) < 0 ||
	    set_extension(crt, OID_CRL_DISTRIBUTION_POINTS, &issuer->crl_points, fault) < 0)
		return -1;
	return set_extension(crt, OID_AUTHORITY_INFO_ACCESS, &issuer->ocsp_access, fault);
}

int certify_csr(const struct issuer *issuer, const struct csr *csr,
		const uint8_t serial[static SERIAL_MAX], const struct validity *validity,
		struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(deinit_crt) gnutls_x509_crt_t crt = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct bytes spki = public_key_spki(csr_public_key(csr));

	if (check_request(issuer, csr, validity, fault) < 0 ||
	    made(gnutls_x509_crt_init(&crt), fault) < 0 || set_request(crt, csr, fault) < 0 ||
	    set_common(crt, serial, validity, spki, fault) < 0 ||
	    set_member(crt, issuer, fault) < 0 ||
	    sign_crt(crt, certificate_handle(issuer->certificate), issuer->key, &der, fault) < 0 ||
	    check_made(bytes_of_buffer(&der), PROFILE_MEMBER, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}
