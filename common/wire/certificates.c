#include "common/wire/certificates.h"

#include "common/layout/manifest.h"
#include "common/wire/claims_json.h"
#include "common/x509/der.h"

#include <stdlib.h>
#include <string.h>

#define NOT_BEFORE "not_before"
#define NOT_AFTER "not_after"

static void clear_pems(struct member_pem *pems, size_t count)
{
	for (size_t i = 0; i < count; i++)
		clear_buffer(&pems[i].pem);
	free(pems);
}

void clear_certificates_request(struct certificates_request *request)
{
	clear_pems(request->members, request->count);
	*request = (struct certificates_request){0};
}

void clear_certificates_answer(struct certificates_answer *answer)
{
	clear_pems(answer->certificates, answer->certificate_count);
	free(answer->refusals);
	for (size_t i = 0; i < answer->chain_count; i++)
		clear_buffer(&answer->chain[i]);
	*answer = (struct certificates_answer){0};
}

/* {"key1":"-----BEGIN …", …} */
static json_t *new_pems_json(const struct member_pem *pems, size_t count)
{
	CLEANUP(free_json) json_t *object = json_object();

	for (size_t i = 0; i < count; i++) {
		const struct buffer *pem = &pems[i].pem;
		json_t *text = json_stringn((const char *)pem->data, pem->len);

		if (json_object_set_new(object, pems[i].name, text) < 0)
			return NULL;
	}
	return TAKE(object);
}

/*
 * Reads an object of names and PEM texts. *ret_pems and *ret_count are valid after a failure too:
 * the caller frees them.
 */
static int parse_pems(const json_t *object, struct member_pem **ret_pems, size_t *ret_count,
		      struct fault *fault)
{
	size_t count = json_object_size(object);
	const char *name;
	json_t *text;

	if (count > BATCH_SIZE_MAX)
		return set_fault(fault, FAULT_TOO_LARGE, "expected at most %d members, found %zu",
				 BATCH_SIZE_MAX, count);
	*ret_pems = calloc(count > 0 ? count : 1, sizeof(**ret_pems));
	if (*ret_pems == NULL)
		return set_memory_fault(fault);
	json_object_foreach((json_t *)(uintptr_t)object, name, text)
	{
		struct member_pem *pem = &(*ret_pems)[(*ret_count)++];

		if (!valid_name(name))
			return set_fault(fault, FAULT_MALFORMED,
					 "\"%s\": expected a name of 1 to 64 characters from A-Z "
					 "a-z 0-9 _ -",
					 name);
		if (!json_is_string(text))
			return set_fault(fault, FAULT_MALFORMED, "\"%s\": expected PEM text", name);
		memcpy(pem->name, name, strlen(name) + 1);
		append_bytes(&pem->pem, (struct bytes){(const uint8_t *)json_string_value(text),
						       json_string_length(text)});
		if (check_buffer(&pem->pem, fault) < 0)
			return -1;
	}
	return 0;
}

int format_certificates_request(const struct certificates_request *request, struct secret *ret_json,
				struct fault *fault)
{
	CLEANUP(free_json) json_t *object = new_request_json(&request->claims, fault);
	const struct window *window = &request->window;

	if (object == NULL ||
	    json_object_set_new(object, "requests",
				new_pems_json(request->members, request->count)) < 0)
		return set_memory_fault(fault);
	if (window->end_s != 0 &&
	    (json_object_set_new(object, NOT_BEFORE, json_integer(window->begin_s)) < 0 ||
	     json_object_set_new(object, NOT_AFTER, json_integer(window->end_s)) < 0))
		return set_memory_fault(fault);
	return format_json(object, ret_json, fault);
}

/* Both of its ends, or none. */
static int parse_window(const json_t *object, struct window *window, struct fault *fault)
{
	const json_t *begin = json_object_get(object, NOT_BEFORE);
	const json_t *end = json_object_get(object, NOT_AFTER);

	if (begin == NULL && end == NULL)
		return 0;
	if (begin == NULL || end == NULL)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected " NOT_BEFORE " and " NOT_AFTER ", or neither");
	window->begin_s = json_integer_value(begin);
	window->end_s = json_integer_value(end);
	if (window->begin_s >= 0 && window->begin_s < window->end_s &&
	    window->end_s <= DER_TIME_MAX_S)
		return 0;
	return set_fault(fault, FAULT_MALFORMED,
			 NOT_BEFORE ": expected a time before " NOT_AFTER " and the year 10000");
}

static int parse_request(const json_t *object, struct certificates_request *request,
			 struct fault *fault)
{
	static const struct member_rule rules[] = {REQUEST_CLAIM_RULES,
						   {"requests", JSON_OBJECT, true},
						   {NOT_BEFORE, JSON_INTEGER, false},
						   {NOT_AFTER, JSON_INTEGER, false}};

	if (check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_request_claims(object, &request->claims, fault) < 0 ||
	    parse_window(object, &request->window, fault) < 0)
		return -1;
	if (parse_pems(json_object_get(object, "requests"), &request->members, &request->count,
		       fault) < 0)
		return prefix_fault(fault, "requests");
	if (request->count == 0)
		return set_fault(fault, FAULT_MALFORMED, "requests: expected at least one");
	return 0;
}

