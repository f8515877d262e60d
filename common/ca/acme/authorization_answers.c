#include "common/ca/acme/exchange.h"

#include "common/crypto/base64.h"
#include "common/crypto/jose/public_jwk.h"
#include "common/wire/acme_answer.h"

#include <stdio.h>
#include <string.h>

int derive_order_keys(const struct acme_exchange *exchange,
		      struct derived_key ret_keys[static DERIVED_KEYS_MAX], size_t *ret_count,
		      struct fault *fault)
{
	return derive_from_shared_keys(exchange->acme->settings.keys, exchange->account.client,
				       ACME_ORDER_LABEL, ret_keys, ret_count, fault);
}

int read_token(struct acme_exchange *exchange, enum token_kind kind, const char *text,
	       struct acme_order *ret_order, struct fault *fault)
{
	struct derived_key keys[DERIVED_KEYS_MAX];
	struct fault failure = {0};
	size_t count;
	int result;

	if (derive_order_keys(exchange, keys, &count, fault) < 0)
		return -1;
	result = parse_token(bytes_of_string(text), kind, keys, count, ret_order, &failure);
	wipe(keys, sizeof(keys));
	if (result < 0)
		return set_parse_problem(exchange, &failure, "notFound", fault);
	if (memcmp(ret_order->account, exchange->account.id, ACCOUNT_ID_LEN) != 0)
		set_refusal(&exchange->problem, "unauthorized", "the order is another account's");
	else if (ret_order->expires_s < exchange->now_s)
		set_refusal(&exchange->problem, "notFound",
			    "the order has expired: make a new one");
	return 0;
}

/* --- challenges --- */

bool is_account_challenged(const struct acme_exchange *exchange)
{
	struct acme *acme = exchange->acme;
	bool challenged;

	pthread_mutex_lock(&acme->lock);
	challenged = is_challenged(acme->challenged, exchange->account.client);
	pthread_mutex_unlock(&acme->lock);
	return challenged;
}

static int find_challenge_of(const struct acme_exchange *exchange, const struct acme_order *order,
			     const char *name, struct challenge *ret_challenge, struct fault *fault)
{
	uint8_t id[CHALLENGE_ID_LEN];

	identify_challenge(order, name, id);
	return find_challenge(authority_store(exchange->acme->settings.authority), id,
			      exchange->now_s, ret_challenge, fault);
}

int find_order_state(const struct acme_exchange *exchange, const struct acme_order *order,
		     enum challenge_state *ret_state, struct fault *fault)
{
	const struct alt_names *names = &order->request.names;
	enum challenge_state state = CHALLENGE_VALID;

	for (size_t i = 0; i < names->count && is_account_challenged(exchange); i++) {
		struct challenge challenge;

		if (find_challenge_of(exchange, order, names->names[i], &challenge, fault) < 0)
			return -1;
		if (challenge.state == CHALLENGE_INVALID || challenge.state < state)
			state = challenge.state;
		if (state == CHALLENGE_INVALID)
			break;
	}
	*ret_state = state;
	return 0;
}

/* The same for each question: it is a digest of the authorization's token, which has 128 bits that
   nobody can guess (RFC 8555 section 8.3). */
static void make_challenge_token(const char *authorization,
				 char ret_token[static CHALLENGE_TOKEN_SIZE])
{
	CLEANUP(clear_buffer) struct buffer octets = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};
	uint8_t sha256[SHA256_LEN];

	append_format(&octets, "http-01 %s", authorization);
	digest_sha256(bytes_of_buffer(&octets), sha256);
	append_base64url(&text, (struct bytes){sha256, SHA256_LEN});
	(void)snprintf(ret_token, CHALLENGE_TOKEN_SIZE, "%s",
		       text.failed ? "" : (const char *)text.data);
}

/* Fills the view of the challenge of an authorization, whose texts are the caller's. */
static int view_challenge(const struct acme_exchange *exchange, const char *authorization,
			  const struct challenge *challenge, struct buffer *url,
			  char ret_token[static CHALLENGE_TOKEN_SIZE],
			  struct acme_challenge_view *ret_view, struct fault *fault)
{
	static const char *const names[] = {[CHALLENGE_PENDING] = "pending",
					    [CHALLENGE_PROCESSING] = "processing",
					    [CHALLENGE_VALID] = "valid",
					    [CHALLENGE_INVALID] = "invalid"};

	append_format(url, "%schallenge/%s", exchange->acme->base, authorization);
	if (check_buffer(url, fault) < 0)
		return -1;
	make_challenge_token(authorization, ret_token);
	*ret_view = (struct acme_challenge_view){.url = (const char *)url->data,
						 .status = names[challenge->state],
						 .token = ret_token,
						 .validated_s = challenge->validated_at_s,
						 .problem = &challenge->problem};
	return 0;
}

/* --- an authorization --- */

/* RFC 8555 section 7.1.6. */
static const char *name_authorization_status(enum challenge_state state)
{
	return state == CHALLENGE_VALID     ? "valid"
	       : state == CHALLENGE_INVALID ? "invalid"
					    : "pending";
}

