#include "tests/fuzz/head_mutator.h"

#include "tests/fuzz/text_mutator.h"

#include <ctype.h>
#include <string.h>

bool is_request_head(struct bytes text)
{
	const struct bytes line = cut_line(&text);

	return line.len > 0 && isupper(line.data[0]) &&
	       memmem(line.data, line.len, " HTTP/", strlen(" HTTP/")) != NULL;
}

/* How many of the octets at the beginning are among the characters, or are not. */
static size_t span(struct bytes text, const char *characters, bool among)
{
	size_t len = 0;

	while (len < text.len && (strchr(characters, text.data[len]) != NULL) == among)
		len++;
	return len;
}

/* Adds the parts of the lines, up to TOKENS_MAX. */
static void split_head(struct bytes text, struct tokens *tokens)
{
	while (text.len > 0) {
		size_t len = span(text, ": \t\r\n", false);

		if (len == 0)
			len = span(text, "\r\n", true);
		if (len == 0)
			len = span(text, ": \t", true);
		add_token(tokens, &text, len);
	}
}

static void change_line(struct lot *lot, struct bytes text, struct buffer *buffer)
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
		"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	};
	struct tokens tokens = {0};

	split_at(text, '\n', &tokens);
	change_tokens(lot, &tokens, samples, COUNT_OF(samples), buffer);
}

static void change_part(struct lot *lot, struct bytes text, struct buffer *buffer)
{
	static const char *const samples[] = {
		" ",
		"  ",
		"\t",
		":",
		": ",
		" :",
		":\t",
		"\r\n",
		"\n",
		"\r",
		"\r\n ",
		"\r\n\r\n",
		"\r\r\n",
		"0",
		"1",
		"+1",
		"01",
		"1,1",
		"18446744073709551617",
		"chunked",
		"identity",
		"Host",
		"Content-Length",
		"Transfer-Encoding",
		"Content-Type",
		"Expect",
		"Connection",
		"close",
		"Upgrade",
		"[::1]:1",
		"a:1",
		"/",
		"*",
		"http://a/",
		"/%00",
		"/?a=b&c",
		"GET",
		"HEAD",
		"POST",
		"OPTIONS",
		"HTTP/1.0",
		"HTTP/1.1",
		"HTTP/1.7",
		"HTTP/2.0",
		"application/jose; a=b",
		"\x80",
		"\x7f",
	};
	struct tokens tokens = {0};

	split_head(text, &tokens);
	change_tokens(lot, &tokens, samples, COUNT_OF(samples), buffer);
}

void mutate_head(struct lot *lot, struct bytes text, struct buffer *ret_mutant)
{
	if (draw(lot, 3) == 0)
		change_line(lot, text, ret_mutant);
	else
		change_part(lot, text, ret_mutant);
}
