#include "common/ca/issue/recover_certificate.h"

#include "common/base/name.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"
#include "common/x509/profile.h"

/* Whether it is a member's, by this issuer. The issuer's own certificate has another profile. */
static int check_issued(const struct certificate *issuer, const struct certificate *certificate,
			struct verdict *verdict, struct fault *fault)
{
	if (check_profile(certificate, PROFILE_MEMBER, verdict, fault) < 0)
		return -1;
	if (!equal_bytes(certificate_raw_issuer(certificate), certificate_fields(issuer)->subject))
		reject_because(verdict, "expected the issuer %s, found %s",
			       certificate_subject(issuer), certificate_issuer(certificate));
	if (verdict->invalid)
		return 0;
	return verify_signed_object(&certificate_fields(certificate)->signed_object,
				    certificate_public_key(issuer), "its signature", verdict,
				    fault);
}

/* A root that issues by itself has certified another root's key (rotate_own_root.h): such a
   certificate is in no record. */
static int refuse_certificate(const struct issuer *issuer, const struct certificate *certificate,
			      const char *reason, struct fault *fault)
{
	struct verdict verdict = {0};
	char serial[SERIAL_TEXT_SIZE];

	format_serial(certificate_serial(certificate), serial);
	if (verify_intermediate(issuer_certificate(issuer), certificate, &verdict, fault) < 0)
		return -1;
	if (!verdict.invalid)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "it is the certificate of another root by this CA's, which the "
				 "record does not have: certpool revoke %s --unrecorded",
				 serial);
	return set_fault(fault, FAULT_NOT_FOUND,
			 "this CA never issued a certificate with its serial, %s: %s", serial,
			 reason);
}

int recover_certificate(const struct issuer_set *issuers, const struct certificate *certificate,
			struct issued_certificate *ret_record, struct fault *fault)
{
	const struct issuer *named =
		get_issuer_by_name(issuers, certificate_raw_issuer(certificate));
	const struct issuer *issuer = named != NULL ? named : newest_issuer(issuers);
	struct verdict verdict = {0};

	if (check_issued(issuer_certificate(issuer), certificate, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return refuse_certificate(issuer, certificate, verdict.reason, fault);
	return describe_certificate(certificate, issuer_number(issuer), CA_NAME, RECOVERED_MEMBER,
				    certificate_not_before(certificate), ret_record, fault);
}
