#include "common/ca/acme/exchange.h"

#include "common/ca/store/fleet.h"
#include "common/crypto/base64.h"
#include "common/wire/acme_answer.h"

#include <stdlib.h>
#include <string.h>

enum { ORDERS_LISTED = 100 };

/* The account as the answer, at its URL. */
static int answer_with_account(struct acme_exchange *exchange, const struct acme_account *account,
			       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer url = {0};
	CLEANUP(clear_buffer) struct buffer orders = {0};
	CLEANUP(clear_buffer) struct buffer json = {0};

	append_account_url(exchange->acme, account->id, &url);
	append_account_url(exchange->acme, account->id, &orders);
	append_string(&orders, "/orders");
	if (check_buffer(&url, fault) < 0 || check_buffer(&orders, fault) < 0)
		return -1;
	const struct acme_account_view view = {.valid = !account->deactivated,
					       .contact = account->contact,
					       .orders = (const char *)orders.data};

	if (format_acme_account(&view, &json, fault) < 0)
		return -1;
	add_response_field(exchange->response, "Location", "%s", (const char *)url.data);
	set_json_body(exchange->response, &json);
	return 0;
}

/* --- newAccount --- */

/* Which of the client's keys made the binding: *ret_kid is the kid of that shared key; "": none. */
static int find_binder(struct shared_keys *shared, const struct flattened_jws *binding,
		       char ret_kid[static KEY_ID_SIZE], struct fault *fault)
{
	struct derived_key keys[DERIVED_KEYS_MAX];
	size_t count;

	ret_kid[0] = '\0';
	if (!valid_name(binding->kid))
		return 0;
	if (derive_from_shared_keys(shared, binding->kid, ACME_BINDING_LABEL, keys, &count, fault) <
	    0)
		return -1;
	for (size_t i = 0; i < count && ret_kid[0] == '\0'; i++)
		if (verify_keyed_jws(binding, keys[i].key))
			memcpy(ret_kid, keys[i].kid, KEY_ID_SIZE);
	wipe(keys, sizeof(keys));
	return 0;
}

static int check_binding(struct acme_exchange *exchange, const struct flattened_jws *binding,
			 char ret_kid[static KEY_ID_SIZE], struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *key = NULL;
	struct fault failure = {0};

	if (strcmp(binding->url, exchange->jws.url) != 0) {
		set_refusal(&exchange->problem, "malformed",
			    "externalAccountBinding: url: expected that of the request");
		return 0;
	}
	if (parse_bound_key(bytes_of_buffer(&binding->payload), &key, &failure) < 0)
		return set_parse_problem(exchange, &failure, "malformed", fault);
	if (find_binder(exchange->acme->settings.keys, binding, ret_kid, fault) < 0)
		return -1;
	if (ret_kid[0] == '\0' ||
	    !equal_bytes(public_key_spki(key), public_key_spki(exchange->jws.key)))
		set_refusal(&exchange->problem, "unauthorized",
			    "externalAccountBinding: expected the kid and the MAC that certpool "
			    "client acme CLIENT gives at the CA, over the account's key");
	return 0;
}

/* Notes that the client was here: an invitation that has ended, or that counts once, gives no
   account. */
static int check_holder(struct acme_exchange *exchange, const char *client, const char *kid,
			struct fault *fault)
{
	const struct sighting sighting = {.client = client, .kid = kid, .now_s = exchange->now_s};
	CLEANUP(clear_client) struct client record = {0};
	struct refusal refusal = {0};

