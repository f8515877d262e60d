#include "common/wire/claims.h"

#include "common/base/clock.h"
#include "common/crypto/base64.h"
#include "common/wire/claims_json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void set_refusal(struct refusal *refusal, const char *type, const char *format, ...)
{
	va_list arguments;

	(void)snprintf(refusal->type, sizeof(refusal->type), "%s", type);
	va_start(arguments, format);
	(void)vsnprintf(refusal->detail, sizeof(refusal->detail), format, arguments);
	va_end(arguments);
	mask_control_characters(refusal->detail);
}

static void copy_node(char ret_name[static NAME_SIZE], const char *name)
{
	(void)snprintf(ret_name, NAME_SIZE, "%s", name);
}

int make_request_claims(const char *iss, const char *aud, int64_t now_s,
			struct request_claims *ret_claims, struct fault *fault)
{
	struct request_claims claims = {.iat_s = now_s};

	if (generate_jti(claims.jti, fault) < 0)
		return -1;
	copy_node(claims.iss, iss);
	copy_node(claims.aud, aud);
	*ret_claims = claims;
	return 0;
}

/* Whether a request is from who it came from and to who got it. */
static bool check_parties(const struct request_claims *claims, const char *peer, const char *self,
			  struct refusal *refusal)
{
	if (strcmp(claims->iss, peer) != 0)
		set_refusal(refusal, "not_for_us",
			    "iss: expected \"%s\", whose shared key this came under, found \"%s\"",
			    peer, claims->iss);
	else if (strcmp(claims->aud, self) != 0)
		set_refusal(refusal, "not_for_us", "aud: expected \"%s\", found \"%s\"", self,
			    claims->aud);
	else
		return true;
	return false;
}

void check_request_claims(const struct request_claims *claims, const char *peer, const char *self,
			  int64_t now_s, struct refusal *refusal)
{
	int64_t age_s = now_s - claims->iat_s;

	if (!check_parties(claims, peer, self, refusal))
		return;
	if (age_s > FRESHNESS_WINDOW_S || age_s < -FRESHNESS_WINDOW_S)
		set_refusal(refusal, "stale",
			    "iat: expected within %d s of our clock, found %" PRId64
			    " s off: an old message, or a clock that is wrong",
			    FRESHNESS_WINDOW_S, age_s);
}

void check_offline_claims(const struct request_claims *claims, const char *peer, const char *self,
			  int64_t now_s, struct refusal *refusal)
{
	int64_t age_s = now_s - claims->iat_s;

	if (!check_parties(claims, peer, self, refusal))
		return;
	if (age_s > OFFLINE_WINDOW_S || age_s < -FRESHNESS_WINDOW_S)
		set_refusal(refusal, "stale",
			    "iat: expected at most %d days ago, found %" PRId64
			    " s: export the requests again, or set the clock",
			    OFFLINE_WINDOW_S / 86400, age_s);
}

struct answer_claims make_answer_claims(const struct request_claims *request,
					const uint8_t request_sha256[static SHA256_LEN],
					const char *iss, const char *aud, int64_t now_s)
{
	struct answer_claims claims = {.iat_s = now_s};

	copy_node(claims.iss, iss);
	copy_node(claims.aud, aud);
	memcpy(claims.in_reply_to, request->jti, sizeof(claims.in_reply_to));
	memcpy(claims.request_sha256, request_sha256, SHA256_LEN);
	return claims;
}

int check_answer_claims(const struct answer_claims *claims, const struct request_claims *request,
			const uint8_t request_sha256[static SHA256_LEN], struct fault *fault)
{
	if (strcmp(claims->iss, request->aud) != 0 || strcmp(claims->aud, request->iss) != 0)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "an answer from \"%s\" to \"%s\": expected one from \"%s\" to "
				 "\"%s\"",
				 claims->iss, claims->aud, request->aud, request->iss);
	if (memcmp(claims->request_sha256, request_sha256, SHA256_LEN) != 0)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "request_sha256: the answer is to another request than ours");
	if (claims->in_reply_to[0] != '\0' && strcmp(claims->in_reply_to, request->jti) != 0)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "in_reply_to: expected \"%s\", found \"%s\": the answer is to "
				 "another request than ours",
				 request->jti, claims->in_reply_to);
	return 0;
}

static enum fault_class classify_refusal(const struct refusal *refusal)
{
	if (strcmp(refusal->type, RATE_REFUSAL) == 0)
		return FAULT_BUSY;
	return strcmp(refusal->type, "failed") == 0 ? FAULT_FAILED : FAULT_REFUSED;
}

int check_ca_answer(const struct answer_claims *claims, const struct refusal *refusal,
		    const struct request_claims *request,
		    const uint8_t request_sha256[static SHA256_LEN], struct fault *fault)
{
	if (check_answer_claims(claims, request, request_sha256, fault) < 0)
		return -1;
	if (refusal->type[0] == '\0')
		return 0;
	return set_fault(fault, classify_refusal(refusal), "the CA refused (%s): %s", refusal->type,
			 refusal->detail);
}

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
	json_t *error = refusal->type[0] != '\0' ? new_refusal_json(refusal) : NULL;

	append_base64url(&digest, (struct bytes){claims->request_sha256, SHA256_LEN});
	if (!digest.failed)
		object = json_pack("{s:s, s:s, s:I, s:s, s:s, s:o*}", "iss", claims->iss, "aud",
				   claims->aud, "iat", (json_int_t)claims->iat_s, "in_reply_to",
				   claims->in_reply_to, "request_sha256", (char *)digest.data,
				   "error", error);
	else
		json_decref(error);
	if (object != NULL && refusal->type[0] != '\0' && json_object_get(object, "error") == NULL)
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

void salvage_request_claims(struct bytes json, struct request_claims *ret_claims)
{
	CLEANUP(free_json) json_t *object = NULL;
	struct fault ignored = {0};

	if (parse_json_object(json, "request", &object, &ignored) < 0 ||
	    copy_string(object, "jti", ret_claims->jti, sizeof(ret_claims->jti), &ignored) < 0)
		return;
	if (!valid_jti(ret_claims->jti))
		ret_claims->jti[0] = '\0';
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
	if (refusal.type[0] == '\0')
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
	struct fault detail = {0};

	if (text == NULL || decode_base64url(bytes_of_string(text), &digest, &detail) < 0 ||
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
