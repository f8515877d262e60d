#include "common/ca/service/ocsp_route.h"

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/crypto/base64.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Takes the next octet off a path, which may be percent-encoded (RFC 3986 section 2.1). */
static bool take_octet(const char **text, uint8_t *ret_octet)
{
	int high;
	int low;

	if (**text != '%') {
		*ret_octet = (uint8_t)(*text)[0];
		(*text)++;
		return true;
	}
	high = hex_value((*text)[1]);
	low = high < 0 ? -1 : hex_value((*text)[2]);
	if (low < 0)
		return false;
	*ret_octet = (uint8_t)(high * 16 + low);
	*text += 3;
	return true;
}

static int decode_path(const char *path, struct buffer *ret_text, struct fault *fault)
{
	uint8_t octet;

	while (*path != '\0') {
		if (!take_octet(&path, &octet))
			return set_fault(fault, FAULT_MALFORMED,
					 "OCSP request: expected two hex digits after %% in the "
					 "path");
		append_bytes(ret_text, (struct bytes){&octet, 1});
	}
	return check_buffer(ret_text, fault);
}

static int decode_request(const char *path, struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	if (decode_path(path + strlen(OCSP_GET_PATH), &text, fault) < 0)
		return -1;
	return decode_base64(bytes_of_buffer(&text), ret_der, fault);
}

static void set_caching(const struct ocsp_reply *reply, int64_t now_s,
			struct http_response *response)
{
	uint8_t sha256[SHA256_LEN];
	struct http_caching *caching = &response->caching;

	digest_sha256(bytes_of_buffer(&reply->der), sha256);
	format_hex((struct bytes){sha256, SHA256_LEN}, caching->etag);
	caching->now_s = now_s;
	caching->last_modified_s = reply->this_update_s;
	caching->expires_s = reply->next_update_s;
}

int serve_ocsp(struct responder *responder, struct origin_rate *rate,
	       const struct http_request *request, int64_t now_s, struct http_response *response,
	       struct fault *ret_problem, struct fault *fault)
{
	bool get = strcmp(request->method, "POST") != 0;
	CLEANUP(clear_buffer) struct buffer from_path = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
	struct fault unreadable = {0};
	int64_t wait_s;

	response->content_type = CONTENT_OCSP_RESPONSE;
	if (!charge_origin(rate, request->origin, read_stopwatch_us(), &wait_s)) {
		(void)set_fault(ret_problem, FAULT_BUSY,
				"%s asks more often than ca.ocsp.requests_per_minute allows",
				request->origin);
		return format_ocsp_error(OCSP_TRY_LATER, &response->body, fault);
	}
	/* An unreadable path becomes an empty request, which the responder calls malformed. */
	if (get && decode_request(request->path, &from_path, &unreadable) < 0)
		clear_buffer(&from_path);
	if (answer_ocsp(responder, get ? bytes_of_buffer(&from_path) : request->body, now_s, &reply,
			fault) < 0)
		return -1;
	if (get && reply.cacheable)
		set_caching(&reply, now_s, response);
	*ret_problem = unreadable.class != FAULT_NONE ? unreadable : reply.problem;
	response->body = take_buffer(&reply.der);
	return 0;
}

bool is_ocsp_at_hand(const struct http_route *route, const char *path, struct bytes body,
		     void *context)
{
	struct responder *const *responder = context;
	bool post = strcmp(route->path, OCSP_POST_PATH) == 0;
	CLEANUP(clear_buffer) struct buffer from_path = {0};
	struct fault ignored = {0};

	if (!post && (strcmp(route->path, OCSP_GET_PATH) != 0 ||
		      decode_request(path, &from_path, &ignored) < 0))
		return false;
	return is_answer_at_hand(*responder, post ? body : bytes_of_buffer(&from_path),
				 read_clock());
}