	exchange->client_pays = true;
	if (read_acme_client(exchange, client, &record, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	if (charge_acme_client(exchange, client, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	if (admit_presence(exchange->acme->settings.authority, &sighting, &refusal, fault) < 0)
		return -1;
	return is_refused(&refusal) ? refuse_client(exchange, client, &refusal, fault) : 0;
}

/* The same request came twice at once, and the other one made the account. */
static int answer_made_meanwhile(struct acme_exchange *exchange, const struct public_key *key,
				 struct fault *fault)
{
	CLEANUP(clear_acme_account) struct acme_account account = {0};
	bool found;

	if (find_account_by_key(authority_store(exchange->acme->settings.authority), key, &account,
				&found, fault) < 0)
		return -1;
	if (found && !account.deactivated)
		return answer_with_account(exchange, &account, fault);
	set_refusal(&exchange->problem, "serverInternal",
		    "the account of this key was made and ended at the same time: make another "
		    "key");
	return 0;
}

static int create_account(struct acme_exchange *exchange, struct account_request *request,
			  struct fault *fault)
{
	CLEANUP(clear_acme_account) struct acme_account account = {0};
	struct fault failure = {0};
	bool added = false;

	(void)strncpy(account.client, request->binding.kid, sizeof(account.client) - 1);
	account.key = TAKE(exchange->jws.key);
	account.contact = request->has_contact ? TAKE(request->contact) : strdup("");
	if (account.contact == NULL)
		return set_memory_fault(fault);
	if (add_account(authority_store(exchange->acme->settings.authority), &account,
			exchange->now_s, &added, &failure) < 0)
		return set_parse_problem(exchange, &failure, "rateLimited", fault);
	if (!added)
		return answer_made_meanwhile(exchange, account.key, fault);
	exchange->response->status = 201;
	log_acme(exchange, account.client, "has an ACME account");
	return answer_with_account(exchange, &account, fault);
}

static int bind_account(struct acme_exchange *exchange, struct account_request *request,
			struct fault *fault)
{
	char kid[KEY_ID_SIZE] = "";

	if (!request->bound) {
		set_refusal(&exchange->problem, "externalAccountRequired",
			    "expected an externalAccountBinding: certpool client acme CLIENT at "
			    "the CA gives its kid and its key");
		return 0;
	}
	if (check_binding(exchange, &request->binding, kid, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	if (check_holder(exchange, request->binding.kid, kid, fault) < 0)
		return -1;
	return is_refused(&exchange->problem) ? 0 : create_account(exchange, request, fault);
}

/* The key has shown whose account it is. */
static int answer_known_account(struct acme_exchange *exchange, const struct acme_account *account,
				struct fault *fault)
{
	exchange->client_pays = true;
	if (charge_acme_client(exchange, account->client, fault) < 0)
		return -1;
	return is_refused(&exchange->problem) ? 0 : answer_with_account(exchange, account, fault);
}

int answer_new_account(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	CLEANUP(clear_account_request) struct account_request request = {0};
	CLEANUP(clear_acme_account) struct acme_account account = {0};
	struct fault failure = {0};
	bool found;

	(void)rest;
	if (parse_account_request(bytes_of_buffer(&exchange->jws.payload), &request, &failure) < 0)
		return set_parse_problem(
			exchange, &failure,
			failure.class == FAULT_REFUSED ? "unsupportedContact" : "malformed", fault);
	if (find_account_by_key(authority_store(exchange->acme->settings.authority),
				exchange->jws.key, &account, &found, fault) < 0)
		return -1;
	if (found && account.deactivated)
		set_refusal(&exchange->problem, "unauthorized",
			    "the account of this key is deactivated: make another key");
	else if (found && account.barred)
		set_refusal(&exchange->problem, "unauthorized",
			    "the CA has disabled or revoked the client \"%s\" of this account",
			    account.client);
	else if (!found && request.only_existing)
		set_refusal(&exchange->problem, "accountDoesNotExist",
			    "there is no account of this key");
	if (is_refused(&exchange->problem))
		return 0;
	return found ? answer_known_account(exchange, &account, fault)
		     : bind_account(exchange, &request, fault);
}

/* --- an account --- */

/* Whether the path is that of the account which asks. */
static bool is_own_account(struct acme_exchange *exchange, const char *id)
{
	CLEANUP(clear_buffer) struct buffer own = {0};

	append_base64url(&own, (struct bytes){exchange->account.id, ACCOUNT_ID_LEN});
	if (!own.failed && strcmp((const char *)own.data, id) == 0)
		return true;
	set_refusal(&exchange->problem, "unauthorized", "this is not the account that asks");
	return false;
}

static int update_account(struct acme_exchange *exchange, struct account_request *request,
			  struct fault *fault)
{
	struct store *store = authority_store(exchange->acme->settings.authority);
	struct acme_account *account = &exchange->account;

	if (request->has_contact) {
		if (set_account_contact(store, account, request->contact, exchange->now_s, fault) <
		    0)
			return -1;
		free(account->contact);
		account->contact = TAKE(request->contact);
	}
	if (request->deactivate) {
		if (deactivate_account(store, account, account->client, exchange->now_s, NULL,
				       fault) < 0)
			return -1;
		account->deactivated = true;
	}
	return 0;
}

int answer_account(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	CLEANUP(clear_account_request) struct account_request request = {0};
	struct bytes payload = bytes_of_buffer(&exchange->jws.payload);
	struct fault failure = {0};

	if (!is_own_account(exchange, rest))
		return 0;
	/* An empty payload asks alone: POST-as-GET (RFC 8555 section 6.3). */
	if (payload.len > 0 && parse_account_request(payload, &request, &failure) < 0)
		return set_parse_problem(
			exchange, &failure,
			failure.class == FAULT_REFUSED ? "unsupportedContact" : "malformed", fault);
	if ((request.has_contact || request.deactivate) &&
	    update_account(exchange, &request, fault) < 0)
		return -1;
	return is_refused(&exchange->problem)
		       ? 0
		       : answer_with_account(exchange, &exchange->account, fault);
}

/* The URLs of the last orders. */
struct order_urls {
	const struct acme *acme;
	const struct derived_key *key;
	struct buffer urls[ORDERS_LISTED];
	size_t count;
};

static void clear_order_urls(struct order_urls *urls)
{
	for (size_t i = 0; i < urls->count; i++)
		clear_buffer(&urls->urls[i]);
}

static int add_order_url(void *context, const struct acme_order *order, struct fault *fault)
{
	struct order_urls *urls = context;
	struct buffer *url = &urls->urls[urls->count++];

	append_format(url, "%sorder/", urls->acme->base);
	return append_token(order, TOKEN_ORDER, 0, urls->key, url, fault);
}

int answer_orders(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	struct store *store = authority_store(exchange->acme->settings.authority);
	struct derived_key keys[DERIVED_KEYS_MAX];
	CLEANUP(clear_order_urls)
	struct order_urls urls = {.acme = exchange->acme, .key = &keys[0]};
	CLEANUP(clear_buffer) struct buffer json = {0};
	size_t count;
	int result = 0;

	if (!is_own_account(exchange, rest))
		return 0;
	if (derive_order_keys(exchange, keys, &count, fault) < 0)
		return -1;
	if (count > 0)
		result = list_final_orders(store, exchange->account.id, ORDERS_LISTED,
					   add_order_url, &urls, fault);
	wipe(keys, sizeof(keys));
	if (result < 0 || format_acme_orders(urls.urls, urls.count, &json, fault) < 0)
		return -1;
	set_json_body(exchange->response, &json);
	return 0;
}

/* --- keyChange --- */

/* The inner JWS is by the new key, and says which account and which key it is to replace. */
static int check_key_change(struct acme_exchange *exchange, const struct flattened_jws *inner,
			    struct fault *fault)
{
	CLEANUP(clear_key_change) struct key_change change = {0};
	struct verdict verdict = {0};
	struct fault failure = {0};

	if (strcmp(inner->url, exchange->jws.url) != 0) {
		set_refusal(&exchange->problem, "malformed",
			    "inner JWS: url: expected that of the request");
		return 0;
	}
	if (verify_flattened_jws(inner, inner->key, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid) {
		set_refusal(&exchange->problem, "unauthorized",
			    "inner JWS: it is not signed by the new key: %s", verdict.reason);
		return 0;
	}
	if (parse_key_change(bytes_of_buffer(&inner->payload), &change, &failure) < 0)
		return set_parse_problem(exchange, &failure, "malformed", fault);
	if (strcmp(change.account, exchange->jws.kid) != 0 ||
	    !equal_bytes(public_key_spki(change.old_key), public_key_spki(exchange->account.key)))
		set_refusal(&exchange->problem, "malformed",
			    "inner JWS: expected the account and the key of the request");
	return 0;
}

static int report_conflict(struct acme_exchange *exchange, const struct public_key *key,
			   struct fault *fault)
{
	CLEANUP(clear_acme_account) struct acme_account other = {0};
	CLEANUP(clear_buffer) struct buffer url = {0};
	bool found;

	set_refusal(&exchange->problem, "conflict",
		    "the new key is another account's, or the account's key was changed meanwhile");
	if (find_account_by_key(authority_store(exchange->acme->settings.authority), key, &other,
				&found, fault) < 0)
		return -1;
	if (!found)
		return 0;
	append_account_url(exchange->acme, other.id, &url);
	if (check_buffer(&url, fault) < 0)
		return -1;
	add_response_field(exchange->response, "Location", "%s", (const char *)url.data);
	return 0;
}

int answer_key_change(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	CLEANUP(clear_flattened_jws) struct flattened_jws inner = {0};
	struct acme_account *account = &exchange->account;
	struct fault failure = {0};
	bool changed;

	(void)rest;
	if (parse_flattened_jws(bytes_of_buffer(&exchange->jws.payload), JWS_NEW_KEY, &inner,
				&failure) < 0)
		return set_parse_problem(exchange, &failure, "malformed", fault);
	if (check_key_change(exchange, &inner, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	if (change_account_key(authority_store(exchange->acme->settings.authority), account,
			       inner.key, exchange->now_s, &changed, fault) < 0)
		return -1;
	return changed ? answer_with_account(exchange, account, fault)
		       : report_conflict(exchange, inner.key, fault);
}
