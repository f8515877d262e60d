#include "common/wire/message_answer.h"

#include "common/wire/claims_json.h"

#include <string.h>

static const char verified[] = "verified";
static const char refused[] = "refused";

int format_message_answer(const struct message_answer *answer, struct secret *ret_json,
			  struct fault *fault)
{
	const struct refusal none = {0};
	CLEANUP(free_json) json_t *object = new_answer_json(&answer->claims, &none, fault);
	const char *verdict = answer->verified ? verified : refused;

	if (object == NULL)
		return -1;
	if (json_object_set_new(object, "verdict", json_string(verdict)) < 0 ||
	    (!answer->verified &&
	     json_object_set_new(object, "reason", json_string(answer->reason)) < 0))
		return set_memory_fault(fault);
	return format_json(object, ret_json, fault);
}

int parse_message_answer(struct bytes json, struct message_answer *ret_answer, struct fault *fault)
{
	static const struct member_rule rules[] = {
		ANSWER_CLAIM_RULES, {"verdict", JSON_STRING, true}, {"reason", JSON_STRING, false}};
	CLEANUP(free_json) json_t *object = NULL;
	struct message_answer answer = {0};
	struct refusal none = {0};
	const char *verdict;

	if (parse_json_object(json, "message answer", &object, fault) < 0 ||
	    check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    parse_answer_claims(object, &answer.claims, &none, fault) < 0)
		return -1;
	verdict = get_string(object, "verdict");
	answer.verified = strcmp(verdict, verified) == 0;
	if (!answer.verified && strcmp(verdict, refused) != 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"verdict\": expected verified or refused, found \"%s\"",
				 verdict);
	if (!answer.verified &&
	    copy_string(object, "reason", answer.reason, sizeof(answer.reason), fault) < 0)
		return -1;
	mask_control_characters(answer.reason);
	*ret_answer = answer;
	return 0;
}
