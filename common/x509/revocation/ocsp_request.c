#include "common/x509/revocation/ocsp_request.h"

#include "common/x509/der.h"

static int refuse_request(const char *problem, struct fault *fault)
{
	return set_fault(fault, FAULT_MALFORMED, "OCSP request: %s", problem);
}

/* Request ::= SEQUENCE { reqCert, singleRequestExtensions [0] OPTIONAL } */
static const char *read_single_request(struct bytes *rest, struct cert_id *ret_id)
{
	struct der_item single;

	if (!read_der_tagged(rest, DER_SEQUENCE, &single) || !read_cert_id(&single.content, ret_id))
		return "RFC 6960 section 4.1.1: expected a CertID";
	return end_with_ocsp_extensions(single.content, DER_CONTEXT_CONSTRUCTED, NULL);
}

static int read_list(struct bytes list, struct ocsp_request *request, struct fault *fault)
{
	const char *problem;

	if (list.len == 0)
		return refuse_request("RFC 6960 section 4.1.1: expected at least one CertID",
				      fault);
	while (list.len > 0) {
		if (request->count == OCSP_CERTIFICATES_MAX)
			return set_fault(fault, FAULT_TOO_LARGE,
					 "OCSP request: expected at most %d certificates",
					 OCSP_CERTIFICATES_MAX);
		problem = read_single_request(&list, &request->ids[request->count]);
		if (problem != NULL)
			return refuse_request(problem, fault);
		request->count++;
	}
	return 0;
}

/* Skips an optional item of the tag, if it is next. False if it cannot be read. */
static bool skip_optional(struct bytes *rest, uint8_t tag)
{
	struct der_item item;

	return rest->len == 0 || rest->data[0] != tag || read_der(rest, &item);
}

/*
 * TBSRequest: version [0] DEFAULT v1, which DER omits (X.690 section 11.5); requestorName [1];
 * requestList; requestExtensions [2].
 */
static int read_body(struct bytes body, struct ocsp_request *request, struct fault *fault)
{
	struct der_item list;
	const char *problem;

	if (!skip_optional(&body, DER_CONTEXT_CONSTRUCTED + 1) ||
	    !read_der_tagged(&body, DER_SEQUENCE, &list))
		return refuse_request(
			"RFC 6960 section 4.1.1: expected version 1 and a requestList", fault);
	if (read_list(list.content, request, fault) < 0)
		return -1;
	problem = end_with_ocsp_extensions(body, DER_CONTEXT_CONSTRUCTED + 2, &request->nonce);
	return problem == NULL ? 0 : refuse_request(problem, fault);
}

int parse_ocsp_request(struct bytes der, struct ocsp_request *ret_request, struct fault *fault)
{
	struct ocsp_request request = {0};
	struct der_item outer;
	struct der_item body;

	if (der.len > OCSP_REQUEST_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "OCSP request: expected at most %d octets, found %zu",
				 OCSP_REQUEST_MAX, der.len);
	if (check_der(der, "OCSP request", fault) < 0)
		return -1;
	if (!read_der_tagged(&der, DER_SEQUENCE, &outer) ||
	    !read_der_tagged(&outer.content, DER_SEQUENCE, &body) ||
	    !skip_optional(&outer.content, DER_CONTEXT_CONSTRUCTED) || outer.content.len > 0)
		return refuse_request(
			"RFC 6960 section 4.1.1: expected a TBSRequest and, at most, a "
			"signature",
			fault);
	if (read_body(body.content, &request, fault) < 0)
		return -1;
	*ret_request = request;
	return 0;
}

int format_ocsp_request(const struct issuer_hashes *issuer, enum ocsp_hash hash,
			struct bytes serial, struct bytes nonce, struct buffer *ret_der,
			struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	append_cert_id(&der, hash, issuer, serial);
	enclose_der(&der, 0, DER_SEQUENCE); /* Request */
	enclose_der(&der, 0, DER_SEQUENCE); /* requestList */
	append_ocsp_nonce(&der, DER_CONTEXT_CONSTRUCTED + 2, nonce);
	enclose_der(&der, 0, DER_SEQUENCE); /* TBSRequest */
	enclose_der(&der, 0, DER_SEQUENCE);
	if (check_buffer(&der, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}
