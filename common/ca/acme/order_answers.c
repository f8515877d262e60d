#include "common/ca/acme/exchange.h"

#include "common/base/hex.h"
#include "common/base/random.h"
#include "common/ca/issue/certify_foreign.h"
#include "common/ca/signer/policy.h"
#include "common/wire/acme_answer.h"
#include "common/x509/distinguished_name.h"

#include <stdio.h>
#include <string.h>

enum { COMMON_NAMES_MAX = 8 };

/* --- the order as an answer --- */

/* What the URLs of an order are made of. */
struct order_text {
	struct buffer url;
	struct buffer finalize;
	struct buffer certificate;
	struct buffer authorizations[ACME_NAMES_MAX];
	size_t count;
};

static void clear_order_text(struct order_text *text)
{
	clear_buffer(&text->url);
	clear_buffer(&text->finalize);
	clear_buffer(&text->certificate);
	for (size_t i = 0; i < text->count; i++)
		clear_buffer(&text->authorizations[i]);
}

static int append_order_urls(const char *base, const struct acme_order *order,
			     const struct derived_key *key, struct order_text *text,
			     struct fault *fault)
{
	append_format(&text->url, "%sorder/", base);
	if (append_token(order, TOKEN_ORDER, 0, key, &text->url, fault) < 0)
		return -1;
	append_format(&text->finalize, "%s/finalize", (const char *)text->url.data);
	for (text->count = 0; text->count < order->request.names.count;) {
		struct buffer *authorization = &text->authorizations[text->count];

		append_format(authorization, "%sauthorization/", base);
		if (append_token(order, TOKEN_AUTHORIZATION, text->count++, key, authorization,
				 fault) < 0)
			return -1;
	}
	return check_buffer(&text->finalize, fault);
}

static int fill_order_text(const struct acme_exchange *exchange, const struct acme_order *order,
			   struct order_text *text, struct fault *fault)
{
	struct derived_key keys[DERIVED_KEYS_MAX];
	size_t count;
	int result;

	if (derive_order_keys(exchange, keys, &count, fault) < 0)
		return -1;
	if (count == 0)
		return set_fault(fault, FAULT_REFUSED,
				 "the CA shares no key with the client \"%s\" any more",
				 exchange->account.client);
	result = append_order_urls(exchange->acme->base, order, &keys[0], text, fault);
	wipe(keys, sizeof(keys));
	return result;
}

/* RFC 8555 section 7.1.6. serial NULL: the order is not final. */
static int name_order_status(const struct acme_exchange *exchange, const struct acme_order *order,
			     const uint8_t *serial, const char **ret_status, struct fault *fault)
{
	static const char *const names[] = {[CHALLENGE_PENDING] = "pending",
					    [CHALLENGE_PROCESSING] = "pending",
					    [CHALLENGE_VALID] = "ready",
					    [CHALLENGE_INVALID] = "invalid"};
	enum challenge_state state = CHALLENGE_VALID;

	if (serial == NULL && find_order_state(exchange, order, &state, fault) < 0)
		return -1;
	*ret_status = serial != NULL ? "valid" : names[state];
	return 0;
}

/* serial NULL: the order is not final. */
static int answer_with_order(struct acme_exchange *exchange, const struct acme_order *order,
			     const uint8_t *serial, struct fault *fault)
{
	CLEANUP(clear_order_text) struct order_text text = {0};
	CLEANUP(clear_buffer) struct buffer json = {0};
	struct fault failure = {0};
	const char *status;

	if (name_order_status(exchange, order, serial, &status, fault) < 0)
		return -1;
	if (fill_order_text(exchange, order, &text, &failure) < 0)
		return set_parse_problem(
			exchange, &failure,
			failure.class == FAULT_TOO_LARGE ? "malformed" : "unauthorized", fault);
	if (serial != NULL) {
		append_format(&text.certificate, "%scertificate/", exchange->acme->base);
		append_hex(&text.certificate, (struct bytes){serial, SERIAL_MAX});
		if (check_buffer(&text.certificate, fault) < 0)
			return -1;
	}
	const struct acme_order_view view = {
		.status = status,
		.expires_s = order->expires_s,
		.names = &order->request.names,
		.authorizations = text.authorizations,
		.finalize = (const char *)text.finalize.data,
		.certificate = (const char *)text.certificate.data,
		.profile = order->request.profile,
		.replaces = order->request.replaces,
	};

	if (format_acme_order(&view, &json, fault) < 0)
		return -1;
	add_response_field(exchange->response, "Location", "%s", (const char *)text.url.data);
	set_json_body(exchange->response, &json);
	return 0;
}

