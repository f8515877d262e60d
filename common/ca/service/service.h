#ifndef CERTPOOL_CA_SERVICE_SERVICE_H
#define CERTPOOL_CA_SERVICE_SERVICE_H

#include "common/ca/issue/authority.h"
#include "common/net/server.h"

/*
 * The CA on HTTP:
 *
 *   POST /v1/certificates, /v1/status, /v1/statuses,
 *     /v1/revocations                                     encrypted_requests.h
 *   POST /ocsp, GET /ocsp/…                               ocsp_route.h
 *   GET, POST /.well-known/est/…                          est_route.h, over TLS alone
 *   GET /root.crt, /ca.crt                                the root; the newest issuer under it
 *   GET /ca.cer, /ca.cer/N                                the first issuer, issuer N, in DER
 *   GET /crl, /crl/N, /crl?chain                          of the first issuer, of issuer N, of all
 *   GET /root.crl, /health, /metrics
 *
 * At an https endpoint it shows a certificate of its own (server_identity.h); an http one beside it
 * serves only the GET paths of roots, issuers and CRLs, and OCSP.
 *
 * Shared keys are those in the layout's Private/ at the time of each request (shared_keys.h). The
 * reason of a failure of the CA itself goes to the log only.
 */
struct ca_service;
struct key_source;

struct ca_service_settings {
	struct authority *authority;   /* outlives the service */
	const struct layout *layout;   /* for https endpoints with its server directory open */
	const struct key_source *keys; /* NULL: the shared keys are read from the layout here */
	struct endpoint_list listen;   /* at least one; port 0: any */
	http_log *log;                 /* of refusals and failures; may be NULL */
	void *log_context;
	http_log *exchange_log; /* of what clients were given: "client1: certified 125 in 38 ms";
				   may be NULL */
	void *exchange_log_context;
	const char *version;                  /* of the program, for the metrics; NULL: left out */
	unsigned int connections_per_address; /* 0: the server's default */
};

int start_ca_service(const struct ca_service_settings *settings, struct ca_service **ret_service,
		     struct fault *fault) MUST_CHECK;

/* Reads the keys that are shared with the clients again. On failure the previous keys stay. */
int reload_ca_keys(struct ca_service *service, struct fault *fault) MUST_CHECK;

/* Takes over which ACME clients have to show their names (acme_challenged of ca_node.h). */
int reload_ca_challenged(struct ca_service *service, const char *challenged,
			 struct fault *fault) MUST_CHECK;

/* What keeps the CA from working, and what its operator should look at, as GET /health says it. A
   check_function of its page (admin_page.h); the context is the service. */
void check_ca_service(void *service, int64_t now_s, struct health *ret_health);

/* Where it listens, with the ports that it got. */
const struct endpoint_list *ca_service_endpoints(const struct ca_service *service);

/* Finishes the answers that it has begun, then frees. */
void stop_ca_service(struct ca_service **service);

#endif
