#include "common/crypto/base64.h"

#include <nettle/base64.h>
#include <string.h>

/* One alphabet: how Nettle encodes and decodes it, and whether it is padded. */
struct alphabet {
	const char *name;
	void (*start_decoding)(struct base64_decode_ctx *context);
	void (*start_encoding)(struct base64_encode_ctx *context);
	bool padded;
};

static const struct alphabet url = {"base64url", nettle_base64url_decode_init,
				    nettle_base64url_encode_init, false};
static const struct alphabet plain = {"base64", nettle_base64_decode_init,
				      nettle_base64_encode_init, true};

/* Writes into room for BASE64_ENCODE_LENGTH + BASE64_ENCODE_FINAL_LENGTH characters. */
static size_t encode(const struct alphabet *alphabet, struct bytes data, char *ret_text)
{
	struct base64_encode_ctx context;
	size_t len;

	alphabet->start_encoding(&context);
	len = base64_encode_update(&context, ret_text, data.len, data.data);
	len += base64_encode_final(&context, ret_text + len);
	while (!alphabet->padded && len > 0 && ret_text[len - 1] == '=')
		len--;
	return len;
}

static size_t encoded_size(size_t len)
{
	return BASE64_ENCODE_LENGTH(len) + BASE64_ENCODE_FINAL_LENGTH;
}

static void append(const struct alphabet *alphabet, struct buffer *buffer, struct bytes data)
{
	size_t before = buffer->len;
	uint8_t *begin = extend_buffer(buffer, encoded_size(data.len));

	if (begin == NULL)
		return;
	buffer->len = before + encode(alphabet, data, (char *)begin);
	buffer->data[buffer->len] = '\0';
}

void append_base64url(struct buffer *buffer, struct bytes data)
{
	append(&url, buffer, data);
}

void append_base64(struct buffer *buffer, struct bytes data)
{
	append(&plain, buffer, data);
}

/*
 * Nettle skips white space and takes any trailing bits, so what was decoded is encoded again and
 * must be the text. ret_data has room for text.len octets.
 */
static bool decode(const struct alphabet *alphabet, struct bytes text, uint8_t *ret_data,
		   size_t *ret_len)
{
	static const char padding[] = "==";
	size_t missing = alphabet->padded ? 0 : (4 - text.len % 4) % 4;
	CLEANUP(clear_secret) struct secret again = {0};
	struct base64_decode_ctx context;
	size_t len = text.len;
	size_t end = 0;

	if (missing == 3 || allocate_secret(encoded_size(text.len), &again, NULL) < 0)
		return false;
	alphabet->start_decoding(&context);
	if (!base64_decode_update(&context, &len, ret_data, text.len, (const char *)text.data) ||
	    !base64_decode_update(&context, &end, ret_data + len, missing, padding) ||
	    !base64_decode_final(&context))
		return false;
	wipe(&context, sizeof(context));
	*ret_len = len + end;
	return encode(alphabet, (struct bytes){ret_data, len + end}, (char *)again.data) ==
		       text.len &&
	       memcmp(again.data, text.data, text.len) == 0;
}

static int refuse(const struct alphabet *alphabet, struct fault *fault)
{
	return set_fault(fault, FAULT_MALFORMED,
			 "expected %s (RFC 4648) %s padding, white space or stray bits",
			 alphabet->name,
			 alphabet->padded ? "with its padding and without" : "without");
}

static int decode_buffer(const struct alphabet *alphabet, struct bytes text,
			 struct buffer *ret_data, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer data = {0};
	uint8_t *begin = extend_buffer(&data, text.len);
	size_t len = 0;

	if (begin == NULL)
		return set_memory_fault(fault);
	if (text.len > 0 && !decode(alphabet, text, begin, &len))
		return refuse(alphabet, fault);
	data.len = len;
	data.data[len] = '\0';
	*ret_data = take_buffer(&data);
	return 0;
}

int decode_base64url(struct bytes text, struct buffer *ret_data, struct fault *fault)
{
	return decode_buffer(&url, text, ret_data, fault);
}

int decode_base64(struct bytes text, struct buffer *ret_data, struct fault *fault)
{
	return decode_buffer(&plain, text, ret_data, fault);
}

int decode_base64url_secret(struct bytes text, struct secret *ret_data, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret wide = {0};
	CLEANUP(clear_secret) struct secret data = {0};
	size_t len = 0;

	if (allocate_secret(text.len, &wide, fault) < 0)
		return -1;
	if (text.len > 0 && !decode(&url, text, wide.data, &len))
		return refuse(&url, fault);
	if (allocate_secret(len, &data, fault) < 0)
		return -1;
	if (len > 0)
		memcpy(data.data, wide.data, len);
	*ret_data = take_secret(&data);
	return 0;
}
