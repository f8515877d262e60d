#include "common/wire/claims_json.h"

#include "common/crypto/base64.h"

#include <string.h>

json_t *new_request_json(const struct request_claims *claims, struct fault *fault)
{
	json_t *object = json_pack("{s:s, s:s, s:I, s:s}", "iss", claims->iss, "aud", claims->aud,
				   "iat", (json_int_t)claims->iat_s, "jti", claims->jti);

	if (object == NULL)
		(void)set_memory_fault(fault);
	return object;
}

json_t *new_refusal_json(const struct refusal *refusal)
{
	return json_pack("{s:s, s:s}", "type", refusal->type, "detail", refusal->detail);
}

json_t *new_answer_json(const struct answer_claims *claims, const struct refusal *refusal,
			struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer digest = {0};
	CLEANUP(free_json) json_t *object = NULL;
	json_t *error = is_refused(refusal) ? new_refusal_json(refusal) : NULL;

	append_base64url(&digest, (struct bytes){claims->request_sha256, SHA256_LEN});
	if (!digest.failed)
		object = json_pack("{s:s, s:s, s:I, s:s, s:s, s:o*}", "iss", claims->iss, "aud",
				   claims->aud, "iat", (json_int_t)claims->iat_s, "in_reply_to",
				   claims->in_reply_to, "request_sha256", (char *)digest.data,
				   "error", error);
	else
		json_decref(error);
	if (object != NULL && is_refused(refusal) && json_object_get(object, "error") == NULL)
		free_json(&object);
	if (object == NULL)
		(void)set_memory_fault(fault);
	return TAKE(object);
}

int parse_request_claims(const json_t *object, struct request_claims *ret_claims,
			 struct fault *fault)
{
	struct request_claims claims = {0};

	if (copy_name(object, "iss", claims.iss, fault) < 0 ||
	    copy_name(object, "aud", claims.aud, fault) < 0 ||
	    copy_time(object, "iat", &claims.iat_s, fault) < 0 ||
	    copy_string(object, "jti", claims.jti, sizeof(claims.jti), fault) < 0)
		return -1;
	if (!valid_jti(claims.jti))
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"jti\": expected 22 characters of base64url");
	*ret_claims = claims;
	return 0;
}

int parse_request_object(struct bytes json, const char *name, json_t **ret_object,
			 struct request_claims *ret_claims, struct fault *fault)
{
	char jti[JTI_SIZE];
	struct fault ignored = {0};

	if (parse_json_object(json, name, ret_object, fault) < 0)
		return -1;
	if (copy_string(*ret_object, "jti", jti, sizeof(jti), &ignored) == 0 && valid_jti(jti))
		memcpy(ret_claims->jti, jti, sizeof(jti));
	return 0;
}

int parse_refusal(const json_t *object, struct refusal *ret_refusal, struct fault *fault)
{
	static const struct member_rule rules[] = {{"type", JSON_STRING, true},
						   {"detail", JSON_STRING, true}};
	struct refusal refusal = {0};

	if (check_members(object, rules, COUNT_OF(rules), fault) < 0 ||
	    copy_string(object, "type", refusal.type, sizeof(refusal.type), fault) < 0 ||
	    copy_string(object, "detail", refusal.detail, sizeof(refusal.detail), fault) < 0)
		return -1;
	if (!is_refused(&refusal))
		return set_fault(fault, FAULT_MALFORMED, "member \"type\": expected a word");
	mask_control_characters(refusal.type);
	mask_control_characters(refusal.detail);
	*ret_refusal = refusal;
	return 0;
}

static int parse_digest(const json_t *object, uint8_t ret_digest[static SHA256_LEN],
			struct fault *fault)
{
	const char *text = get_string(object, "request_sha256");
	CLEANUP(clear_buffer) struct buffer digest = {0};
	struct fault ignored = {0};

	if (text == NULL || decode_base64url(bytes_of_string(text), &digest, &ignored) < 0 ||
	    digest.len != SHA256_LEN)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"request_sha256\": expected 32 octets in base64url");
	memcpy(ret_digest, digest.data, SHA256_LEN);
	return 0;
}

int parse_answer_claims(const json_t *object, struct answer_claims *ret_claims,
			struct refusal *ret_refusal, struct fault *fault)
{
	const json_t *error = json_object_get(object, "error");
	struct answer_claims claims = {0};
	struct refusal refusal = {0};

	if (copy_name(object, "iss", claims.iss, fault) < 0 ||
	    copy_name(object, "aud", claims.aud, fault) < 0 ||
	    copy_time(object, "iat", &claims.iat_s, fault) < 0 ||
	    parse_digest(object, claims.request_sha256, fault) < 0)
		return -1;
	if (json_object_get(object, "in_reply_to") != NULL &&
	    copy_string(object, "in_reply_to", claims.in_reply_to, sizeof(claims.in_reply_to),
			fault) < 0)
		return -1;
	if (error != NULL && parse_refusal(error, &refusal, fault) < 0)
		return prefix_fault(fault, "member \"error\"");
	*ret_claims = claims;
	*ret_refusal = refusal;
	return 0;
}
