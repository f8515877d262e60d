#include "common/x509/issuer.h"

#include "common/base/random.h"
#include "common/x509/parts.h"
#include "common/x509/profile.h"

#include <gnutls/crypto.h>
#include <stdlib.h>

enum { KEY_ID_LEN = 20 };

/* 9999-12-31T23:59:59Z, the last that GeneralizedTime can say. */
static const int64_t last_time_s = INT64_C(253402300799);

struct issuer {
	struct certificate *certificate;
	struct private_key *key;
	struct bytes key_id; /* the certificate's subjectKeyIdentifier, a slice of its DER */
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
	free_private_key(&old->key);
	free(old);
}

const struct certificate *issuer_certificate(const struct issuer *issuer)
{
	return issuer->certificate;
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

int new_issuer(struct certificate **certificate, struct private_key **key,
	       struct issuer **ret_issuer, struct fault *fault)
{
	CLEANUP(free_issuer) struct issuer *issuer = calloc(1, sizeof(*issuer));

	if (issuer == NULL) {
		free_certificate(certificate);
		free_private_key(key);
		return set_memory_fault(fault);
	}
	issuer->certificate = TAKE(*certificate);
	issuer->key = TAKE(*key);
	if (check_own_key(issuer->certificate, issuer->key, fault) < 0 ||
	    check_root(issuer->certificate, fault) < 0)
		return -1;
	issuer->key_id = find_subject_key_id(certificate_parts(issuer->certificate));
	*ret_issuer = TAKE(issuer);
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

/* SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2, method 1): a name, not a proof. */
static int digest_key(struct bytes spki, uint8_t ret_key_id[static KEY_ID_LEN], struct fault *fault)
{
	struct der_item sequence;
	struct der_item algorithm;
	struct der_item bits;

	if (!read_der_tagged(&spki, DER_SEQUENCE, &sequence) ||
	    !read_der_tagged(&sequence.content, DER_SEQUENCE, &algorithm) ||
	    !read_der_tagged(&sequence.content, DER_BIT_STRING, &bits) || bits.content.len == 0 ||
	    gnutls_hash_fast(GNUTLS_DIG_SHA1, bits.content.data + 1, bits.content.len - 1,
			     ret_key_id) < 0)
		return set_fault(fault, FAULT_FAILED,
				 "the public key's identifier cannot be computed");
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

/* What a root and a member's certificate have in common. */
static int set_common(gnutls_x509_crt_t crt, const uint8_t serial[static SERIAL_MAX],
		      const struct validity *validity, struct bytes spki, struct fault *fault)
{
	uint8_t key_id[KEY_ID_LEN];

	if (digest_key(spki, key_id, fault) < 0 ||
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

static int set_root(gnutls_x509_crt_t crt, const struct public_key *key, const char *subject,
		    struct fault *fault)
{
	int result = gnutls_x509_crt_set_dn(crt, subject, NULL);

	if (result < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "subject \"%s\": expected RFC 4514 like CN=Example Root CA: %s",
				 subject, gnutls_strerror(result));
	if (made(gnutls_x509_crt_set_pubkey(crt, public_key_handle(key)), fault) < 0 ||
	    made(gnutls_x509_crt_set_basic_constraints(crt, 1, -1), fault) < 0)
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
	    set_root(crt, public_key, subject, fault) < 0 ||
	    set_common(crt, serial, validity, public_key_spki(public_key), fault) < 0 ||
	    sign_crt(crt, crt, key, &der, fault) < 0 ||
	    check_made(bytes_of_buffer(&der), PROFILE_ROOT, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}

/* What can be refused before any arithmetic. */
static int check_request(const struct issuer *issuer, const struct csr *csr,
			 const struct validity *validity, struct fault *fault)
{
	const struct certificate *own = issuer->certificate;
	struct verdict verdict = {0};

	check_csr_signature_form(csr, &verdict);
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED, "request: %s", verdict.reason);
	if (equal_bytes(public_key_spki(csr_public_key(csr)), certificate_parts(own)->spki))
		return set_fault(fault, FAULT_REFUSED, "request: its public key is the issuer's");
	if (check_times(validity, fault) < 0)
		return -1;
	if (validity->not_before_s < certificate_not_before(own) ||
	    validity->not_after_s > certificate_not_after(own))
		return set_fault(fault, FAULT_REFUSED,
				 "validity: expected within that of the issuer %s",
				 certificate_subject(own));
	return 0;
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

static int set_member(gnutls_x509_crt_t crt, struct bytes issuer_key_id, struct fault *fault)
{
	if (made(gnutls_x509_crt_set_basic_constraints(crt, 0, -1), fault) < 0 ||
	    made(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE), fault) < 0)
		return -1;
	return made(
		gnutls_x509_crt_set_authority_key_id(crt, issuer_key_id.data, issuer_key_id.len),
		fault);
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
	    set_member(crt, issuer->key_id, fault) < 0 ||
	    sign_crt(crt, certificate_handle(issuer->certificate), issuer->key, &der, fault) < 0 ||
	    check_made(bytes_of_buffer(&der), PROFILE_MEMBER, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}
