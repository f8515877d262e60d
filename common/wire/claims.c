#include "common/wire/claims.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool is_refused(const struct refusal *refusal)
{
	return refusal->type[0] != '\0';
}

void set_refusal(struct refusal *refusal, const char *type, const char *format, ...)
{
	va_list arguments;

	(void)snprintf(refusal->type, sizeof(refusal->type), "%s", type);
	va_start(arguments, format);
	(void)vsnprintf(refusal->detail, sizeof(refusal->detail), format, arguments);
	va_end(arguments);
	mask_control_characters(refusal->detail);
}

int refuse_for_fault(const struct fault *failure, const char *type, struct refusal *ret_refusal,
		     struct fault *fault)
{
	if (pass_failure(failure, fault) < 0)
		return -1;
	if (type == NULL)
		type = failure->class == FAULT_TOO_LARGE ? "too_many" : "malformed";
	set_refusal(ret_refusal, type, "%s", failure->text);
	return 0;
}

int make_request_claims(const char *iss, const char *aud, int64_t now_s,
			struct request_claims *ret_claims, struct fault *fault)
{
	struct request_claims claims = {.iat_s = now_s};

	if (generate_jti(claims.jti, fault) < 0)
		return -1;
	(void)snprintf(claims.iss, sizeof(claims.iss), "%s", iss);
	(void)snprintf(claims.aud, sizeof(claims.aud), "%s", aud);
	*ret_claims = claims;
	return 0;
}

/* False, with a refusal, unless the request is from the node under whose key it came, and to us. */
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

	(void)snprintf(claims.iss, sizeof(claims.iss), "%s", iss);
	(void)snprintf(claims.aud, sizeof(claims.aud), "%s", aud);
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
	if (!is_refused(refusal))
		return 0;
	return set_fault(fault, classify_refusal(refusal), "the CA refused (%s): %s", refusal->type,
			 refusal->detail);
}
