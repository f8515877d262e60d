#include "common/ca/service/acme_route.h"

#include "common/base/clock.h"

#include <string.h>

int init_acme_route(struct acme_route *route, struct encrypted_requests *requests,
		    struct fault *fault)
{
	const struct acme_settings settings = {.authority = requests->authority,
					       .keys = &requests->keys,
					       .exchange_log = requests->exchange_log,
					       .exchange_log_context =
						       requests->exchange_log_context};

	route->requests = requests;
	if (!authority_ca(requests->authority)->acme)
		return 0;
	if (new_origin_rate(UNPAID_ACME_PER_MINUTE, &route->unpaid, fault) < 0 ||
	    new_origin_rate(RENEWALS_PER_MINUTE, &route->renewals, fault) < 0)
		return -1;
	return new_acme(&settings, &route->acme, fault);
}

void clear_acme_route(struct acme_route *route)
{
	free_acme(&route->acme);
	free_origin_rate(&route->unpaid);
	free_origin_rate(&route->renewals);
}

void start_acme_route(struct acme_route *route, const struct endpoint_list *listens)
{
	const struct endpoint *endpoint = &authority_ca(route->requests->authority)->endpoint;

	if (route->acme != NULL)
		set_acme_endpoint(route->acme,
				  endpoint->port != 0 ? endpoint : &listens->endpoints[0]);
}

int change_acme_challenged(struct acme_route *route, const char *challenged, struct fault *fault)
{
	return route->acme != NULL ? set_acme_challenged(route->acme, challenged, fault) : 0;
}

static int serve_get(struct acme_route *route, const struct http_request *request,
		     struct http_response *response, struct fault *fault)
{
	int64_t wait_s;

	if (is_renewal_question(request) &&
	    !charge_origin(route->renewals, request->origin, read_stopwatch_us(), &wait_s))
		return answer_acme_rate(route->acme, response, wait_s, fault);
	return answer_acme_get(route->acme, request, response, fault);
}

static int serve_post(struct acme_route *route, const struct http_request *request,
		      struct http_response *response, struct fault *fault)
{
	const int64_t now_us = read_stopwatch_us();
	struct acme_outcome outcome = {.unpaid = false};
	int64_t wait_s = 0;

	if (has_origin_credit(route->unpaid, request->origin, now_us, &wait_s))
		wait_s = 0;
	if (answer_acme_post(route->acme, request, wait_s, response, &outcome, fault) < 0)
		return -1;
	if (outcome.unpaid)
		(void)charge_origin(route->unpaid, request->origin, now_us, &wait_s);
	if (is_refused(&outcome.problem))
		count_refusal(&route->requests->refusals, outcome.problem.type);
	return 0;
}

int serve_acme(struct acme_route *route, const struct http_request *request,
	       struct http_response *response, struct fault *fault)
{
	if (route->acme == NULL)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "this CA serves no ACME clients: its manifest has no ca.acme");
	/* RFC 8555 section 6.1. Behind a proxy that speaks TLS the manifest has the proxy's URL. */
	if (!request->secure && authority_ca(route->requests->authority)->acme_url == NULL)
		return set_fault(fault, FAULT_REFUSED,
				 "expected TLS (RFC 8555 section 6.1), or ca.acme.url in the CA's "
				 "manifest, for a proxy in front of it");
	return strcmp(request->method, "GET") == 0 ? serve_get(route, request, response, fault)
						   : serve_post(route, request, response, fault);
}

void add_acme_refusal_fields(const struct http_route *route, struct http_response *response,
			     void *context)
{
	const struct acme_route *acme = context;

	if (acme->acme != NULL && strcmp(route->path, ACME_PATH) == 0 &&
	    strcmp(route->method, "POST") == 0)
		add_acme_fields(acme->acme, response);
}
