#include "common/wire/acme_answer.h"

#include "common/base/clock.h"
#include "common/crypto/signature.h"
#include "common/layout/usages.h"
#include "common/wire/json.h"

#include <stdlib.h>
#include <string.h>

/* Takes the object, which is NULL without memory. */
static int dump_object(json_t *taken, struct buffer *ret_json, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = taken;
	CLEANUP(clear_buffer) struct buffer json = {0};
	CLEANUP(free_string) char *text = NULL;

	text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	if (text == NULL)
		return set_memory_fault(fault);
	append_format(&json, "%s\n", text);
	if (check_buffer(&json, fault) < 0)
		return -1;
	*ret_json = take_buffer(&json);
	return 0;
}

static json_t *new_time(int64_t time_s)
{
	char text[TIME_TEXT_SIZE];

	format_time(time_s, text);
	return json_string(text);
}

static json_t *new_url(const char *base, const char *path)
{
	return json_sprintf("%s%s", base, path);
}

/* Profiles are usages (draft-ietf-acme-profiles section 3). */
static json_t *new_profiles(void)
{
	static const struct {
		enum usage usage;
		const char *text;
	} rows[] = {{USE_SIGN, "signs messages and documents"},
		    {USE_CLIENT, "a client of TLS"},
		    {USE_SERVER, "a server of TLS"},
		    {USE_EMAIL, "signs e-mail"}};
	CLEANUP(free_json) json_t *profiles = json_object();
	char name[USAGES_TEXT_SIZE];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		format_usages(rows[i].usage, name);
		if (json_object_set_new(profiles, name, json_string(rows[i].text)) < 0)
			return NULL;
	}
	return TAKE(profiles);
}

int format_acme_directory(const char *base, struct buffer *ret_json, struct fault *fault)
{
	return dump_object(
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:{s:b, s:o}}", "newNonce",
			  new_url(base, "new-nonce"), "newAccount", new_url(base, "new-account"),
			  "newOrder", new_url(base, "new-order"), "revokeCert",
			  new_url(base, "revoke-cert"), "keyChange", new_url(base, "key-change"),
			  "renewalInfo", new_url(base, "renewal-info"), "meta",
			  "externalAccountRequired", 1, "profiles", new_profiles()),
		ret_json, fault);
}

static json_t *new_line_list(const char *lines)
{
	CLEANUP(free_json) json_t *list = json_array();

	for (struct bytes rest = bytes_of_string(lines); rest.len > 0;) {
		struct bytes line = cut_line(&rest);

		if (json_array_append_new(list, json_stringn((const char *)line.data, line.len)) <
		    0)
			return NULL;
	}
	return TAKE(list);
}

int format_acme_account(const struct acme_account_view *account, struct buffer *ret_json,
			struct fault *fault)
{
	return dump_object(json_pack("{s:s, s:o, s:s}", "status",
				     account->valid ? "valid" : "deactivated", "contact",
				     new_line_list(account->contact), "orders", account->orders),
			   ret_json, fault);
}

int format_acme_orders(const struct buffer *urls, size_t count, struct buffer *ret_json,
		       struct fault *fault)
{
	return dump_object(json_pack("{s:o}", "orders", new_text_list(urls, count)), ret_json,
			   fault);
}

/* "DNS:www.example" as {"type":"dns","value":"www.example"}. */
static json_t *new_identifier(const char *name)
{
	static const char dns[] = "DNS:";
	bool is_dns = strncmp(name, dns, strlen(dns)) == 0;

	return json_pack("{s:s, s:s}", "type", is_dns ? "dns" : "ip", "value",
			 strchr(name, ':') + 1);
}

static json_t *new_identifiers(const struct alt_names *names)
{
	CLEANUP(free_json) json_t *list = json_array();

	for (size_t i = 0; i < names->count; i++)
		if (json_array_append_new(list, new_identifier(names->names[i])) < 0)
			return NULL;
	return TAKE(list);
}

int format_acme_order(const struct acme_order_view *order, struct buffer *ret_json,
		      struct fault *fault)
{
	const char *profile = order->profile[0] != '\0' ? order->profile : NULL;
	const char *replaces = order->replaces[0] != '\0' ? order->replaces : NULL;

