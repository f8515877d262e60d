#include "tests/fuzz/mutator.h"

#include "common/crypto/base64.h"
#include "tests/fuzz/head_mutator.h"
#include "tests/fuzz/json_mutator.h"
#include "tests/fuzz/text_mutator.h"

#include <ctype.h>
#include <string.h>

enum { LINE_LEN = 64 };

/* Any other text, by lines: YAML, lists. */
static void mutate_lines(struct lot *lot, struct bytes text, struct buffer *buffer)
{
	static const char *const samples[] = {
		"\r\n",     "\n",          " \n",       "a\n",   "- a\n",     "a: b\n",
		"  a: b\n", "a: [b, c]\n", "a: &x b\n", "*x\n",  "!!str a\n", "---\n",
		"...\n",    "\t\n",        "# a\n",     "1-5\n", "\x80\n",    "\xef\xbb\xbf\n",
	};
	struct tokens tokens = {0};

	split_at(text, '\n', &tokens);
	change_tokens(lot, &tokens, samples, COUNT_OF(samples), buffer);
}

/* Makes the end of a part what encoders do not write: padding, other last bits, another alphabet.
 */
static void spoil_base64url(struct lot *lot, struct buffer *buffer)
{
	static const char ends[] = "=AQgwB+/ \n";

	if (draw(lot, 2) == 0 && buffer->len > 0 && !buffer->failed)
		buffer->len--;
	append_bytes(buffer,
		     (struct bytes){(const uint8_t *)ends + draw(lot, sizeof(ends) - 1), 1});
}

static void append_json_part(struct lot *lot, struct bytes part, struct buffer *buffer)
{
	CLEANUP(clear_buffer) struct buffer plain = {0};
	CLEANUP(clear_buffer) struct buffer changed = {0};
	const size_t dot = part.len > 0 && part.data[part.len - 1] == '.' ? 1 : 0;

	if (decode_base64url((struct bytes){part.data, part.len - dot}, &plain, NULL) < 0) {
		append_changed_text(lot, part, buffer);
		return;
	}
	if (plain.len > 0 && plain.data[0] == '{')
		mutate_json(lot, bytes_of_buffer(&plain), &changed);
	else
		append_changed_text(lot, bytes_of_buffer(&plain), &changed);
	append_base64url(buffer, bytes_of_buffer(&changed));
	if (draw(lot, 16) == 0)
		spoil_base64url(lot, buffer);
	append_bytes(buffer, (struct bytes){(const uint8_t *)".", dot});
}

/* Changes what is in one part, mostly the first, or the parts themselves. */
static void mutate_jose(struct lot *lot, struct bytes text, struct buffer *buffer)
{
	static const char *const samples[] = {".", "..", "e30", "AA.", "AAAA"};
	struct tokens tokens = {0};
	size_t changed;

	split_at(text, '.', &tokens);
	if (draw(lot, 4) == 0) {
		change_tokens(lot, &tokens, samples, COUNT_OF(samples), buffer);
		return;
	}
	changed = draw(lot, 2) == 0 ? 0 : draw(lot, tokens.count);
	for (size_t i = 0; i < tokens.count; i++)
		if (i == changed)
			append_json_part(lot, tokens.token[i], buffer);
		else
			append_bytes(buffer, tokens.token[i]);
}

/* Joins the lines between the first and the last, which are the boundaries. */
static void mutate_pem(struct lot *lot, struct bytes text, struct buffer *buffer)
{
	CLEANUP(clear_buffer) struct buffer base64 = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer changed = {0};
	CLEANUP(clear_buffer) struct buffer again = {0};
	struct tokens lines = {0};

	split_at(text, '\n', &lines);
	for (size_t i = 1; i + 1 < lines.count; i++)
		append_bytes(&base64, (struct bytes){lines.token[i].data, lines.token[i].len - 1});
	if (draw(lot, 4) == 0 || lines.count < 3 ||
	    decode_base64(bytes_of_buffer(&base64), &der, NULL) < 0) {
		mutate_lines(lot, text, buffer);
		return;
	}
	mutate_der(lot, bytes_of_buffer(&der), NULL, 0, &changed);
	append_base64(&again, bytes_of_buffer(&changed));
	append_bytes(buffer, lines.token[0]);
	for (size_t at = 0; at < again.len; at += LINE_LEN)
		append_format(buffer, "%.*s\n", LINE_LEN, (const char *)again.data + at);
	append_bytes(buffer, lines.token[lines.count - 1]);
}

/* Whether the text is in JOSE's alphabet, with a dot. */
static bool is_jose(struct bytes input)
{
	bool dots = false;

	for (size_t i = 0; i < input.len; i++) {
		if (!isalnum(input.data[i]) && strchr("-_.", input.data[i]) == NULL)
			return false;
		dots |= input.data[i] == '.';
	}
	return dots;
}

void mutate_input(struct lot *lot, struct bytes input, struct buffer *ret_mutant)
{
	if (input.len == 0 || input.data[0] == 0x30 || input.data[0] >= 0x80)
		mutate_der(lot, input, NULL, 0, ret_mutant);
	else if (input.data[0] == '{' || input.data[0] == '[')
		mutate_json(lot, input, ret_mutant);
	else if (input.data[0] == '-')
		mutate_pem(lot, input, ret_mutant);
	else if (is_jose(input))
		mutate_jose(lot, input, ret_mutant);
	else if (is_request_head(input))
		mutate_head(lot, input, ret_mutant);
	else
		mutate_lines(lot, input, ret_mutant);
}