/* --- newOrder --- */

/* A profile is one usage, or several with commas (draft-ietf-acme-profiles). */
static unsigned int read_profile(const char *profile)
{
	struct fault ignored = {0};
	unsigned int usages = 0;

	if (profile[0] != '\0' && parse_usage_list(profile, &usages, &ignored) < 0)
		return 0;
	return usages;
}

static void check_profile_name(const struct client *client, const char *profile,
			       struct refusal *refusal)
{
	char allowed[USAGES_TEXT_SIZE];
	unsigned int usages = read_profile(profile);

	if (profile[0] == '\0' || (usages != 0 && (usages & ~client->policy.usages) == 0))
		return;
	format_usages(client->policy.usages, allowed);
	set_refusal(refusal, "profile", "profile: expected usages of \"%s\", found \"%.64s\"",
		    allowed, profile);
}

int check_by_policy(struct acme_exchange *exchange, const struct order_request *request,
		    struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};
	struct refusal refusal = {0};

	if (read_acme_client(exchange, exchange->account.client, &client, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	check_policy_names(&client, &request->names, &refusal);
	if (is_refused(&refusal))
		(void)snprintf(refusal.type, sizeof(refusal.type), "names");
	else
		check_profile_name(&client, request->profile, &refusal);
	return is_refused(&refusal) ? refuse_client(exchange, client.name, &refusal, fault) : 0;
}

/* RFC 8555 section 8.3: a host can show its own name alone. */
static void check_challenged_names(struct acme_exchange *exchange, const struct alt_names *names)
{
	for (size_t i = 0; i < names->count && is_account_challenged(exchange); i++)
		if (strncmp(names->names[i], "DNS:*.", 6) == 0)
			set_refusal(&exchange->problem, "rejectedIdentifier",
				    "%.256s: expected no wildcard, as the client \"%s\" has to "
				    "show by http-01 that it has its names",
				    names->names[i] + 4, exchange->account.client);
}

static int check_order(struct acme_exchange *exchange, const struct order_request *request,
		       struct fault *fault)
{
	check_challenged_names(exchange, &request->names);
	if (is_refused(&exchange->problem))
		return 0;
	if (check_replaced(exchange, request, fault) < 0)
		return -1;
	return is_refused(&exchange->problem) ? 0 : check_by_policy(exchange, request, fault);
}

int answer_new_order(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	CLEANUP(clear_acme_order)
	struct acme_order order = {.expires_s = exchange->now_s + (is_account_challenged(exchange)
									   ? CHALLENGED_VALIDITY_S
									   : ORDER_VALIDITY_S)};
	struct fault failure = {0};

	(void)rest;
	if (parse_order_request(bytes_of_buffer(&exchange->jws.payload), &order.request, &failure) <
	    0)
		return set_parse_problem(exchange, &failure,
					 failure.class == FAULT_REFUSED ? "unsupportedIdentifier"
									: "malformed",
					 fault);
	if (check_order(exchange, &order.request, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	memcpy(order.account, exchange->account.id, ACCOUNT_ID_LEN);
	if (fill_random(order.id, ORDER_ID_LEN, fault) < 0)
		return -1;
	exchange->response->status = 201;
	return answer_with_order(exchange, &order, NULL, fault);
}

/* --- an order --- */

static int find_certificate(const struct acme_exchange *exchange, const struct acme_order *order,
			    uint8_t ret_serial[static SERIAL_MAX], bool *ret_found,
			    struct fault *fault)
{
	return find_final_order(authority_store(exchange->acme->settings.authority), order->id,
				ret_serial, ret_found, fault);
}

int answer_order(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	CLEANUP(clear_acme_order) struct acme_order order = {0};
	uint8_t serial[SERIAL_MAX];
	bool found;

	if (read_token(exchange, TOKEN_ORDER, rest, &order, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	if (find_certificate(exchange, &order, serial, &found, fault) < 0)
		return -1;
	return answer_with_order(exchange, &order, found ? serial : NULL, fault);
}

/* --- finalize --- */

/* A commonName is a name like the alternative names (RFC 8555 section 7.4). */
static int add_common_names(const struct csr *csr, struct alt_names *names, struct fault *fault)
{
	struct bytes values[COMMON_NAMES_MAX];
	size_t count = find_common_names(csr_subject_der(csr), values, COMMON_NAMES_MAX);

	if (count > COMMON_NAMES_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "request: expected at most %d common names, found %zu",
				 COMMON_NAMES_MAX, count);
	for (size_t i = 0; i < count; i++) {
		char dns[ALT_NAME_MAX + 1];
		char ip[ALT_NAME_MAX + 1];
		struct fault ignored = {0};

		(void)snprintf(ip, sizeof(ip), "IP:%.*s", (int)values[i].len,
			       (const char *)values[i].data);
		(void)snprintf(dns, sizeof(dns), "DNS:%.*s", (int)values[i].len,
			       (const char *)values[i].data);
		if (add_acme_name(names, ip, &ignored) < 0 && add_acme_name(names, dns, fault) < 0)
			return prefix_fault(fault, "request: common name");
	}
	return 0;
}

/* Exactly the names of the order, as subject or as alternative names. */
static int check_csr_names(const struct csr *csr, const struct alt_names *expected,
			   struct fault *fault)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	const struct alt_names *requested = csr_alt_names(csr);

	for (size_t i = 0; i < requested->count; i++)
		if (add_acme_name(&names, requested->names[i], fault) < 0)
			return -1;
	if (add_common_names(csr, &names, fault) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (!has_alt_name(expected, names.names[i]))
			return set_fault(fault, FAULT_MALFORMED,
					 "request: \"%.256s\" is no identifier of the order",
					 names.names[i]);
	for (size_t i = 0; i < expected->count; i++)
		if (!has_alt_name(&names, expected->names[i]))
			return set_fault(fault, FAULT_MALFORMED,
					 "request: expected the identifier \"%.256s\" of the order "
					 "among its names, found it not",
					 expected->names[i]);
	return 0;
}

/* Reads the request for the order's certificate. */
static int read_order_csr(const struct acme_exchange *exchange, const struct acme_order *order,
			  struct bytes der, struct csr **ret_csr, struct fault *fault)
{
	CLEANUP(free_csr) struct csr *csr = NULL;

	if (parse_acme_csr(der, &csr, fault) < 0 ||
	    check_csr_names(csr, &order->request.names, fault) < 0)
		return -1;
	/* RFC 8555 section 11.1. */
	if (equal_bytes(public_key_spki(csr_public_key(csr)),
			public_key_spki(exchange->account.key)))
		return set_fault(fault, FAULT_REFUSED,
				 "request: expected another key than the account's");
	*ret_csr = TAKE(csr);
	return 0;
}

static int refuse_csr(struct acme_exchange *exchange, const struct fault *failure,
		      struct fault *fault)
{
	struct refusal refusal = {0};

	return refuse_for_fault(failure, "bad_request", &refusal, fault) < 0
		       ? -1
		       : refuse_client(exchange, exchange->account.client, &refusal, fault);
}

/* A request may lose against another one for the same order, also one that did the same before the
   record's database went away. What is for the same key has the same answer. */
static int answer_finished(struct acme_exchange *exchange, const struct acme_order *order,
			   const struct csr *csr, const uint8_t *serial, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	uint8_t key_sha256[SHA256_LEN];
	bool found;

	public_key_sha256(csr_public_key(csr), key_sha256);
	if (find_by_serial(authority_store(exchange->acme->settings.authority), serial, &record,
			   &found, fault) < 0)
		return -1;
	if (found && memcmp(record.key_sha256, key_sha256, SHA256_LEN) == 0)
		return answer_with_order(exchange, order, serial, fault);
	set_refusal(&exchange->problem, "orderNotReady",
		    "the order is valid: its certificate is there, for another key");
	return 0;
}

static int certify_order(struct acme_exchange *exchange, struct acme_order *order,
			 const struct csr *csr, struct fault *fault)
{
	const struct foreign_request request = {.client = exchange->account.client,
						.csr = csr,
						.prefix = "acme",
						.names = &order->request.names,
						.usages = read_profile(order->request.profile),
						.new_key = true,
						.beside = record_order,
						.beside_context = order};
	CLEANUP(clear_foreign_answer) struct foreign_answer answer = {0};
	uint8_t serial[SERIAL_MAX];
	struct fault failure = {0};
	bool found;
	int result = certify_foreign(exchange->acme->settings.authority, &request, exchange->now_s,
				     &answer, &failure);

	/* record_order's: the order is another request's. */
	if (result < 0 && failure.class != FAULT_REFUSED)
		return pass_fault(&failure, fault);
	if (result == 0 && !is_refused(&answer.refusal)) {
		log_acme(exchange, request.client, "certified 1");
		return answer_with_order(exchange, order, answer.serial, fault);
	}
	if (find_certificate(exchange, order, serial, &found, fault) < 0)
		return -1;
	if (found)
		return answer_finished(exchange, order, csr, serial, fault);
	return result < 0 ? set_parse_problem(exchange, &failure, "orderNotReady", fault)
			  : refuse_client(exchange, request.client, &answer.refusal, fault);
}

/* The exchange has a problem unless the order's names have been validated. */
static int check_validated(struct acme_exchange *exchange, const struct acme_order *order,
			   struct fault *fault)
{
	enum challenge_state state;

	if (find_order_state(exchange, order, &state, fault) < 0)
		return -1;
	if (state == CHALLENGE_INVALID)
		set_refusal(&exchange->problem, "orderNotReady",
			    "the order is invalid, as one of its authorizations is: make a new "
			    "one");
	else if (state != CHALLENGE_VALID)
		set_refusal(&exchange->problem, "orderNotReady",
			    "the order is pending: its authorizations are to be valid first");
	return 0;
}

int answer_finalize(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	CLEANUP(clear_acme_order) struct acme_order order = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_csr) struct csr *csr = NULL;
	uint8_t serial[SERIAL_MAX];
	struct fault failure = {0};
	bool found;

	if (read_token(exchange, TOKEN_ORDER, rest, &order, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	if (find_certificate(exchange, &order, serial, &found, fault) < 0)
		return -1;
	if (found) {
		set_refusal(&exchange->problem, "orderNotReady",
			    "the order is valid: its certificate is there");
		return 0;
	}
	if (check_validated(exchange, &order, fault) < 0)
		return -1;
	if (is_refused(&exchange->problem))
		return 0;
	if (parse_finalize_request(bytes_of_buffer(&exchange->jws.payload), &der, &failure) < 0)
		return set_parse_problem(exchange, &failure, "malformed", fault);
	if (read_order_csr(exchange, &order, bytes_of_buffer(&der), &csr, &failure) < 0)
		return refuse_csr(exchange, &failure, fault);
	if (check_by_policy(exchange, &order.request, fault) < 0)
		return -1;
	return is_refused(&exchange->problem) ? 0 : certify_order(exchange, &order, csr, fault);
}
