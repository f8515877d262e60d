#include "tests/fuzz/plain_head.h"

#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS_MAX = 18, LINE_END_LEN = 2, HEAD_END_LEN = 4 };

static bool is_text(struct bytes bytes, const char *text)
{
	return bytes.len == strlen(text) &&
	       strncasecmp((const char *)bytes.data, text, bytes.len) == 0;
}

/* Takes what stands before the ending, and the ending, off *rest. */
static bool take_until(struct bytes *rest, const char *ending, struct bytes *ret_taken)
{
	const size_t len = strlen(ending);
	const uint8_t *found = memmem(rest->data, rest->len, ending, len);

	if (found == NULL)
		return false;
	*ret_taken = (struct bytes){rest->data, (size_t)(found - rest->data)};
	rest->data += ret_taken->len + len;
	rest->len -= ret_taken->len + len;
	return true;
}

/* RFC 9110 section 5.6.2: visible characters without delimiters. */
static bool is_token(struct bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.data[i] <= 0x20 || bytes.data[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", bytes.data[i]) != NULL)
			return false;
	return bytes.len > 0;
}

/* Neither a control character nor, where they are not asked for, a space or an octet above ASCII.
 */
static bool is_plain(struct bytes bytes, bool words)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.data[i] < 0x20 || bytes.data[i] == 0x7f ||
		    (!words && (bytes.data[i] == 0x20 || bytes.data[i] >= 0x80)))
			return false;
	return true;
}

static bool read_length(struct bytes digits, uint64_t *ret_length)
{
	uint64_t length = 0;

	if (digits.len == 0 || digits.len > LENGTH_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		length = length * 10 + (uint64_t)(digits.data[i] - '0');
	}
	*ret_length = length;
	return true;
}

/* Takes the value if there was none before. */
static bool take_once(struct bytes value, struct bytes *ret_value)
{
	if (ret_value->data != NULL)
		return false;
	*ret_value = value;
	return true;
}

/* Whether the text begins with an ending: LF after octets that become zeros, as those of CR LF do.
 */
static bool begins_with_end(struct bytes text, const char *zeros, size_t zeros_len, size_t len)
{
	if (text.len < len || text.data[len - 1] != '\n')
		return false;
	for (size_t i = 0; i < len - 1; i++)
		if (memchr(zeros, text.data[i], zeros_len) == NULL)
			return false;
	return true;
}

/* Takes a line and its end. *ret_last: and the empty line, which ends the head. */
static bool take_line(struct bytes *rest, struct bytes *ret_line, bool *ret_last)
{
	size_t len = 0;

	while (len < rest->len && memchr("\r\n", rest->data[len], sizeof("\r\n")) == NULL)
		len++;
	*ret_line = (struct bytes){rest->data, len};
	*rest = (struct bytes){rest->data + len, rest->len - len};
	*ret_last = begins_with_end(*rest, "\0\r\n:", 4, HEAD_END_LEN);
	if (!*ret_last && !begins_with_end(*rest, "\0\r", 2, LINE_END_LEN))
		return false;
	len = *ret_last ? HEAD_END_LEN : LINE_END_LEN;
	*rest = (struct bytes){rest->data + len, rest->len - len};
	return true;
}

static bool read_first_line(struct bytes line, struct plain_head *head)
{
	if (!take_until(&line, " ", &head->method) || !take_until(&line, " ", &head->target))
		return false;
	head->version = line;
	return is_token(head->method) && head->target.len > 0 && is_plain(head->target, false) &&
	       (equal_bytes(head->version, bytes_of_string("HTTP/1.1")) ||
		equal_bytes(head->version, bytes_of_string("HTTP/1.0")));
}

/* What libmicrohttpd skips before a request: empty lines, and lines that begin with NUL. */
static void skip_empty_lines(struct bytes *rest)
{
	struct bytes line;

	while ((rest->len > 0 && (rest->data[0] == '\n' || rest->data[0] == '\0')) ||
	       (rest->len > 1 && memcmp(rest->data, "\r\n", 2) == 0))
		if (!take_until(rest, "\n", &line))
			return;
}

bool take_plain_head(struct bytes *rest, struct plain_head *ret_head)
{
	struct plain_head head = {0};
	struct bytes length = {0};
	struct bytes encoding = {0};
	struct bytes line;
	bool last = false;

	skip_empty_lines(rest);
	if (!take_line(rest, &line, &last) || !read_first_line(line, &head))
		return false;
	while (!last) {
		struct bytes name;

		if (!take_line(rest, &line, &last) || !take_until(&line, ": ", &name) ||
		    !is_token(name) || !is_plain(line, true))
			return false;
		if ((is_text(name, "Host") && !take_once(line, &head.host)) ||
		    (is_text(name, "Content-Type") && !take_once(line, &head.content_type)) ||
		    (is_text(name, "Transfer-Encoding") && !take_once(line, &encoding)) ||
		    (is_text(name, "Content-Length") &&
		     (!take_once(line, &length) || !read_length(line, &head.content_length))))
			return false;
	}
	head.encoded = encoding.data != NULL;
	*ret_head = head;
	return head.host.data != NULL && !(head.encoded && length.data != NULL);
}
