#ifndef CERTPOOL_CA_ACME_ACME_H
#define CERTPOOL_CA_ACME_ACME_H

#include "common/ca/issue/authority.h"
#include "common/layout/url.h"
#include "common/net/server.h"
#include "common/wire/shared_keys.h"

/*
 * The ACME server (RFC 8555) of a CA: what is below /acme/. Safe for several threads.
 *
 * What could not be authenticated costs its origin, by the caller; everything else counts against
 * the rate of the account's client. An error is a problem document (section 6.7), whose reason is
 * also in the response's `reason`, for the log.
 */
#define ACME_PATH "/acme/"

/* The beginning of the server's URLs: the manifest's ca.acme.url, else the endpoint, and ACME_PATH.
 */
enum { ACME_BASE_SIZE = URL_MAX + sizeof(ACME_PATH) };
void format_acme_base(const struct ca_node *ca, const struct endpoint *endpoint,
		      char ret_base[static ACME_BASE_SIZE]);

struct acme;

struct acme_settings {
	struct authority *authority; /* outlives the server, as does */
	struct shared_keys *keys;
	http_log *exchange_log; /* of what clients were given; may be NULL */
	void *exchange_log_context;
};

int new_acme(const struct acme_settings *settings, struct acme **ret_acme,
	     struct fault *fault) MUST_CHECK;
void free_acme(struct acme **acme);

/*
 * Which clients have to show their names by http-01 from now on, also for orders that are not
 * final; copied. Until then they are those of the authority's manifest. Requests may be answered
 * meanwhile. challenged: as the acme_challenged of a CA (ca_node.h). On failure nothing has
 * changed.
 */
int set_acme_challenged(struct acme *acme, const char *challenged, struct fault *fault) MUST_CHECK;

/* Says at which endpoint clients reach the server: nothing is served before. Called once. */
void set_acme_endpoint(struct acme *acme, const struct endpoint *endpoint);

enum { ACME_REQUEST_MAX = 65536 };

/* Whom the request costs, and the error that is its answer; the refusal's type is "" for none. */
struct acme_outcome {
	struct refusal problem;
	bool unpaid; /* no client was authenticated, and something refused: the origin pays */
};

/* Errors: as an http_handler's. */
int answer_acme_get(struct acme *acme, const struct http_request *request,
		    struct http_response *response, struct fault *fault) MUST_CHECK;
/* wait_s: how long the origin, which cannot pay, has to wait: accounts alone are served until then;
   0: it can. */
int answer_acme_post(struct acme *acme, const struct http_request *request, int64_t wait_s,
		     struct http_response *response, struct acme_outcome *ret_outcome,
		     struct fault *fault) MUST_CHECK;

/* Adds what every answer to a POST has, nonce and directory, to an answer of somebody else; nothing
   before set_acme_endpoint. */
void add_acme_fields(struct acme *acme, struct http_response *response);

/* Answers an origin that asks for renewal information too often. */
int answer_acme_rate(struct acme *acme, struct http_response *response, int64_t wait_s,
		     struct fault *fault) MUST_CHECK;

/* What an origin may cost in a minute that no client pays for. */
enum { UNPAID_ACME_PER_MINUTE = 60, RENEWALS_PER_MINUTE = 600 };

/* Whether the request is a question for renewal information, for which nobody is authenticated. */
bool is_renewal_question(const struct http_request *request);

#endif
