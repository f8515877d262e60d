#include "common/wire/revocation.h"

#include "common/wire/claims_json.h"
#include "common/wire/serial_list.h"
#include "common/x509/revocation/crl_reason.h"

#include <stdlib.h>

int format_revocation_request(const struct revocation_request *request, struct secret *ret_json,
			      struct fault *fault)
{
	CLEANUP(free_json) json_t *object = new_request_json(&request->claims, fault);
	json_t *serials = new_serial_list_json((const uint8_t(*)[SERIAL_MAX])request->serials,
					       request->serial_count);
	int failed = json_object_set_new(object, "serials", serials);

	failed |= json_object_set_new(object, "reason",
				      json_string(format_crl_reason(request->reason)));
	return failed ? set_memory_fault(fault) : format_json(object, ret_json, fault);
}

static int parse_reason(const json_t *object, int *ret_reason, struct fault *fault)
{
	struct fault problem = {0};

	if (parse_crl_reason(get_string(object, "reason"), ret_reason, &problem) < 0)
		return set_fault(fault, FAULT_MALFORMED, "member \"reason\": %s", problem.text);
	return 0;
}

static int parse_request(const json_t *object, struct revocation_request *request,
			 struct fault *fault)
{
	static const struct member_rule rules[] = {
		REQUEST_CLAIM_RULES, {"serials", JSON_ARRAY, true}, {"reason", JSON_STRING, true}};

	if (check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_request_claims(object, &request->claims, fault) < 0 ||
	    parse_reason(object, &request->reason, fault) < 0)
		return -1;
	return parse_serial_list(json_object_get(object, "serials"), REVOCATIONS_MAX,
				 &request->serials, &request->serial_count, fault);
}

int parse_revocation_request(struct bytes json, struct revocation_request *ret_request,
			     struct request_claims *ret_claims, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_revocation_request) struct revocation_request request = {0};

	if (parse_request_object(json, "revocation request", &object, ret_claims, fault) < 0 ||
	    parse_request(object, &request, fault) < 0)
		return -1;
	*ret_claims = request.claims;
	MOVE(ret_request, request);
	return 0;
}

void clear_revocation_request(struct revocation_request *request)
{
	free(request->serials);
	*request = (struct revocation_request){0};
}

static json_t *new_member_json(const struct revoked_member *member)
{
	json_t *object = json_object();
	int failed = object == NULL;

	failed |= json_object_set_new(object, "serial", new_serial_json(member->serial));
	failed |= json_object_set_new(object, "member", json_string(member->member));
	failed |= json_object_set_new(object, "revoked_at", json_integer(member->revoked_at_s));
	failed |= json_object_set_new(object, "reason",
				      json_string(format_crl_reason(member->reason)));
	if (member->already)
		failed |= json_object_set_new(object, "already", json_true());
	if (failed)
		free_json(&object);
	return object;
}

static int add_members(json_t *object, const struct revocation_answer *answer)
{
	json_t *revoked = json_array();
	int failed = revoked == NULL;

	for (size_t i = 0; i < answer->revoked_count && !failed; i++)
		failed |= json_array_append_new(revoked, new_member_json(&answer->revoked[i]));
	return json_object_set_new(object, "revoked", revoked) | failed;
}

int format_revocation_answer(const struct revocation_answer *answer, struct secret *ret_json,
			     struct fault *fault)
{
	CLEANUP(free_json)
	json_t *object = new_answer_json(&answer->claims, &answer->refusal, fault);
	int failed = 0;

	if (object == NULL)
		return -1;
	if (!is_refused(&answer->refusal)) {
		failed |= add_members(object, answer);
		if (answer->crl_number != 0)
			failed |= json_object_set_new(object, "crl_number",
						      json_integer((json_int_t)answer->crl_number));
	}
	return failed ? set_memory_fault(fault) : format_json(object, ret_json, fault);
}

static int parse_revoked_member(const json_t *value, struct revoked_member *member,
				struct fault *fault)
{
	static const struct member_rule rules[] = {{"serial", JSON_STRING, true},
						   {"member", JSON_STRING, true},
						   {"revoked_at", JSON_INTEGER, true},
						   {"reason", JSON_STRING, true},
						   {"already", JSON_TRUE, false}};

	if (!json_is_object(value))
		return set_fault(fault, FAULT_MALFORMED, "member \"revoked\": expected objects");
	if (check_members(value, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_serial_json(json_object_get(value, "serial"), "serial", member->serial, fault) <
		    0 ||
	    copy_name(value, "member", member->member, fault) < 0 ||
	    copy_time(value, "revoked_at", &member->revoked_at_s, fault) < 0)
		return -1;
	member->already = json_object_get(value, "already") != NULL;
	return parse_reason(value, &member->reason, fault);
}

static int parse_revoked(const json_t *revoked, struct revocation_answer *answer,
			 struct fault *fault)
{
	size_t count = json_array_size(revoked);

	if (count == 0 || count > REVOCATIONS_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"revoked\": expected 1 to %d certificates, found %zu",
				 REVOCATIONS_MAX, count);
	answer->revoked = calloc(count, sizeof(*answer->revoked));
	if (answer->revoked == NULL)
		return set_memory_fault(fault);
	for (; answer->revoked_count < count; answer->revoked_count++)
		if (parse_revoked_member(json_array_get(revoked, answer->revoked_count),
					 &answer->revoked[answer->revoked_count], fault) < 0)
			return -1;
	return 0;
}

static int parse_crl_number(const json_t *object, uint64_t *ret_number, struct fault *fault)
{
	const json_t *number = json_object_get(object, "crl_number");

	if (number == NULL)
		return 0;
	if (json_integer_value(number) < 1)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"crl_number\": expected a number from 1");
	*ret_number = (uint64_t)json_integer_value(number);
	return 0;
}

static int parse_answer(struct bytes json, struct revocation_answer *answer, struct fault *fault)
{
	static const struct member_rule rules[] = {ANSWER_CLAIM_RULES,
						   REFUSAL_RULE,
						   {"revoked", JSON_ARRAY, false},
						   {"crl_number", JSON_INTEGER, false}};
	CLEANUP(free_json) json_t *object = NULL;

	if (parse_json_object(json, "revocation answer", &object, fault) < 0 ||
	    check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_answer_claims(object, &answer->claims, &answer->refusal, fault) < 0)
		return -1;
	if (is_refused(&answer->refusal))
		return 0;
	if (parse_crl_number(object, &answer->crl_number, fault) < 0)
		return -1;
	return parse_revoked(json_object_get(object, "revoked"), answer, fault);
}

int parse_revocation_answer(struct bytes json, struct revocation_answer *ret_answer,
			    struct fault *fault)
{
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};

	if (parse_answer(json, &answer, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}

void clear_revocation_answer(struct revocation_answer *answer)
{
	free(answer->revoked);
	*answer = (struct revocation_answer){0};
}
