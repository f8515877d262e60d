#include "common/ca/acme/exchange.h"

#include "common/ca/issue/request_rate.h"
#include "common/net/http.h"
#include "common/wire/acme_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CONTENT_JSON "application/json"

void set_json_body(struct http_response *response, struct buffer *json)
{
	response->content_type = CONTENT_JSON;
	response->body = take_buffer(json);
}

int answer_problem_as(struct http_response *response, const struct refusal *problem,
		      unsigned int status, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer json = {0};

	if (format_acme_problem(problem, status, &json, fault) < 0)
		return -1;
	clear_buffer(&response->body);
	response->content_type = CONTENT_PROBLEM;
	response->status = status;
	response->body = take_buffer(&json);
	append_format(&response->reason, "%s: %s", problem->type, problem->detail);
	return check_buffer(&response->reason, fault);
}

int answer_problem(struct http_response *response, const struct refusal *problem,
		   struct fault *fault)
{
	return answer_problem_as(response, problem, acme_status(problem->type), fault);
}

/* The types of claims.h in the words of RFC 8555 section 6.7. */
static const char *name_problem(const char *type)
{
	static const struct {
		const char *type;
		const char *name;
	} rows[] = {
		{RATE_REFUSAL, "rateLimited"}, {"quota", "rateLimited"},
		{"bad_request", "badCSR"},     {"bad_proof", "badCSR"},
		{"key_taken", "badCSR"},       {"key_spent", "badCSR"},
		{"policy", "badCSR"},          {"names", "rejectedIdentifier"},
		{"malformed", "malformed"},    {"profile", "invalidProfile"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].type, type) == 0)
			return rows[i].name;
	return "unauthorized";
}

int refuse_client(struct acme_exchange *exchange, const char *client, const struct refusal *refusal,
		  struct fault *fault)
{
	set_refusal(&exchange->problem, name_problem(refusal->type), "%s", refusal->detail);
	return record_refusal(authority_refusals(exchange->acme->settings.authority), client,
			      refusal, exchange->now_s, fault);
}

static int answer_charge(struct acme_exchange *exchange, const char *client, int64_t wait_s,
			 const struct refusal *refusal, struct fault *fault)
{
	if (!is_refused(refusal))
		return 0;
	add_response_field(exchange->response, "Retry-After", "%" PRId64, wait_s);
	return refuse_client(exchange, client, refusal, fault);
}

int charge_acme_client(struct acme_exchange *exchange, const char *client, struct fault *fault)
{
	struct refusal refusal = {0};
	int64_t wait_s = 0;

	if (admit_request(exchange->acme->settings.authority, client, &wait_s, &refusal, fault) < 0)
		return -1;
	return answer_charge(exchange, client, wait_s, &refusal, fault);
}

int charge_acme_account(struct acme_exchange *exchange, struct fault *fault)
{
	const struct acme_account *account = &exchange->account;
	struct refusal refusal = {0};
	int64_t wait_s;

	admit_at_rate(exchange->acme->settings.authority, account->client,
		      account->requests_per_minute, &wait_s, &refusal);
	return answer_charge(exchange, account->client, wait_s, &refusal, fault);
}

int read_acme_client(struct acme_exchange *exchange, const char *client, struct client *ret_client,
		     struct fault *fault)
{
	bool found;

	if (read_client(authority_store(exchange->acme->settings.authority), client, ret_client,
			&found, fault) < 0)
		return -1;
	if (!found || ret_client->disabled || ret_client->revoked)
		set_refusal(&exchange->problem, "unauthorized",
			    "the CA has no client \"%s\" that may have certificates", client);
	return 0;
}

void log_acme(const struct acme_exchange *exchange, const char *client, const char *what)
{
	const struct acme_settings *settings = &exchange->acme->settings;
	char text[FAULT_TEXT_SIZE];

	if (settings->exchange_log == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%s: %s", client, what);
	settings->exchange_log(settings->exchange_log_context, exchange->request->method, ACME_PATH,
			       200, text);
}
