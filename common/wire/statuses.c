#include "common/wire/statuses.h"

#include "common/wire/claims_json.h"
#include "common/wire/serial_list.h"
#include "common/x509/revocation/crl_reason.h"

#include <stdlib.h>

int format_statuses_request(const struct statuses_request *request, struct secret *ret_json,
			    struct fault *fault)
{
	CLEANUP(free_json) json_t *object = new_request_json(&request->claims, fault);
	json_t *serials = new_serial_list_json((const uint8_t(*)[SERIAL_MAX])request->serials,
					       request->serial_count);

	if (json_object_set_new(object, "serials", serials) < 0)
		return set_memory_fault(fault);
	return format_json(object, ret_json, fault);
}

static int parse_request(const json_t *object, struct statuses_request *request,
			 struct fault *fault)
{
	static const struct member_rule rules[] = {REQUEST_CLAIM_RULES,
						   {"serials", JSON_ARRAY, true}};

	if (check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_request_claims(object, &request->claims, fault) < 0)
		return -1;
	return parse_serial_list(json_object_get(object, "serials"), STATUSES_MAX,
				 &request->serials, &request->serial_count, fault);
}

int parse_statuses_request(struct bytes json, struct statuses_request *ret_request,
			   struct request_claims *ret_claims, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_statuses_request) struct statuses_request request = {0};

	if (parse_request_object(json, "statuses request", &object, ret_claims, fault) < 0 ||
	    parse_request(object, &request, fault) < 0)
		return -1;
	*ret_claims = request.claims;
	MOVE(ret_request, request);
	return 0;
}

void clear_statuses_request(struct statuses_request *request)
{
	free(request->serials);
	*request = (struct statuses_request){0};
}

static json_t *new_revoked_json(const struct statuses_answer *answer)
{
	json_t *list = json_array();
	int failed = list == NULL;

	for (size_t i = 0; i < answer->revoked_count && !failed; i++) {
		const struct revoked_serial *revoked = &answer->revoked[i];
		json_t *object = json_object();

		failed |= json_object_set_new(object, "serial", new_serial_json(revoked->serial));
		failed |= json_object_set_new(object, "revoked_at",
					      json_integer(revoked->revoked_at_s));
		failed |= json_object_set_new(object, "reason",
					      json_string(format_crl_reason(revoked->reason)));
		failed |= json_array_append_new(list, object);
	}
	if (failed)
		free_json(&list);
	return list;
}

int format_statuses_answer(const struct statuses_answer *answer, struct secret *ret_json,
			   struct fault *fault)
{
	CLEANUP(free_json)
	json_t *object = new_answer_json(&answer->claims, &answer->refusal, fault);
	char endpoint[ENDPOINT_TEXT_SIZE];
	int failed = 0;

	if (object == NULL)
		return -1;
	format_endpoint(&answer->endpoint, endpoint);
	if (!is_refused(&answer->refusal) && answer->endpoint.host[0] != '\0')
		failed |= json_object_set_new(object, "endpoint", json_string(endpoint));
	if (!is_refused(&answer->refusal)) {
		failed |= json_object_set_new(object, "revoked", new_revoked_json(answer));
		failed |= json_object_set_new(
			object, "unknown",
			new_serial_list_json((const uint8_t(*)[SERIAL_MAX])answer->unknown,
					     answer->unknown_count));
	}
	return failed ? set_memory_fault(fault) : format_json(object, ret_json, fault);
}

static int parse_revoked(const json_t *value, struct revoked_serial *revoked, struct fault *fault)
{
	static const struct member_rule rules[] = {{"serial", JSON_STRING, true},
						   {"revoked_at", JSON_INTEGER, true},
						   {"reason", JSON_STRING, true}};
	struct fault problem = {0};

	if (!json_is_object(value))
		return set_fault(fault, FAULT_MALFORMED, "member \"revoked\": expected objects");
	if (check_members(value, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_serial_json(json_object_get(value, "serial"), "serial", revoked->serial, fault) <
		    0 ||
	    copy_time(value, "revoked_at", &revoked->revoked_at_s, fault) < 0)
		return -1;
	if (parse_crl_reason(get_string(value, "reason"), &revoked->reason, &problem) < 0)
		return set_fault(fault, FAULT_MALFORMED, "member \"reason\": %s", problem.text);
	return 0;
}

static int parse_lists(const json_t *object, struct statuses_answer *answer, struct fault *fault)
{
	const json_t *revoked = json_object_get(object, "revoked");
	const json_t *unknown = json_object_get(object, "unknown");
	size_t count = json_array_size(revoked);

	if (revoked == NULL || unknown == NULL || count > STATUSES_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected the members \"revoked\" and \"unknown\", of at most %d "
				 "certificates",
				 STATUSES_MAX);
	answer->revoked = calloc(count + 1, sizeof(*answer->revoked));
	if (answer->revoked == NULL)
		return set_memory_fault(fault);
	for (; answer->revoked_count < count; answer->revoked_count++)
		if (parse_revoked(json_array_get(revoked, answer->revoked_count),
				  &answer->revoked[answer->revoked_count], fault) < 0)
			return -1;
	if (json_array_size(unknown) == 0)
		return 0;
	return parse_serial_list(unknown, STATUSES_MAX, &answer->unknown, &answer->unknown_count,
				 fault);
}

static int parse_place(const char *text, struct endpoint *ret_endpoint, struct fault *fault)
{
	struct fault problem = {0};

	if (text == NULL || parse_endpoint(text, ret_endpoint, &problem) == 0)
		return 0;
	return set_fault(fault, FAULT_MALFORMED, "member \"endpoint\": %s", problem.text);
}

int parse_statuses_answer(struct bytes json, struct statuses_answer *ret_answer,
			  struct fault *fault)
{
	static const struct member_rule rules[] = {ANSWER_CLAIM_RULES,
						   REFUSAL_RULE,
						   {"revoked", JSON_ARRAY, false},
						   {"unknown", JSON_ARRAY, false},
						   {"endpoint", JSON_STRING, false}};
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_statuses_answer) struct statuses_answer answer = {0};

	if (parse_json_object(json, "statuses answer", &object, fault) < 0 ||
	    check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_answer_claims(object, &answer.claims, &answer.refusal, fault) < 0)
		return -1;
	if (!is_refused(&answer.refusal) &&
	    (parse_lists(object, &answer, fault) < 0 ||
	     parse_place(get_string(object, "endpoint"), &answer.endpoint, fault) < 0))
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}

void clear_statuses_answer(struct statuses_answer *answer)
{
	free(answer->revoked);
	free(answer->unknown);
	*answer = (struct statuses_answer){0};
}
