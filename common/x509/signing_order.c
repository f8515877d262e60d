#include "common/x509/signing_order.h"

#include "common/x509/certificate_fields.h"
#include "common/x509/profile.h"

void clear_signed_result(struct signed_result *result)
{
	clear_buffer(&result->der);
	*result = (struct signed_result){0};
}

const char *name_signed(enum signing_kind kind)
{
	return kind == SIGN_CRL ? "CRL" : "certificate";
}

static int check_certificate(struct bytes der, enum profile wanted, struct verdict *verdict,
			     struct fault *fault)
{
	struct certificate_fields fields;
	struct verdict profile = {0};
	struct fault problem = {0};

	if (der.len > CERTIFICATE_DER_MAX) {
		reject_because(verdict, "certificate: expected at most %d octets, found %zu",
			       CERTIFICATE_DER_MAX, der.len);
		return 0;
	}
	if (split_certificate(der, &fields, &problem) < 0) {
		reject_because(verdict, "%s", problem.text);
		return pass_failure(&problem, fault);
	}
	if (check_certificate_fields(&fields, wanted, &profile, fault) < 0)
		return -1;
	if (profile.invalid)
		reject_because(verdict, "certificate: %s", profile.reason);
	return 0;
}

static int sign_body(const struct issuer *issuer, enum signing_kind kind, struct bytes body,
		     struct signed_result *ret_result, struct fault *fault)
{
	const struct checked_signer signer = issuer_signer(
		issuer, kind == SIGN_MEMBERS ? CHECK_WITH_PRIVATE_KEY : CHECK_WITH_PUBLIC_KEY);
	CLEANUP(clear_signed_result) struct signed_result result = {0};

	if (sign_checked_object(&signer, body, &result.der, fault) < 0)
		return prefix_fault(fault, "%s", name_signed(kind));
	if (kind != SIGN_CRL &&
	    check_certificate(bytes_of_buffer(&result.der),
			      kind == SIGN_RESPONDER ? PROFILE_RESPONDER : PROFILE_MEMBER,
			      &result.verdict, fault) < 0)
		return -1;
	if (result.verdict.invalid)
		clear_buffer(&result.der);
	MOVE(ret_result, result);
	return 0;
}

int probe_key(const struct issuer *issuer, struct fault *fault)
{
	const struct checked_signer signer = issuer_signer(issuer, CHECK_WITH_PRIVATE_KEY);
	CLEANUP(clear_buffer) struct buffer object = {0};

	return sign_checked_object(&signer, bytes_of_string("0"), &object, fault);
}

int sign_order(const struct issuer *issuer, const struct signing_order *order,
	       struct signed_result *ret_results, struct fault *fault)
{
	void *context;
	signing_function *delegate = issuer_delegate(issuer, &context);
	struct signing_order numbered = *order;

	numbered.issuer = issuer_number(issuer);
	if (delegate != NULL)
		return delegate(context, &numbered, ret_results, fault);
	if (order->kind == SIGN_PROBE)
		return probe_key(issuer, fault);
	for (size_t i = 0; i < order->count; i++)
		if (sign_body(issuer, order->kind, bytes_of_buffer(&order->bodies[i]),
			      &ret_results[i], fault) < 0)
			return -1;
	return 0;
}

int sign_one(const struct issuer *issuer, const struct signing_order *order, struct buffer *ret_der,
	     struct fault *fault)
{
	CLEANUP(clear_signed_result) struct signed_result result = {0};

	if (sign_order(issuer, order, &result, fault) < 0)
		return -1;
	if (result.verdict.invalid)
		return set_fault(fault, FAULT_REFUSED, "%s", result.verdict.reason);
	*ret_der = take_buffer(&result.der);
	return 0;
}
