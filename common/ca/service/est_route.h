#ifndef CERTPOOL_CA_SERVICE_EST_ROUTE_H
#define CERTPOOL_CA_SERVICE_EST_ROUTE_H

#include "common/ca/issue/certify_foreign.h"
#include "common/ca/service/encrypted_requests.h"

/*
 * Enrolment over secure transport (RFC 7030, RFC 8951), below EST_PATH:
 *
 *   GET  [LABEL/]cacerts         the CA's roots, cross certificates and issuers; open to all
 *   GET  [LABEL/]csrattrs        what is expected of the client's requests (csr_attributes.h); 204
 * where that is nothing, and for who does not say who it is
 *   POST [LABEL/]simpleenroll    a certificate for a request, PKCS#10 in base64 or PEM
 *   POST [LABEL/]simplereenroll  the same for a member that shows its certificate (TLS): for its
 * names
 *
 * A label is a list of usages (common/layout/usages.h), which requests that name none get; without
 * one they get those of the client's policy. Clients are those of est_client.h; policy, record,
 * rate and audit log are those of encrypted requests. A refusal is text/plain, and says why.
 */
#define EST_PATH "/.well-known/est/"
#define CONTENT_PKCS10 "application/pkcs10"

enum { EST_REQUEST_MAX = 24576 };

struct est_route {
	struct encrypted_requests *requests; /* outlives it: keys, authority, counts, logs */
};

/* As http_handlers. */
int serve_est_get(struct est_route *route, const struct http_request *request,
		  struct http_response *response, struct fault *fault) MUST_CHECK;
int serve_est_post(struct est_route *route, const struct http_request *request,
		   struct http_response *response, struct fault *fault) MUST_CHECK;

/*
 * Reads the body of a request: PKCS#10 as base64 with any white space (RFC 8951 section 3.1), or as
 * PEM. Errors: those of parse_csr_der.
 */
int parse_est_csr(struct bytes body, struct csr **ret_csr, struct fault *fault) MUST_CHECK;

#endif
