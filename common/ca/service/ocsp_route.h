#ifndef CERTPOOL_CA_SERVICE_OCSP_ROUTE_H
#define CERTPOOL_CA_SERVICE_OCSP_ROUTE_H

#include "common/ca/revocation/ocsp_responder.h"
#include "common/net/server.h"
#include "common/x509/revocation/ocsp_request.h"

/* OCSP on HTTP (RFC 6960 appendix A, RFC 5019 sections 5 and 6): the paths of POST, and of GET with
   the request in base64, percent-encoded, after it. */
#define OCSP_POST_PATH "/ocsp"
#define OCSP_GET_PATH "/ocsp/"

/*
 * Answers either. What the responder cannot do, or will not, is an OCSP response too, so that HTTP
 * itself sees a success; why is in *trouble, for the log (FAULT_NONE: nothing). An answer to a GET
 * that may be kept says until when.
 */
int serve_ocsp(struct responder *responder, const struct http_request *request, int64_t now_s,
	       struct http_response *response, struct fault *trouble,
	       struct fault *fault) MUST_CHECK;

#endif
