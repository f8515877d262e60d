#include "tests/fuzz/text_mutator.h"

#include <string.h>

void add_token(struct tokens *tokens, struct bytes *rest, size_t len)
{
	if (tokens->count < TOKENS_MAX - 1 || len == rest->len)
		tokens->token[tokens->count++] = (struct bytes){rest->data, len};
	else /* the last place takes all that is left */
		tokens->token[tokens->count++] = (struct bytes){rest->data, len = rest->len};
	rest->data += len;
	rest->len -= len;
}

void split_at(struct bytes text, char end, struct tokens *tokens)
{
	while (text.len > 0) {
		const uint8_t *found = memchr(text.data, end, text.len);

		add_token(tokens, &text,
			  found != NULL ? (size_t)(found - text.data) + 1 : text.len);
	}
}

void append_changed_text(struct lot *lot, struct bytes token, struct buffer *buffer)
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

void change_tokens(struct lot *lot, const struct tokens *tokens, const char *const *samples,
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