	return dump_object(json_pack("{s:s, s:o, s:o, s:o, s:s, s:s*, s:s*, s:s*}", "status",
				     order->status, "expires", new_time(order->expires_s),
				     "identifiers", new_identifiers(order->names), "authorizations",
				     new_text_list(order->authorizations, order->names->count),
				     "finalize", order->finalize, "certificate", order->certificate,
				     "profile", profile, "replaces", replaces),
			   ret_json, fault);
}

static json_t *new_problem(const struct refusal *problem)
{
	json_t *detail = json_string(problem->detail);

	/* A detail that quotes something may have been cut within a character. */
	return json_pack("{s:o, s:o}", "type",
			 json_sprintf("urn:ietf:params:acme:error:%s", problem->type), "detail",
			 detail != NULL ? detail : json_string("the request is refused"));
}

static json_t *new_challenge(const struct acme_challenge_view *challenge)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:o*, s:o*}", "type", "http-01", "url", challenge->url,
		"status", challenge->status, "token", challenge->token, "validated",
		challenge->validated_s != 0 ? new_time(challenge->validated_s) : NULL, "error",
		is_refused(challenge->problem) ? new_problem(challenge->problem) : NULL);
}

int format_acme_challenge(const struct acme_challenge_view *challenge, struct buffer *ret_json,
			  struct fault *fault)
{
	return dump_object(new_challenge(challenge), ret_json, fault);
}

int format_acme_authorization(const struct acme_authorization_view *view, struct buffer *ret_json,
			      struct fault *fault)
{
	static const char wildcard[] = "DNS:*.";
	bool is_wildcard = strncmp(view->name, wildcard, strlen(wildcard)) == 0;
	CLEANUP(free_json)
	json_t *identifier = is_wildcard ? json_pack("{s:s, s:s}", "type", "dns", "value",
						     view->name + strlen(wildcard))
					 : new_identifier(view->name);
	CLEANUP(free_json)
	json_t *challenges = view->challenge != NULL
				     ? json_pack("[o]", new_challenge(view->challenge))
				     : json_array();
	CLEANUP(free_json)
	json_t *authorization = json_pack("{s:s, s:o, s:O, s:O}", "status", view->status, "expires",
					  new_time(view->expires_s), "identifier", identifier,
					  "challenges", challenges);

	if (is_wildcard && json_object_set_new(authorization, "wildcard", json_true()) < 0)
		return set_memory_fault(fault);
	return dump_object(TAKE(authorization), ret_json, fault);
}

int format_renewal_info(int64_t start_s, int64_t end_s, struct buffer *ret_json,
			struct fault *fault)
{
	return dump_object(json_pack("{s:{s:o, s:o}}", "suggestedWindow", "start",
				     new_time(start_s), "end", new_time(end_s)),
			   ret_json, fault);
}

static json_t *new_algorithms(void)
{
	CLEANUP(free_json) json_t *list = json_array();

	for (int i = 0; i < SIGNATURE_ALGORITHM_COUNT; i++)
		if (json_array_append_new(list, json_string(format_signature_algorithm(
							(enum signature_algorithm)i))) < 0)
			return NULL;
	return TAKE(list);
}

int format_acme_problem(const struct refusal *problem, unsigned int status, struct buffer *ret_json,
			struct fault *fault)
{
	bool algorithm = strcmp(problem->type, "badSignatureAlgorithm") == 0;
	CLEANUP(free_json) json_t *object = new_problem(problem);

	if (json_object_set_new(object, "status", json_integer((json_int_t)status)) < 0 ||
	    (algorithm && json_object_set_new(object, "algorithms", new_algorithms()) < 0))
		return set_memory_fault(fault);
	return dump_object(TAKE(object), ret_json, fault);
}

unsigned int acme_status(const char *type)
{
	static const struct {
		const char *type;
		unsigned int status;
	} rows[] = {
		{"unauthorized", 403},
		{"orderNotReady", 403},
		{"externalAccountRequired", 403},
		{"rejectedIdentifier", 403},
		{"conflict", 409},
		{"alreadyReplaced", 409},
		{"notFound", 404},
		{"rateLimited", 429},
		{"serverInternal", 500},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].type, type) == 0)
			return rows[i].status;
	return 400;
}
