#include "common/x509/revocation/ocsp_response.h"

#include "common/x509/certificate_fields.h"
#include "common/x509/revocation/ocsp_fields.h"

/* id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1 */
static const uint8_t basic_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
static const struct bytes basic = {basic_oid, sizeof(basic_oid)};

const char *format_ocsp_outcome(int outcome)
{
	static const char *const names[] = {
		[OCSP_SUCCESSFUL] = "successful",
		[OCSP_MALFORMED_REQUEST] = "malformedRequest",
		[OCSP_INTERNAL_ERROR] = "internalError",
		[OCSP_TRY_LATER] = "tryLater",
		[OCSP_SIG_REQUIRED] = "sigRequired",
		[OCSP_UNAUTHORIZED] = "unauthorized",
	};

	if (outcome < 0 || (size_t)outcome >= COUNT_OF(names) || names[outcome] == NULL)
		return "an undefined responseStatus";
	return names[outcome];
}

const char *format_ocsp_status(enum ocsp_status status)
{
	static const char *const names[] = {
		[OCSP_GOOD] = "good", [OCSP_REVOKED] = "revoked", [OCSP_UNKNOWN] = "unknown"};

	return names[status];
}

/* Appends RevokedInfo under [1]. */
static void append_revoked(struct buffer *buffer, const struct ocsp_single *single)
{
	const uint8_t reason = (uint8_t)single->reason;
	size_t begin = buffer->len;
	size_t reason_begin;

	append_der_generalized_time(buffer, single->revoked_at_s);
	reason_begin = buffer->len;
	if (reason != 0) {
		append_der(buffer, DER_ENUMERATED, (struct bytes){&reason, 1});
		enclose_der(buffer, reason_begin, DER_CONTEXT_CONSTRUCTED);
	}
	enclose_der(buffer, begin, DER_CONTEXT_CONSTRUCTED + 1);
}

static void append_single(struct buffer *buffer, const struct ocsp_single *single)
{
	size_t begin = buffer->len;
	size_t next;

	append_bytes(buffer, single->id.whole);
	switch (single->status) {
	case OCSP_GOOD:
		append_der(buffer, DER_CONTEXT, (struct bytes){0});
		break;
	case OCSP_REVOKED:
		append_revoked(buffer, single);
		break;
	case OCSP_UNKNOWN:
		append_der(buffer, DER_CONTEXT + 2, (struct bytes){0});
		break;
	}
	append_der_generalized_time(buffer, single->this_update_s);
	next = buffer->len;
	if (single->next_update_s != 0) {
		append_der_generalized_time(buffer, single->next_update_s);
		enclose_der(buffer, next, DER_CONTEXT_CONSTRUCTED);
	}
	enclose_der(buffer, begin, DER_SEQUENCE);
}

/* Writes ResponseData, the octets that are signed. */
static int format_body(const struct ocsp_answer *answer, const struct certificate *certificate,
		       struct buffer *body, struct fault *fault)
{
	uint8_t key_hash[SHA1_LEN];
	size_t list;

	if (digest_key_bits(certificate_fields(certificate)->spki, GNUTLS_DIG_SHA1, key_hash,
			    fault) < 0)
		return -1;
	append_der(body, DER_OCTET_STRING, (struct bytes){key_hash, sizeof(key_hash)});
	enclose_der(body, 0, DER_CONTEXT_CONSTRUCTED + 2);
	append_der_generalized_time(body, answer->produced_at_s);
	list = body->len;
	for (size_t i = 0; i < answer->count; i++)
		append_single(body, &answer->singles[i]);
	enclose_der(body, list, DER_SEQUENCE);
	append_ocsp_nonce(body, DER_CONTEXT_CONSTRUCTED + 1, answer->nonce);
	enclose_der(body, 0, DER_SEQUENCE);
	return check_buffer(body, fault);
}

/* Appends responseBytes: the signed object with the certificates, in its wrappings. */
static void append_response(struct buffer *buffer, struct bytes signed_object,
			    const struct ocsp_signer *signer)
{
	struct der_item object = {0};
	size_t begin;
	size_t certificates;

	append_der(buffer, DER_OID, basic);
	begin = buffer->len;
	(void)read_der(&signed_object, &object);
	append_bytes(buffer, object.content);
	certificates = buffer->len;
	append_bytes(buffer, certificate_der(signer->certificate));
	if (signer->intermediate != NULL)
		append_bytes(buffer, certificate_der(signer->intermediate));
	enclose_der(buffer, certificates, DER_SEQUENCE);
	enclose_der(buffer, certificates, DER_CONTEXT_CONSTRUCTED);
	enclose_der(buffer, begin, DER_SEQUENCE);     /* BasicOCSPResponse */
	enclose_der(buffer, begin, DER_OCTET_STRING); /* response */
	enclose_der(buffer, 0, DER_SEQUENCE);         /* ResponseBytes */
	enclose_der(buffer, 0, DER_CONTEXT_CONSTRUCTED);
}

