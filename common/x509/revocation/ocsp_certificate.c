#include "common/x509/revocation/ocsp_certificate.h"

#include "common/x509/certificate_fields.h"
#include "common/x509/subject.h"

/* id-kp-OCSPSigning: 1.3.6.1.5.5.7.3.9; id-pkix-ocsp-nocheck: 1.3.6.1.5.5.7.48.1.5 */
static const uint8_t ocsp_signing[] = {DER_SEQUENCE, 10,   DER_OID, 8,    0x2b, 0x06,
				       0x01,         0x05, 0x05,    0x07, 0x03, 0x09};
static const uint8_t ocsp_nocheck[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05};
static const uint8_t der_null[] = {DER_NULL, 0x00};

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

static int append_extensions(struct buffer *extensions, const struct certificate_fields *issuer,
			     struct bytes spki, struct fault *fault)
{
	append_basic_constraints(extensions, false, -1);
	append_key_usage(extensions, USAGE_DIGITAL_SIGNATURE);
	append_ce_extension(extensions, EXTENSION_EXTENDED_KEY_USAGE, false,
			    (struct bytes){ocsp_signing, sizeof(ocsp_signing)});
	append_extension(extensions, (struct bytes){ocsp_nocheck, sizeof(ocsp_nocheck)}, false,
			 (struct bytes){der_null, sizeof(der_null)});
	if (append_subject_key_id(extensions, spki, fault) < 0)
		return -1;
	append_authority_key_id(extensions, find_subject_key_id(issuer));
	return check_buffer(extensions, fault);
}

int create_responder_certificate(const struct issuer *issuer, const struct responder_options *terms,
				 const uint8_t serial[static SERIAL_MAX], struct buffer *ret_der,
				 struct fault *fault)
{
	const struct certificate_fields *above = certificate_fields(issuer_certificate(issuer));
	CLEANUP(clear_buffer) struct buffer name = {0};
	CLEANUP(clear_buffer) struct buffer extensions = {0};
	struct tbs_certificate fields = {
		.serial = {serial, SERIAL_MAX},
		.issuer = above->subject,
		.validity = terms->validity,
		.spki = public_key_spki(terms->key),
	};

	if (check_validity(issuer, &terms->validity, fault) < 0 ||
	    append_name(&name, terms->subject, fault) < 0 ||
	    append_extensions(&extensions, above, fields.spki, fault) < 0)
		return -1;
	fields.subject = bytes_of_buffer(&name);
	fields.extensions = bytes_of_buffer(&extensions);
	if (build_certificate(&fields, issuer_key(issuer), PROFILE_MEMBER, ret_der, fault) < 0)
		return prefix_fault(fault, "the responder's certificate");
	return 0;
}
