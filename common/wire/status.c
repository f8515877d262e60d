#include "common/wire/status.h"

#include "common/wire/claims_json.h"

#include <string.h>

static const char *const statuses[STATUS_COUNT] = {
	[STATUS_GOOD] = "good",
	[STATUS_REVOKED] = "revoked",
	[STATUS_EXPIRED] = "expired",
	[STATUS_UNKNOWN] = "unknown",
};

const char *format_status(enum status_value status)
{
	return statuses[status];
}

int format_status_request(const struct status_request *request, struct secret *ret_json,
			  struct fault *fault)
{
	CLEANUP(free_json) json_t *object = new_request_json(&request->claims, fault);
	json_t *pem =
		json_stringn((const char *)request->certificate.data, request->certificate.len);

	if (object == NULL || json_object_set_new(object, "certificate", pem) < 0)
		return set_memory_fault(fault);
	return format_json(object, ret_json, fault);
}

static int parse_request(const json_t *object, struct status_request *request, struct fault *fault)
{
	static const struct member_rule rules[] = {REQUEST_CLAIM_RULES,
						   {"certificate", JSON_STRING, true}};
	const json_t *pem;

	if (check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_request_claims(object, &request->claims, fault) < 0)
		return -1;
	pem = json_object_get(object, "certificate");
	append_bytes(&request->certificate, (struct bytes){(const uint8_t *)json_string_value(pem),
							   json_string_length(pem)});
	return check_buffer(&request->certificate, fault);
}

int parse_status_request(struct bytes json, struct status_request *ret_request,
			 struct request_claims *ret_claims, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_status_request) struct status_request request = {0};

	if (parse_request_object(json, "status request", &object, ret_claims, fault) < 0 ||
	    parse_request(object, &request, fault) < 0)
		return -1;
	*ret_claims = request.claims;
	MOVE(ret_request, request);
	return 0;
}

void clear_status_request(struct status_request *request)
{
	clear_buffer(&request->certificate);
}

int format_status_answer(const struct status_answer *answer, struct secret *ret_json,
			 struct fault *fault)
{
	CLEANUP(free_json)
	json_t *object = new_answer_json(&answer->claims, &answer->refusal, fault);
	int failed = 0;

	if (object == NULL)
		return -1;
	if (!is_refused(&answer->refusal)) {
		failed |= json_object_set_new(object, "status",
					      json_string(format_status(answer->status)));
		if (answer->serial[0] != '\0')
			failed |=
				json_object_set_new(object, "serial", json_string(answer->serial));
		if (answer->status == STATUS_REVOKED) {
			failed |= json_object_set_new(object, "revoked_at",
						      json_integer(answer->revoked_at_s));
			failed |=
				json_object_set_new(object, "reason", json_string(answer->reason));
		}
	}
	return failed ? set_memory_fault(fault) : format_json(object, ret_json, fault);
}

static int parse_status(const json_t *object, enum status_value *ret_status, struct fault *fault)
{
	const char *text = get_string(object, "status");

	if (text == NULL)
		return set_fault(fault, FAULT_MALFORMED, "expected a member \"status\"");
	for (unsigned int i = 0; i < STATUS_COUNT; i++) {
		if (strcmp(text, statuses[i]) == 0) {
			*ret_status = (enum status_value)i;
			return 0;
		}
	}
	return set_fault(fault, FAULT_MALFORMED,
			 "member \"status\": expected good, revoked, expired or unknown, found "
			 "\"%s\"",
			 text);
}

static int parse_status_members(const json_t *object, struct status_answer *answer,
				struct fault *fault)
{
	if (parse_status(object, &answer->status, fault) < 0)
		return -1;
	if (json_object_get(object, "serial") != NULL &&
	    copy_string(object, "serial", answer->serial, sizeof(answer->serial), fault) < 0)
		return -1;
	if (answer->status != STATUS_REVOKED)
		return 0;
	if (copy_time(object, "revoked_at", &answer->revoked_at_s, fault) < 0)
		return -1;
	return copy_string(object, "reason", answer->reason, sizeof(answer->reason), fault);
}

int parse_status_answer(struct bytes json, struct status_answer *ret_answer, struct fault *fault)
{
	static const struct member_rule rules[] = {ANSWER_CLAIM_RULES,
						   REFUSAL_RULE,
						   {"status", JSON_STRING, false},
						   {"serial", JSON_STRING, false},
						   {"revoked_at", JSON_INTEGER, false},
						   {"reason", JSON_STRING, false}};
	CLEANUP(free_json) json_t *object = NULL;
	struct status_answer answer = {0};

	if (parse_json_object(json, "status answer", &object, fault) < 0 ||
	    check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_answer_claims(object, &answer.claims, &answer.refusal, fault) < 0)
		return -1;
	if (!is_refused(&answer.refusal) && parse_status_members(object, &answer, fault) < 0)
		return -1;
	*ret_answer = answer;
	return 0;
}
