#include "common/crypto/base64.h"

#include <nettle/base64.h>
#include <string.h>

/* The value of each character plus 1; 0 for characters outside the alphabet. */
#define LETTERS_AND_DIGITS                                                                         \
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,    \
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,         \
	['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,        \
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29,        \
	['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,        \
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43,        \
	['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,        \
	['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,        \
	['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62

static const uint8_t url_values[256] = {LETTERS_AND_DIGITS, ['-'] = 63, ['_'] = 64};
static const uint8_t plain_values[256] = {LETTERS_AND_DIGITS, ['+'] = 63, ['/'] = 64};

/* An alphabet: the values of its characters, Nettle's encoder, and whether there is padding. */
struct alphabet {
	const char *name;
	const uint8_t *values;
	void (*start_encoding)(struct base64_encode_ctx *context);
	bool padded;
};

static const struct alphabet url = {"base64url", url_values, nettle_base64url_encode_init, false};
static const struct alphabet plain = {"base64", plain_values, nettle_base64_encode_init, true};

/* Returns the length of the text. Shape: ret_text has room for encoded_size characters. */
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

/* The number of characters without the padding, of which at most two are taken off. */
static size_t count_digits(const struct alphabet *alphabet, struct bytes text)
{
	size_t len = text.len;

	while (alphabet->padded && len > 0 && text.len - len < 2 && text.data[len - 1] == '=')
		len--;
	return len;
}

/* The bits of `count` characters, 6 each, the first character's highest. *bad becomes true for a
   character outside the alphabet. */
static uint32_t gather(const uint8_t *values, const uint8_t *text, size_t count, bool *bad)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < count; i++) {
		*bad |= values[text[i]] == 0;
		bits = bits << 6 | ((values[text[i]] - 1U) & 0x3f);
	}
	return bits;
}

/* Decodes the last 2 or 3 characters into 1 or 2 octets. The bits beyond must be 0. */
static bool decode_rest(const uint8_t *values, const uint8_t *text, size_t count, uint8_t *ret_data)
{
	bool bad = false;
	uint32_t bits = gather(values, text, count, &bad) << 6 * (4 - count);

	ret_data[0] = (uint8_t)(bits >> 16);
	if (count == 3)
		ret_data[1] = (uint8_t)(bits >> 8);
	return !bad && (bits & (count == 3 ? 0xffU : 0xffffU)) == 0;
}

/*
 * Each octet string must have one text; Nettle's decoder is not used because it skips white space
 * and accepts any trailing bits.
 * Shape: ret_data has room for text.len octets.
 */
static bool decode(const struct alphabet *alphabet, struct bytes text, uint8_t *ret_data,
		   size_t *ret_len)
{
	size_t digits = count_digits(alphabet, text);
	size_t rest = digits % 4;
	uint8_t *next = ret_data;
	bool bad = rest == 1 || (alphabet->padded && text.len % 4 != 0);

	for (size_t i = 0; i + 4 <= digits; i += 4) {
		uint32_t bits = gather(alphabet->values, text.data + i, 4, &bad);

		*next++ = (uint8_t)(bits >> 16);
		*next++ = (uint8_t)(bits >> 8);
		*next++ = (uint8_t)bits;
	}
	if (bad)
		return false;
	*ret_len = digits / 4 * 3 + (rest > 0 ? rest - 1 : 0);
	return rest == 0 || decode_rest(alphabet->values, text.data + digits - rest, rest, next);
}

static int refuse_text(const struct alphabet *alphabet, struct fault *fault)
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
		return refuse_text(alphabet, fault);
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
		return refuse_text(&url, fault);
	if (allocate_secret(len, &data, fault) < 0)
		return -1;
	if (len > 0)
		memcpy(data.data, wide.data, len);
	*ret_data = take_secret(&data);
	return 0;
}
