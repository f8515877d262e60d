#ifndef CERTPOOL_CA_SERVICE_SERVICE_H
#define CERTPOOL_CA_SERVICE_SERVICE_H

#include "common/ca/issue/authority.h"
#include "common/net/server.h"

/*
 * The CA on HTTP: POST /v1/certificates, POST /v1/status, POST /v1/revocations, GET /root.crt,
 * GET /ca.crt (whose certificates are below that root), GET /crl, GET /health, GET /metrics, and
 * OCSP (ocsp_route.h). Shared keys are read from the layout's Private/, and again
 * when that changes: one that `invite` adds while the CA serves is good at once, one that is taken
 * away is good no more.
 * What can be decrypted is answered inside the encryption, refusals too; what failed here goes to
 * the log alone.
 */
struct ca_service;

struct ca_service_settings {
	struct authority *authority; /* outlives the service */
	const struct layout *layout;
	struct endpoint endpoint; /* port 0: any */
	http_log *log;            /* may be NULL */
	void *log_context;
	const char *version; /* of the program, for the metrics; NULL: not told */
};

int start_ca_service(const struct ca_service_settings *settings, struct ca_service **ret_service,
		     struct fault *fault) MUST_CHECK;
const struct endpoint *ca_service_endpoint(const struct ca_service *service);

/* Answers what it has begun, then frees. */
void stop_ca_service(struct ca_service **service);

#endif
