#include "tests/bench/parts/answer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void reset_answer(struct answer *answer)
{
	struct buffer text = answer->text;

	text.len = 0;
	*answer = (struct answer){.text = text};
}

/* "HTTP/1.1 200 OK" */
static void read_status_line(struct answer *answer, struct bytes line)
{
	const char *text = (const char *)line.data;

	if (line.len < strlen("HTTP/1.1 200") || memcmp(text, "HTTP/1.", strlen("HTTP/1.")) != 0)
		return;
	answer->closes = text[strlen("HTTP/1.")] == '0';
	answer->status = (unsigned int)strtoul(text + strlen("HTTP/1.1 "), NULL, 10);
}

static const char *find_value(struct bytes line, const char *field)
{
	size_t len = strlen(field);

	if (line.len <= len || strncasecmp((const char *)line.data, field, len) != 0 ||
	    line.data[len] != ':')
		return NULL;
	return (const char *)line.data + len + 1 + strspn((const char *)line.data + len + 1, " ");
}

static void read_head(struct answer *answer)
{
	struct bytes head = {answer->text.data, answer->head};
	const char *value;

	answer->whole = SIZE_MAX;
	read_status_line(answer, cut_line(&head));
	while (head.len > 0) {
		struct bytes line = cut_line(&head);

		value = find_value(line, "Content-Length");
		if (value != NULL)
			answer->whole = answer->head + strtoul(value, NULL, 10);
		value = find_value(line, "Connection");
		if (value != NULL)
			answer->closes = strncasecmp(value, "close", strlen("close")) == 0;
	}
}

bool is_answer_complete(struct answer *answer, bool ended)
{
	const char *end;

	if (answer->whole == 0 && answer->text.len > 0) {
		end = strstr((const char *)answer->text.data, "\r\n\r\n");
		if (end == NULL)
			return false;
		answer->head = (size_t)(end + 4 - (const char *)answer->text.data);
		read_head(answer);
	}
	if (answer->whole == SIZE_MAX)
		return ended;
	return answer->whole != 0 && answer->text.len >= answer->whole;
}
