#include "common/wire/roots.h"

#include "common/base/hex.h"
#include "common/wire/claims_json.h"

#include <string.h>

enum { DIGEST_TEXT_SIZE = 2 * SHA256_LEN + 1 };

int format_roots_request(const struct roots_request *request, struct secret *ret_json,
			 struct fault *fault)
{
	CLEANUP(free_json) json_t *object = new_request_json(&request->claims, fault);
	json_t *list = json_array();
	int failed = object == NULL || list == NULL;

	for (size_t i = 0; i < request->count && !failed; i++) {
		char text[DIGEST_TEXT_SIZE];

		format_hex((struct bytes){request->sha256[i], SHA256_LEN}, text);
		failed |= json_array_append_new(list, json_string(text));
	}
	failed |= json_object_set_new(object, "roots", list);
	return failed ? set_memory_fault(fault) : format_json(object, ret_json, fault);
}

static int parse_digests(const json_t *list, struct roots_request *request, struct fault *fault)
{
	size_t count = json_array_size(list);

	if (count < 1 || count > ROOTS_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "roots: expected 1 to %d digests, found %zu", ROOTS_MAX, count);
	for (; request->count < count; request->count++) {
		const char *text = json_string_value(json_array_get(list, request->count));

		if (text == NULL || !parse_hex(text, request->sha256[request->count], SHA256_LEN))
			return set_fault(fault, FAULT_MALFORMED,
					 "roots: expected %d lower-case hex digits",
					 DIGEST_TEXT_SIZE - 1);
	}
	return 0;
}

int parse_roots_request(struct bytes json, struct roots_request *ret_request,
			struct request_claims *ret_claims, struct fault *fault)
{
	static const struct member_rule rules[] = {REQUEST_CLAIM_RULES,
						   {"roots", JSON_ARRAY, true}};
	CLEANUP(free_json) json_t *object = NULL;
	struct roots_request request = {0};

	if (parse_request_object(json, "roots request", &object, ret_claims, fault) < 0 ||
	    check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_request_claims(object, &request.claims, fault) < 0 ||
	    parse_digests(json_object_get(object, "roots"), &request, fault) < 0)
		return -1;
	*ret_claims = request.claims;
	*ret_request = request;
	return 0;
}

int format_roots_answer(const struct roots_answer *answer, struct secret *ret_json,
			struct fault *fault)
{
	CLEANUP(free_json)
	json_t *object = new_answer_json(&answer->claims, &answer->refusal, fault);

	if (object == NULL)
		return -1;
	if (is_refused(&answer->refusal))
		return format_json(object, ret_json, fault);
	if (json_object_set_new(object, "roots", new_text_list(answer->roots, answer->root_count)) <
		    0 ||
	    json_object_set_new(object, "cross",
				new_text_list(answer->cross, answer->cross_count)) < 0)
		return set_memory_fault(fault);
	return format_json(object, ret_json, fault);
}

static int parse_pem_list(const json_t *object, const char *name, size_t least, size_t most,
			  struct buffer *pems, size_t *ret_count, struct fault *fault)
{
	const json_t *list = json_object_get(object, name);
	size_t count = json_array_size(list);

	if (list == NULL || count < least || count > most)
		return set_fault(fault, FAULT_MALFORMED,
				 "%s: expected %zu to %zu certificates, found %zu", name, least,
				 most, count);
	while (*ret_count < count) {
		const json_t *text = json_array_get(list, *ret_count);
		struct buffer *pem = &pems[(*ret_count)++];

		if (!json_is_string(text))
			return set_fault(fault, FAULT_MALFORMED, "%s: expected PEM text", name);
		append_bytes(pem, (struct bytes){(const uint8_t *)json_string_value(text),
						 json_string_length(text)});
		if (check_buffer(pem, fault) < 0)
			return -1;
	}
	return 0;
}

/* What a newer CA says beside that is not for this client. */
static void drop_others(json_t *object, const struct member_rule *rules, size_t rule_count)
{
	void *next = NULL;
	const char *name;
	json_t *value;

	json_object_foreach_safe(object, next, name, value)
	{
		bool known = false;

		for (size_t i = 0; i < rule_count; i++)
			known = known || strcmp(rules[i].name, name) == 0;
		if (!known)
			(void)json_object_del(object, name);
	}
}

int parse_roots_answer(struct bytes json, struct roots_answer *ret_answer, struct fault *fault)
{
	static const struct member_rule rules[] = {ANSWER_CLAIM_RULES,
						   REFUSAL_RULE,
						   {"roots", JSON_ARRAY, false},
						   {"cross", JSON_ARRAY, false}};
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_roots_answer) struct roots_answer answer = {0};

	if (parse_json_object(json, "roots answer", &object, fault) < 0)
		return -1;
	drop_others(object, rules, COUNT_OF(rules));
	if (check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_answer_claims(object, &answer.claims, &answer.refusal, fault) < 0)
		return -1;
	if (!is_refused(&answer.refusal) &&
	    (parse_pem_list(object, "roots", 1, ROOTS_MAX, answer.roots, &answer.root_count,
			    fault) < 0 ||
	     parse_pem_list(object, "cross", 0, CROSS_CERTIFICATES_MAX, answer.cross,
			    &answer.cross_count, fault) < 0))
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}

void clear_roots_answer(struct roots_answer *answer)
{
	for (size_t i = 0; i < answer->root_count; i++)
		clear_buffer(&answer->roots[i]);
	for (size_t i = 0; i < answer->cross_count; i++)
		clear_buffer(&answer->cross[i]);
	*answer = (struct roots_answer){0};
}
