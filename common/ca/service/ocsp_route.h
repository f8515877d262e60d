#ifndef CERTPOOL_CA_SERVICE_OCSP_ROUTE_H
#define CERTPOOL_CA_SERVICE_OCSP_ROUTE_H

#include "common/ca/revocation/ocsp_responder.h"
#include "common/ca/service/origin_rate.h"
#include "common/net/server.h"
#include "common/x509/revocation/ocsp_request.h"

/* OCSP on HTTP (RFC 6960 appendix A, RFC 5019 sections 5 and 6): POST, and GET with the request in
   base64, percent-encoded, at the end of the path. */
#define OCSP_POST_PATH "/ocsp"
#define OCSP_GET_PATH "/ocsp/"

/*
 * Answers either, or tryLater to an origin over its rate. An error is an OCSP response too, so that
 * HTTP sees a success; its reason is in *ret_problem, for the log (FAULT_NONE: no problem). A
 * cacheable answer to a GET has its expiry in the HTTP header.
 */
int serve_ocsp(struct responder *responder, struct origin_rate *rate,
	       const struct http_request *request, int64_t now_s, struct http_response *response,
	       struct fault *ret_problem, struct fault *fault) MUST_CHECK;

/* http_at_hand: whether the route is OCSP's, and serve_ocsp would wait for nothing. `context`
   points to a pointer to the responder. */
bool is_ocsp_at_hand(const struct http_route *route, const char *path, struct bytes body,
		     void *context);

#endif
