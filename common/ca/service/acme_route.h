#ifndef CERTPOOL_CA_SERVICE_ACME_ROUTE_H
#define CERTPOOL_CA_SERVICE_ACME_ROUTE_H

#include "common/ca/acme/acme.h"
#include "common/ca/service/encrypted_requests.h"

/* What is below ACME_PATH, if the manifest offers it. */
struct acme_route {
	struct acme *acme;                   /* NULL: it does not */
	struct origin_rate *unpaid;          /* requests for which no client pays */
	struct origin_rate *renewals;        /* questions for renewal information */
	struct encrypted_requests *requests; /* the counters of refusals are theirs */
};

#define CONTENT_JOSE_JSON "application/jose+json"

/* The authority, keys and log of the encrypted requests, which outlive the route. */
int init_acme_route(struct acme_route *route, struct encrypted_requests *requests,
		    struct fault *fault) MUST_CHECK;
void clear_acme_route(struct acme_route *route);

/* Serves from now on, at the manifest's endpoint; with port 0 in that, at the first of those where
   the server listens. */
void start_acme_route(struct acme_route *route, const struct endpoint_list *listens);

/* set_acme_challenged; nothing where ACME is not offered. */
int change_acme_challenged(struct acme_route *route, const char *challenged,
			   struct fault *fault) MUST_CHECK;

/* An http_refusal_fields, whose context is a struct acme_route: the server's own refusals of POSTs
   have nonces, too (RFC 8555 section 6.5). */
http_refusal_fields add_acme_refusal_fields;

/* Errors: as an http_handler; FAULT_NOT_FOUND when the manifest does not offer it. */
int serve_acme(struct acme_route *route, const struct http_request *request,
	       struct http_response *response, struct fault *fault) MUST_CHECK;

#endif
