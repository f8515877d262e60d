#ifndef CERTPOOL_CA_SERVICE_CRL_ROUTE_H
#define CERTPOOL_CA_SERVICE_CRL_ROUTE_H

#include "common/ca/issue/authority.h"
#include "common/ca/revocation/crl_cache.h"
#include "common/ca/revocation/crl_chain.h"
#include "common/net/server.h"

/*
 * The CRLs over HTTP:
 *
 *   GET /crl          of the first issuer, in whose certificates this URL is
 *   GET /crl/N        of issuer N
 *   GET /crl?chain    of the root and of all issuers that have not ended, PEM; of a root that
 *                     lies apart also those of the next root and of the old one
 *   GET /root.crl     of the root
 *
 * Safe for several threads, and while one of them extends the caches.
 */
#define CRL_PATH "/crl"
#define ROOT_CRL_PATH "/root.crl"
#define CONTENT_CRL "application/pkix-crl" /* RFC 2585 section 4.2 */

/* PREFIX/N, of issuer N: 0 for any other text. */
unsigned int parse_issuer_path(const char *path, const char *prefix);

struct crl_route {
	struct authority *authority; /* outlives it */
	struct crl_caches caches;
	struct crl_chain chain;
	struct root_crl_cache next_root; /* unused when the root issues by itself */
	struct root_crl_cache old_root;
};

void init_crl_route(struct crl_route *route, struct authority *authority);
void clear_crl_route(struct crl_route *route);

/* Answers a GET of these paths. *ret_problem: what the log has to have, and the answer not. */
int serve_crl_of(struct crl_route *route, const struct http_request *request,
		 struct http_response *response, struct fault *ret_problem,
		 struct fault *fault) MUST_CHECK;

/* Whether the CRL of each issuer that has not ended can be given out. */
int check_crls(struct crl_route *route, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
