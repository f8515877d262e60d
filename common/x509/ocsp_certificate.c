#include "common/x509/ocsp_certificate.h"

#include "common/x509/key_bits.h"
#include "common/x509/parts.h"
#include "common/x509/profile.h"

#define OID_OCSP_NOCHECK "1.3.6.1.5.5.7.48.1.5"

static void deinit_crt(gnutls_x509_crt_t *crt)
{
	if (*crt != NULL)
		gnutls_x509_crt_deinit(*crt);
	*crt = NULL;
}

/* 0, or -1 with a fault for a GnuTLS function that failed. */
static int made(int result, struct fault *fault)
{
	if (result == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (result < 0)
		return set_fault(fault, FAULT_FAILED,
				 "the responder's certificate cannot be made: %s",
				 gnutls_strerror(result));
	return 0;
}

static int check_validity(const struct issuer *issuer, const struct validity *validity,
			  struct fault *fault)
{
	const struct certificate *own = issuer_certificate(issuer);

	if (validity->not_before_s >= certificate_not_before(own) &&
	    validity->not_before_s < validity->not_after_s &&
	    validity->not_after_s <= certificate_not_after(own))
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "the responder's certificate: expected a validity within that of the "
			 "issuer %s",
			 certificate_subject(own));
}

static int set_facts(gnutls_x509_crt_t crt, const struct responder_terms *terms,
		     const uint8_t serial[static SERIAL_MAX], struct fault *fault)
{
	if (made(gnutls_x509_crt_set_version(crt, 3), fault) < 0 ||
	    made(gnutls_x509_crt_set_serial(crt, serial, SERIAL_MAX), fault) < 0 ||
	    made(gnutls_x509_crt_set_dn(crt, terms->subject, NULL), fault) < 0 ||
	    made(gnutls_x509_crt_set_pubkey(crt, public_key_handle(terms->key)), fault) < 0 ||
	    made(gnutls_x509_crt_set_activation_time(crt, terms->validity.not_before_s), fault) < 0)
		return -1;
	return made(gnutls_x509_crt_set_expiration_time(crt, terms->validity.not_after_s), fault);
}

static int set_extensions(gnutls_x509_crt_t crt, const struct issuer *issuer, struct bytes spki,
			  struct fault *fault)
{
	static const unsigned char der_null[] = {DER_NULL, 0x00};
	struct bytes issuer_id = find_subject_key_id(certificate_parts(issuer_certificate(issuer)));
	uint8_t own_id[SHA1_LEN];

	if (digest_key_bits(spki, GNUTLS_DIG_SHA1, own_id, fault) < 0 ||
	    made(gnutls_x509_crt_set_basic_constraints(crt, 0, -1), fault) < 0 ||
	    made(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE), fault) < 0 ||
	    made(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_OCSP_SIGNING, 0), fault) < 0 ||
	    made(gnutls_x509_crt_set_extension_by_oid(crt, OID_OCSP_NOCHECK, der_null,
						      sizeof(der_null), 0),
		 fault) < 0 ||
	    made(gnutls_x509_crt_set_subject_key_id(crt, own_id, sizeof(own_id)), fault) < 0)
		return -1;
	return made(gnutls_x509_crt_set_authority_key_id(crt, issuer_id.data, issuer_id.len),
		    fault);
}

static int sign_crt(gnutls_x509_crt_t crt, const struct issuer *issuer, struct buffer *ret_der,
		    struct fault *fault)
{
	const struct private_key *key = issuer_key(issuer);
	gnutls_x509_crt_t own = certificate_handle(issuer_certificate(issuer));
	gnutls_datum_t der = {0};

	if (made(gnutls_x509_crt_privkey_sign(crt, own, private_key_handle(key),
					      signing_digest(private_key_type(key)), 0),
		 fault) < 0 ||
	    made(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), fault) < 0)
		return -1;
	append_bytes(ret_der, (struct bytes){der.data, der.size});
	gnutls_free(der.data);
	return check_buffer(ret_der, fault);
}

/* Nothing leaves that a verifier would refuse. */
static int check_made(struct bytes der, struct fault *fault)
{
	struct certificate_parts parts;
	struct verdict verdict = {0};

	if (split_certificate(der, &parts, fault) < 0 ||
	    check_parts(&parts, PROFILE_MEMBER, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED, "the responder's certificate: %s",
				 verdict.reason);
	return 0;
}

int create_responder_certificate(const struct issuer *issuer, const struct responder_terms *terms,
				 const uint8_t serial[static SERIAL_MAX], struct buffer *ret_der,
				 struct fault *fault)
{
	CLEANUP(deinit_crt) gnutls_x509_crt_t crt = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (check_validity(issuer, &terms->validity, fault) < 0 ||
	    made(gnutls_x509_crt_init(&crt), fault) < 0 ||
	    set_facts(crt, terms, serial, fault) < 0 ||
	    set_extensions(crt, issuer, public_key_spki(terms->key), fault) < 0 ||
	    sign_crt(crt, issuer, &der, fault) < 0 || check_made(bytes_of_buffer(&der), fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}