int answer_authorization(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	CLEANUP(clear_acme_order) struct acme_order order = {0};
	CLEANUP(clear_buffer) struct buffer json = {0};
	CLEANUP(clear_buffer) struct buffer url = {0};
	struct challenge challenge = {.state = CHALLENGE_VALID};
	struct acme_challenge_view shown;
	char token[CHALLENGE_TOKEN_SIZE];
	const bool challenged = is_account_challenged(exchange);
	const char *name;

	if (read_token(exchange, TOKEN_AUTHORIZATION, rest, &order, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	name = order.request.names.names[0];
	if (challenged &&
	    (find_challenge_of(exchange, &order, name, &challenge, fault) < 0 ||
	     view_challenge(exchange, rest, &challenge, &url, token, &shown, fault) < 0))
		return -1;
	const struct acme_authorization_view view = {
		.name = name,
		.status = name_authorization_status(challenge.state),
		.expires_s = order.expires_s,
		.challenge = challenged ? &shown : NULL};

	if (format_acme_authorization(&view, &json, fault) < 0)
		return -1;
	if (challenge.state == CHALLENGE_PROCESSING)
		add_response_field(exchange->response, "Retry-After", "1");
	set_json_body(exchange->response, &json);
	return 0;
}

/* --- the validation --- */

/* RFC 8555 section 8.1. */
static int format_key_authorization(const struct acme_exchange *exchange, const char *token,
				    char ret_text[static KEY_AUTHORIZATION_SIZE],
				    struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	uint8_t thumbprint[SHA256_LEN];

	if (compute_jwk_thumbprint(exchange->account.key, thumbprint, fault) < 0)
		return -1;
	append_format(&text, "%s.", token);
	append_base64url(&text, (struct bytes){thumbprint, SHA256_LEN});
	if (check_buffer(&text, fault) < 0)
		return -1;
	(void)snprintf(ret_text, KEY_AUTHORIZATION_SIZE, "%s", (const char *)text.data);
	return 0;
}

/* Has the challenge processed, unless it was before, or another request does. */
static int start_validation(struct acme_exchange *exchange, const struct acme_order *order,
			    const char *authorization, struct fault *fault)
{
	struct authority *authority = exchange->acme->settings.authority;
	struct validation validation = {0};
	char token[CHALLENGE_TOKEN_SIZE];
	struct fault ignored = {0};
	bool begun;

	make_challenge_token(authorization, token);
	if (format_key_authorization(exchange, token, validation.key_authorization, fault) < 0)
		return -1;
	identify_challenge(order, order->request.names.names[0], validation.id);
	(void)snprintf(validation.client, sizeof(validation.client), "%s",
		       exchange->account.client);
	(void)snprintf(validation.name, sizeof(validation.name), "%s",
		       order->request.names.names[0]);
	if (check_room(authority, fault) < 0 ||
	    begin_challenge(authority_store(authority), validation.id, order->expires_s,
			    exchange->now_s, &begun, fault) < 0)
		return -1;
	if (!begun || submit_validation(exchange->acme->validator, &validation, fault) == 0)
		return 0;
	(void)!drop_challenge(authority_store(authority), validation.id, &ignored);
	return -1;
}

/* RFC 8555 section 7.5.1: "{}" has the CA validate; an empty payload asks alone. */
int answer_challenge(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	CLEANUP(clear_acme_order) struct acme_order order = {0};
	CLEANUP(clear_buffer) struct buffer json = {0};
	CLEANUP(clear_buffer) struct buffer url = {0};
	struct challenge challenge;
	struct acme_challenge_view view;
	char token[CHALLENGE_TOKEN_SIZE];

	if (read_token(exchange, TOKEN_AUTHORIZATION, rest, &order, fault) < 0)
		return -1;
	if (!is_refused(&exchange->problem) && !is_account_challenged(exchange))
		set_refusal(&exchange->problem, "notFound",
			    "the authorization is valid, and has no challenge");
	if (is_refused(&exchange->problem))
		return 0;
	if (exchange->jws.payload.len > 0) {
		/* The policy may have changed since the order was made: the CA asks no host for a
		   name that it would not certify. */
		if (check_by_policy(exchange, &order.request, fault) < 0)
			return -1;
		if (is_refused(&exchange->problem))
			return 0;
		if (start_validation(exchange, &order, rest, fault) < 0)
			return -1;
	}
	if (find_challenge_of(exchange, &order, order.request.names.names[0], &challenge, fault) <
		    0 ||
	    view_challenge(exchange, rest, &challenge, &url, token, &view, fault) < 0 ||
	    format_acme_challenge(&view, &json, fault) < 0)
		return -1;
	add_response_field(exchange->response, "Link", "<%sauthorization/%s>;rel=\"up\"",
			   exchange->acme->base, rest);
	if (challenge.state == CHALLENGE_PROCESSING)
		add_response_field(exchange->response, "Retry-After", "1");
	set_json_body(exchange->response, &json);
	return 0;
}