/* Makes an OCSPResponse of the buffer, which holds responseBytes or is empty. */
static void enclose_response(struct buffer *buffer, enum ocsp_outcome outcome)
{
	CLEANUP(clear_buffer) struct buffer content = take_buffer(buffer);
	const uint8_t status = (uint8_t)outcome;

	append_der(buffer, DER_ENUMERATED, (struct bytes){&status, 1});
	append_bytes(buffer, bytes_of_buffer(&content));
	enclose_der(buffer, 0, DER_SEQUENCE);
	buffer->failed |= content.failed;
}

int format_ocsp_response(const struct ocsp_answer *answer, const struct ocsp_signer *signer,
			 struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer signed_object = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (format_body(answer, signer->certificate, &body, fault) < 0 ||
	    sign_object(signer->key, bytes_of_buffer(&body), &signed_object, fault) < 0)
		return -1;
	append_response(&der, bytes_of_buffer(&signed_object), signer);
	enclose_response(&der, OCSP_SUCCESSFUL);
	if (check_buffer(&der, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}

int format_ocsp_error(enum ocsp_outcome outcome, struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	enclose_response(&der, outcome);
	if (check_buffer(&der, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}

/* RevokedInfo: revocationTime, revocationReason [0] OPTIONAL. */
static bool read_revoked(struct bytes info, struct ocsp_single *single)
{
	struct der_item time;
	struct der_item wrapping;
	struct der_item reason;

	if (!read_der_tagged(&info, DER_GENERALIZED_TIME, &time) ||
	    !read_der_time(&time, &single->revoked_at_s))
		return false;
	if (info.len == 0)
		return true;
	if (!read_der_tagged(&info, DER_CONTEXT_CONSTRUCTED, &wrapping) || info.len > 0 ||
	    !read_der_tagged(&wrapping.content, DER_ENUMERATED, &reason) ||
	    wrapping.content.len > 0 || reason.content.len != 1)
		return false;
	single->reason = reason.content.data[0];
	return true;
}

static const char *read_status(struct bytes *rest, struct ocsp_single *single)
{
	static const char expected[] = "RFC 6960 section 4.2.1: certStatus: expected good, revoked "
				       "or unknown in its one form, found another item";
	struct der_item status;
	bool valid = false;

	if (!read_der(rest, &status))
		return "RFC 6960 section 4.2.1: certStatus: expected one, found the end";
	switch (status.tag) {
	case DER_CONTEXT:
		single->status = OCSP_GOOD;
		valid = status.content.len == 0;
		break;
	case DER_CONTEXT_CONSTRUCTED + 1:
		single->status = OCSP_REVOKED;
		valid = read_revoked(status.content, single);
		break;
	case DER_CONTEXT + 2:
		single->status = OCSP_UNKNOWN;
		valid = status.content.len == 0;
		break;
	default:
		break;
	}
	return valid ? NULL : expected;
}

static bool read_next_update(struct bytes *rest, struct ocsp_single *single)
{
	struct der_item wrapping;
	struct der_item time;

	if (rest->len == 0 || rest->data[0] != DER_CONTEXT_CONSTRUCTED)
		return true;
	return read_der(rest, &wrapping) &&
	       read_der_tagged(&wrapping.content, DER_GENERALIZED_TIME, &time) &&
	       wrapping.content.len == 0 && read_der_time(&time, &single->next_update_s);
}

const char *read_ocsp_single(struct bytes *rest, struct ocsp_single *ret_single)
{
	static const char structure[] =
		"RFC 6960 section 4.2.1: expected a SingleResponse with its structure";
	struct ocsp_single single = {0};
	struct der_item sequence;
	struct der_item time;
	const char *problem;

	if (!read_der_tagged(rest, DER_SEQUENCE, &sequence) ||
	    !read_cert_id(&sequence.content, &single.id))
		return structure;
	problem = read_status(&sequence.content, &single);
	if (problem != NULL)
		return problem;
	if (!read_der_tagged(&sequence.content, DER_GENERALIZED_TIME, &time) ||
	    !read_der_time(&time, &single.this_update_s) ||
	    !read_next_update(&sequence.content, &single))
		return structure;
	problem = end_with_ocsp_extensions(sequence.content, DER_CONTEXT_CONSTRUCTED + 1, NULL);
	if (problem != NULL)
		return problem;
	*ret_single = single;
	return NULL;
}

static bool read_responder(struct bytes *rest, struct ocsp_response *response)
{
	struct der_item wrapping;
	struct der_item name;

	if (!read_der(rest, &wrapping))
		return false;
	if (wrapping.tag == DER_CONTEXT_CONSTRUCTED + 1 &&
	    read_der_tagged(&wrapping.content, DER_SEQUENCE, &name))
		response->responder_name = name.whole;
	else if (wrapping.tag == DER_CONTEXT_CONSTRUCTED + 2 &&
		 read_der_tagged(&wrapping.content, DER_OCTET_STRING, &name))
		response->responder_key = name.content;
	else
		return false;
	return wrapping.content.len == 0;
}

/* ResponseData; version [0] is the default, v1, which DER omits. */
static const char *read_body(struct bytes body, struct ocsp_response *response)
{
	struct der_item data;
	struct der_item time;
	struct der_item list;

	if (!read_der_tagged(&body, DER_SEQUENCE, &data) ||
	    !read_responder(&data.content, response) ||
	    !read_der_tagged(&data.content, DER_GENERALIZED_TIME, &time) ||
	    !read_der_time(&time, &response->produced_at_s) ||
	    !read_der_tagged(&data.content, DER_SEQUENCE, &list))
		return "RFC 6960 section 4.2.1: expected a ResponseData with its structure";
	response->singles = list.content;
	return end_with_ocsp_extensions(data.content, DER_CONTEXT_CONSTRUCTED + 1,
					&response->nonce);
}

/* certs [0] OPTIONAL of BasicOCSPResponse. */
static bool read_certificates(struct bytes rest, struct ocsp_response *response)
{
	struct der_item wrapping;
	struct der_item list;

	if (rest.len == 0)
		return true;
	if (!read_der_tagged(&rest, DER_CONTEXT_CONSTRUCTED, &wrapping) || rest.len > 0 ||
	    !read_der_tagged(&wrapping.content, DER_SEQUENCE, &list) || wrapping.content.len > 0)
		return false;
	response->certificates = list.content;
	return true;
}

static int refuse_response(const char *problem, struct fault *fault)
{
	return set_fault(fault, FAULT_MALFORMED, "OCSP response: %s", problem);
}

static int read_basic(struct bytes der, struct ocsp_response *response, struct fault *fault)
{
	struct der_item outer;
	struct der_item body;
	struct der_item algorithm;
	struct der_item signature;
	const char *problem;

	if (check_der(der, "OCSP response: BasicOCSPResponse", fault) < 0)
		return -1;
	/* A signature is a whole number of octets: no unused bits. */
	if (!read_der_tagged(&der, DER_SEQUENCE, &outer) ||
	    !read_der_tagged(&outer.content, DER_SEQUENCE, &body) ||
	    !read_der_tagged(&outer.content, DER_SEQUENCE, &algorithm) ||
	    !read_der_tagged(&outer.content, DER_BIT_STRING, &signature) ||
	    signature.content.data[0] != 0 || !read_certificates(outer.content, response))
		return refuse_response(
			"RFC 6960 section 4.2.1: expected a BasicOCSPResponse with its "
			"structure",
			fault);
	response->signed_object = (struct signed_object){
		.body = body.whole,
		.algorithm = algorithm.whole,
		.signature = {signature.content.data + 1, signature.content.len - 1},
	};
	problem = read_body(body.whole, response);
	return problem == NULL ? 0 : refuse_response(problem, fault);
}

/* ResponseBytes under [0], present only if the response is successful. */
static int read_response_bytes(struct bytes rest, struct ocsp_response *response,
			       struct fault *fault)
{
	struct der_item wrapping;
	struct der_item bytes;
	struct der_item type;
	struct der_item basic_response;

	if (response->outcome != OCSP_SUCCESSFUL && rest.len == 0)
		return 0;
	if (response->outcome != OCSP_SUCCESSFUL ||
	    !read_der_tagged(&rest, DER_CONTEXT_CONSTRUCTED, &wrapping) || rest.len > 0 ||
	    !read_der_tagged(&wrapping.content, DER_SEQUENCE, &bytes) || wrapping.content.len > 0 ||
	    !read_der_tagged(&bytes.content, DER_OID, &type) ||
	    !read_der_tagged(&bytes.content, DER_OCTET_STRING, &basic_response) ||
	    bytes.content.len > 0)
		return refuse_response(
			"RFC 6960 section 4.2.1: expected responseBytes if, and only if, "
			"it is successful",
			fault);
	if (!equal_bytes(type.content, basic))
		return refuse_response(
			"RFC 6960 section 4.2.1: expected the type id-pkix-ocsp-basic", fault);
	return read_basic(basic_response.content, response, fault);
}

int parse_ocsp_response(struct bytes der, struct ocsp_response *ret_response, struct fault *fault)
{
	struct ocsp_response response = {0};
	struct der_item outer;
	struct der_item outcome;

	if (der.len > OCSP_RESPONSE_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "OCSP response: expected at most %d octets, found %zu",
				 OCSP_RESPONSE_MAX, der.len);
	if (check_der(der, "OCSP response", fault) < 0)
		return -1;
	if (!read_der_tagged(&der, DER_SEQUENCE, &outer) ||
	    !read_der_tagged(&outer.content, DER_ENUMERATED, &outcome) || outcome.content.len != 1)
		return refuse_response("RFC 6960 section 4.2.1: expected a responseStatus", fault);
	response.outcome = outcome.content.data[0];
	if (read_response_bytes(outer.content, &response, fault) < 0)
		return -1;
	*ret_response = response;
	return 0;
}