int parse_certificates_request(struct bytes json, struct certificates_request *ret_request,
			       struct request_claims *ret_claims, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};

	if (parse_request_object(json, "certificates request", &object, ret_claims, fault) < 0 ||
	    parse_request(object, &request, fault) < 0)
		return -1;
	*ret_claims = request.claims;
	MOVE(ret_request, request);
	return 0;
}

static json_t *new_refusals_json(const struct member_refusal *refusals, size_t count)
{
	CLEANUP(free_json) json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		if (json_object_set_new(object, refusals[i].name,
					new_refusal_json(&refusals[i].refusal)) < 0)
			return NULL;
	return TAKE(object);
}

int format_certificates_answer(const struct certificates_answer *answer, struct secret *ret_json,
			       struct fault *fault)
{
	CLEANUP(free_json)
	json_t *object = new_answer_json(&answer->claims, &answer->refusal, fault);

	if (object == NULL)
		return -1;
	if (is_refused(&answer->refusal))
		return format_json(object, ret_json, fault);
	if (json_object_set_new(object, "certificates",
				new_pems_json(answer->certificates, answer->certificate_count)) <
		    0 ||
	    json_object_set_new(object, "errors",
				new_refusals_json(answer->refusals, answer->refusal_count)) < 0)
		return set_memory_fault(fault);
	if (answer->chain_count > 0 &&
	    json_object_set_new(object, "chain",
				new_text_list(answer->chain, answer->chain_count)) < 0)
		return set_memory_fault(fault);
	return format_json(object, ret_json, fault);
}

static int parse_refusals(const json_t *object, struct certificates_answer *answer,
			  struct fault *fault)
{
	size_t count = json_object_size(object);
	const char *name;
	json_t *refusal;

	if (count > BATCH_SIZE_MAX)
		return set_fault(fault, FAULT_TOO_LARGE, "expected at most %d members, found %zu",
				 BATCH_SIZE_MAX, count);
	answer->refusals = calloc(count > 0 ? count : 1, sizeof(*answer->refusals));
	if (answer->refusals == NULL)
		return set_memory_fault(fault);
	json_object_foreach((json_t *)(uintptr_t)object, name, refusal)
	{
		struct member_refusal *member = &answer->refusals[answer->refusal_count++];

		if (!valid_name(name) || !json_is_object(refusal))
			return set_fault(fault, FAULT_MALFORMED,
					 "\"%s\": expected a member's name and an object", name);
		memcpy(member->name, name, strlen(name) + 1);
		if (parse_refusal(refusal, &member->refusal, fault) < 0)
			return prefix_fault(fault, "%s", name);
	}
	return 0;
}

/* An empty chain is an absent member, not an empty array. */
static int parse_chain(const json_t *array, struct certificates_answer *answer, struct fault *fault)
{
	size_t count = json_array_size(array);

	if (count < 1 || count > ANSWER_CHAIN_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "chain: expected 1 to %d certificates, found %zu",
				 ANSWER_CHAIN_MAX, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *text = json_array_get(array, i);
		struct buffer *pem = &answer->chain[answer->chain_count++];

		if (!json_is_string(text))
			return set_fault(fault, FAULT_MALFORMED,
					 "chain: certificate %zu: expected PEM text", i + 1);
		append_bytes(pem, (struct bytes){(const uint8_t *)json_string_value(text),
						 json_string_length(text)});
		if (check_buffer(pem, fault) < 0)
			return -1;
	}
	return 0;
}

static int parse_answer(struct bytes json, struct certificates_answer *answer, struct fault *fault)
{
	static const struct member_rule rules[] = {ANSWER_CLAIM_RULES,
						   REFUSAL_RULE,
						   {"certificates", JSON_OBJECT, false},
						   {"errors", JSON_OBJECT, false},
						   {"chain", JSON_ARRAY, false}};
	CLEANUP(free_json) json_t *object = NULL;

	if (parse_json_object(json, "certificates answer", &object, fault) < 0 ||
	    check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_answer_claims(object, &answer->claims, &answer->refusal, fault) < 0)
		return -1;
	if (is_refused(&answer->refusal))
		return 0;
	if (json_object_get(object, "certificates") == NULL)
		return set_fault(fault, FAULT_MALFORMED, "expected a member \"certificates\"");
	if (parse_pems(json_object_get(object, "certificates"), &answer->certificates,
		       &answer->certificate_count, fault) < 0)
		return prefix_fault(fault, "certificates");
	if (json_object_get(object, "errors") != NULL &&
	    parse_refusals(json_object_get(object, "errors"), answer, fault) < 0)
		return prefix_fault(fault, "errors");
	if (json_object_get(object, "chain") != NULL)
		return parse_chain(json_object_get(object, "chain"), answer, fault);
	return 0;
}

int parse_certificates_answer(struct bytes json, struct certificates_answer *ret_answer,
			      struct fault *fault)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	if (parse_answer(json, &answer, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}
