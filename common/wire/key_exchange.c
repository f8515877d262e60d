#include "common/wire/key_exchange.h"

#include "common/wire/claims_json.h"

static int add_successor(json_t *object, const struct successor *successor, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};
	CLEANUP(free_json) json_t *key = NULL;

	if (!successor->present)
		return 0;
	if (format_shared_key(&successor->key, &jwk, fault) < 0 ||
	    parse_json_object(bytes_of_secret(&jwk), "shared key", &key, fault) < 0)
		return -1;
	if (json_object_set(object, "key", key) < 0 ||
	    json_object_set_new(object, "old_ends", json_integer(successor->old_ends_s)) < 0)
		return set_memory_fault(fault);
	return 0;
}

static int parse_successor(const json_t *object, struct successor *successor, struct fault *fault)
{
	const json_t *key = json_object_get(object, "key");
	CLEANUP(clear_secret) struct secret jwk = {0};

	successor->present = key != NULL;
	if (successor->present != (json_object_get(object, "old_ends") != NULL))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected the members \"key\" and \"old_ends\" together");
	if (!successor->present)
		return 0;
	if (copy_time(object, "old_ends", &successor->old_ends_s, fault) < 0 ||
	    format_json(key, &jwk, fault) < 0 ||
	    parse_shared_key(bytes_of_secret(&jwk), &successor->key, fault) < 0)
		return -1;
	if (successor->key.ends_s != 0)
		return set_fault(fault, FAULT_MALFORMED, "key: expected one without exp");
	return 0;
}

int format_key_request(const struct key_request *request, struct secret *ret_json,
		       struct fault *fault)
{
	CLEANUP(free_json) json_t *object = new_request_json(&request->claims, fault);

	if (object == NULL || add_successor(object, &request->offer, fault) < 0)
		return -1;
	return format_json(object, ret_json, fault);
}

int parse_key_request(struct bytes json, struct key_request *ret_request,
		      struct request_claims *ret_claims, struct fault *fault)
{
	static const struct member_rule rules[] = {REQUEST_CLAIM_RULES,
						   {"key", JSON_OBJECT, false},
						   {"old_ends", JSON_INTEGER, false}};
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_key_request) struct key_request request = {0};

	if (parse_request_object(json, "key request", &object, ret_claims, fault) < 0 ||
	    check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_request_claims(object, &request.claims, fault) < 0 ||
	    parse_successor(object, &request.offer, fault) < 0)
		return -1;
	*ret_claims = request.claims;
	*ret_request = request;
	return 0;
}

int format_key_answer(const struct key_answer *answer, struct secret *ret_json, struct fault *fault)
{
	CLEANUP(free_json)
	json_t *object = new_answer_json(&answer->claims, &answer->refusal, fault);

	if (object == NULL || add_successor(object, &answer->successor, fault) < 0)
		return -1;
	return format_json(object, ret_json, fault);
}

int parse_key_answer(struct bytes json, struct key_answer *ret_answer, struct fault *fault)
{
	static const struct member_rule rules[] = {ANSWER_CLAIM_RULES,
						   REFUSAL_RULE,
						   {"key", JSON_OBJECT, false},
						   {"old_ends", JSON_INTEGER, false}};
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_key_answer) struct key_answer answer = {0};

	if (parse_json_object(json, "key answer", &object, fault) < 0 ||
	    check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_answer_claims(object, &answer.claims, &answer.refusal, fault) < 0 ||
	    parse_successor(object, &answer.successor, fault) < 0)
		return -1;
	*ret_answer = answer;
	return 0;
}

void clear_key_request(struct key_request *request)
{
	clear_shared_key(&request->offer.key);
}

void clear_key_answer(struct key_answer *answer)
{
	clear_shared_key(&answer->successor.key);
}
