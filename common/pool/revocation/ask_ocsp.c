#include "common/pool/revocation/ask_ocsp.h"

#include "common/base/random.h"
#include "common/base/url.h"
#include "common/net/client/client.h"
#include "common/x509/revocation/ocsp_request.h"
#include "common/x509/revocation/ocsp_verify.h"

enum { CONNECT_TIMEOUT_MS = 3000, TIMEOUT_MS = 10000 };

/* Turns a failure to get an answer into FAULT_UNREACHABLE: the certificate's status is unknown.
   Only a failure of this process itself keeps its class. */
static int set_unknown_status(const struct fault *failure, struct fault *fault)
{
	if (pass_failure(failure, fault) < 0)
		return -1;
	return set_fault(fault, FAULT_UNREACHABLE,
			 "cannot tell whether the certificate is revoked: %s: ask again later, or "
			 "another responder",
			 failure->text);
}

static int post_request(const struct ocsp_location *responder, struct bytes request,
			struct http_answer *ret_answer, struct fault *fault)
{
	struct http_client_settings settings = {.roots = responder->roots,
						.connect_timeout_ms = CONNECT_TIMEOUT_MS,
						.timeout_ms = TIMEOUT_MS};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	char path[URL_PATH_SIZE];
	struct fault failure = {0};

	if (parse_url(responder->url, &settings.endpoint, path, fault) < 0 ||
	    new_http_client(&settings, &client, fault) < 0)
		return -1;
	if (exchange_http(client, path, CONTENT_OCSP_REQUEST, request, OCSP_RESPONSE_MAX, &answer,
			  &failure) < 0 ||
	    check_http_answer(client, path, &answer, CONTENT_OCSP_RESPONSE, &failure) < 0)
		return set_unknown_status(&failure, fault);
	MOVE(ret_answer, answer);
	return 0;
}

static int verify_answer(const char *url, struct bytes der, const struct ocsp_question *question,
			 struct ocsp_finding *ret_finding, struct fault *fault)
{
	struct ocsp_single single = {0};
	struct verdict verdict = {0};
	struct fault failure = {0};

	if (verify_ocsp_response(der, question, &single, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid) {
		(void)set_fault(&failure, FAULT_UNREACHABLE,
				"%s: the answer cannot be relied on: %s", url, verdict.reason);
		return set_unknown_status(&failure, fault);
	}
	*ret_finding = (struct ocsp_finding){.status = single.status,
					     .revoked_at_s = single.revoked_at_s,
					     .reason = single.reason};
	return 0;
}

int ask_ocsp(const struct ocsp_location *responder, const struct certificate *issuer,
	     const struct certificate *certificate, int64_t now_s, struct ocsp_finding *ret_finding,
	     struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	uint8_t nonce[OCSP_NONCE_LEN];
	const struct ocsp_question question = {.issuer = issuer,
					       .serial = certificate_serial(certificate),
					       .nonce = {nonce, sizeof(nonce)},
					       .now_s = now_s};
	struct issuer_hashes hashes;

	if (fill_random(nonce, sizeof(nonce), fault) < 0 ||
	    digest_issuer(issuer, &hashes, fault) < 0 ||
	    format_ocsp_request(&hashes, OCSP_SHA1, question.serial, question.nonce, &request,
				fault) < 0 ||
	    post_request(responder, bytes_of_buffer(&request), &answer, fault) < 0)
		return -1;
	return verify_answer(responder->url, bytes_of_buffer(&answer.body), &question, ret_finding,
			     fault);
}
