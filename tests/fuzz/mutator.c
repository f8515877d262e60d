#include "tests/fuzz/mutator.h"

#include "common/crypto/base64.h"

#include <ctype.h>
#include <string.h>

enum { TOKENS_MAX = 2048, LINE_LEN = 64 };

/* Pieces of a text, in their order and without gaps. */
struct tokens {
	struct bytes token[TOKENS_MAX];
	size_t count;
};

static void add_token(struct tokens *tokens, struct bytes *rest, size_t len)
{
	if (tokens->count < TOKENS_MAX - 1 || len == rest->len)
		tokens->token[tokens->count++] = (struct bytes){rest->data, len};
	else /* the last place takes all that is left */
		tokens->token[tokens->count++] = (struct bytes){rest->data, len = rest->len};
	rest->data += len;
	rest->len -= len;
}

/* The length of the string that the text begins with, up to its closing quote. */
static size_t string_len(struct bytes text)
{
	size_t len = 1;

	while (len < text.len && text.data[len] != '"')
		len += text.data[len] == '\\' ? 2 : 1;
	return len < text.len ? len + 1 : text.len;
}

/* The length of the word or number that the text begins with; 1 if it begins with neither. */
static size_t word_len(struct bytes text)
{
	size_t len = 0;

	while (len < text.len && isalnum(text.data[len]))
		len++;
	return len > 0 ? len : 1;
}

/* Strings, words and numbers, and every other character by itself. */
static void split_json(struct bytes text, struct tokens *tokens)
{
	while (text.len > 0)
		add_token(tokens, &text, text.data[0] == '"' ? string_len(text) : word_len(text));
}

/* Pieces that end with the character, which belongs to them. */
static void split_at(struct bytes text, char end, struct tokens *tokens)
{
	while (text.len > 0) {
		const uint8_t *found = memchr(text.data, end, text.len);

		add_token(tokens, &text,
			  found != NULL ? (size_t)(found - text.data) + 1 : text.len);
	}
}

static void append_changed_text(struct lot *lot, struct bytes token, struct buffer *buffer)
{
	static const char characters[] = "\"\\{}[]:,. \t\r\n\0\x1f\x80\xff-+0eE=_/";
	const size_t at = draw(lot, token.len + 1);
	const char character = characters[draw(lot, sizeof(characters) - 1)];
	const size_t skipped = at < token.len ? draw(lot, 2) : 0;

	append_bytes(buffer, (struct bytes){token.data, at});
	append_bytes(buffer, (struct bytes){(const uint8_t *)&character, 1});
	append_bytes(buffer, (struct bytes){token.data + at + skipped, token.len - at - skipped});
}

enum change { OMIT, DOUBLE, BORROW, REPLACE, INSERT, EDIT, CHANGE_COUNT };

/* Appends what stands in the place of the token; `other` is another one of the same text. */
static void append_replacement(struct lot *lot, struct bytes token, struct bytes other,
			       struct bytes sample, struct buffer *buffer)
{
	switch ((enum change)draw(lot, CHANGE_COUNT)) {
	case DOUBLE:
		append_bytes(buffer, token);
		append_bytes(buffer, token);
		break;
	case BORROW:
		append_bytes(buffer, other);
		break;
	case REPLACE:
		append_bytes(buffer, sample);
		break;
	case INSERT:
		append_bytes(buffer, token);
		append_bytes(buffer, sample);
		break;
	case EDIT:
		append_changed_text(lot, token, buffer);
		break;
	case OMIT:
	case CHANGE_COUNT:
		break;
	}
}

/* Appends the tokens with one of them changed. */
static void change_tokens(struct lot *lot, const struct tokens *tokens, const char *const *samples,
			  size_t sample_count, struct buffer *buffer)
{
	const size_t changed = draw(lot, tokens->count);
	const struct bytes other = tokens->token[draw(lot, tokens->count)];
	const struct bytes sample = bytes_of_string(samples[draw(lot, sample_count)]);

	for (size_t i = 0; i < tokens->count; i++)
		if (i == changed)
			append_replacement(lot, tokens->token[i], other, sample, buffer);
		else
			append_bytes(buffer, tokens->token[i]);
}

static void mutate_json(struct lot *lot, struct bytes text, struct buffer *buffer)
{
	static const char *const samples[] = {
		"null",
		"true",
		"-1",
		"0",
		"1e400",
		"9007199254740993",
		"1.0",
		"253402300800",
		"\"\"",
		"\"none\"",
		"\"A256KW\"",
		"\"A256GCM\"",
		"\"dir\"",
		"\"ES256\"",
		"\"\\u0000\"",
		"\"\\ud800\"",
		"\"\xc3\xa9\"",
		"[]",
		"{}",
		"[[]]",
		"{\"a\":{}}",
		",\"crit\":[\"x\"]",
		",\"zip\":\"DEF\"",
		",\"b64\":false",
		",\"kid\":\"a\"",
		"\"alg\":\"none\",",
		"\"certificates\"",
		"\"refusals\"",
		"\"iat\"",
	};
	struct tokens tokens = {0};

	split_json(text, &tokens);
	change_tokens(lot, &tokens, samples, COUNT_OF(samples), buffer);
}

static void mutate_lines(struct lot *lot, struct bytes text, struct buffer *buffer)
{
	static const char *const samples[] = {
		"\r\n",
		"\n",
		"\r",
		" \r\n",
		"Host: a\r\n",
		"host : a\r\n",
		" folded\r\n",
		"Content-Length: 5\r\n",
		"Content-Length : 5\r\n",
		"Content-Length: +5\r\n",
		"Content-Length: 5, 5\r\n",
		"Content-Length: 18446744073709551616\r\n",
		"Transfer-Encoding: chunked\r\n",
		"Transfer-Encoding : chunked\r\n",
		"Transfer-Encoding: \vchunked\r\n",
		"Connection: close, TE\r\n",
		"Expect: 100-continue\r\n",
		"GET http://a/ HTTP/1.1\r\n",
		"POST / HTTP/1.7\r\n",
		"GET / HTTP/1.0\r\n",
		"A: \x80\r\n",
		"A\r\n",
		": a\r\n",
	};
	struct tokens tokens = {0};

	split_at(text, '\n', &tokens);
	change_tokens(lot, &tokens, samples, COUNT_OF(samples), buffer);
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
	else
		mutate_lines(lot, input, ret_mutant);
}
