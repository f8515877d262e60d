#include "common/x509/pem.h"

#include "common/crypto/base64.h"

#include <stdio.h>
#include <string.h>

enum { LINE_LEN = 64, BOUNDARY_SIZE = 64 };

static bool white_space(uint8_t octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

static struct bytes trim(struct bytes text)
{
	while (text.len > 0 && white_space(text.data[text.len - 1]))
		text.len--;
	while (text.len > 0 && white_space(text.data[0])) {
		text.data++;
		text.len--;
	}
	return text;
}

/* Takes -----BEGIN label----- and -----END label----- off both ends. */
static bool strip_boundaries(struct bytes *text, const char *label)
{
	char begin[BOUNDARY_SIZE];
	char end[BOUNDARY_SIZE];
	size_t begin_len = (size_t)snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	size_t end_len = (size_t)snprintf(end, sizeof(end), "\n-----END %s-----", label);

	if (text->len < begin_len + end_len || memcmp(text->data, begin, begin_len) != 0 ||
	    memcmp(text->data + text->len - end_len, end, end_len) != 0)
		return false;
	text->data += begin_len;
	text->len -= begin_len + end_len - 1;
	return true;
}

/* Joins the base64 of all lines; false if the body does not begin with the end of a line. */
static bool join_lines(struct bytes body, struct buffer *ret_line)
{
	if (body.len > 0 && body.data[0] != '\n' && body.data[0] != '\r')
		return false;
	while (body.len > 0) {
		const uint8_t *lf = memchr(body.data, '\n', body.len);
		struct bytes line = {body.data, lf == NULL ? body.len : (size_t)(lf - body.data)};
		size_t taken = line.len + (lf != NULL);

		if (line.len > 0 && lf != NULL && line.data[line.len - 1] == '\r')
			line.len--;
		append_bytes(ret_line, line);
		body.data += taken;
		body.len -= taken;
	}
	return true;
}

int unwrap_pem(struct bytes pem, const char *label, const char *other_label, size_t max,
	       struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer line = {0};
	struct bytes text = trim(pem);

	if (pem.len > max)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "PEM: expected at most %zu octets, found %zu", max, pem.len);
	if (!strip_boundaries(&text, label) &&
	    (other_label == NULL || !strip_boundaries(&text, other_label)))
		return set_fault(fault, FAULT_MALFORMED,
				 "PEM: expected -----BEGIN %s----- and -----END %s-----, and no "
				 "text before or after; remove any",
				 label, label);
	if (!join_lines(text, &line))
		return set_fault(fault, FAULT_MALFORMED,
				 "PEM: expected the line to end after -----BEGIN %s-----", label);
	if (check_buffer(&line, fault) < 0)
		return -1;
	if (decode_base64(bytes_of_buffer(&line), ret_der, fault) < 0)
		return prefix_fault(fault, "PEM of a %s", label);
	return 0;
}

struct bytes cut_pem(struct bytes *text, const char *label)
{
	struct bytes block = *text;
	char end[BOUNDARY_SIZE];
	size_t end_len = (size_t)snprintf(end, sizeof(end), "-----END %s-----", label);
	/* An empty text has no octets at all, and memmem takes no null pointer. */
	const uint8_t *mark = text->len > 0 ? memmem(text->data, text->len, end, end_len) : NULL;
	char begin[BOUNDARY_SIZE];
	size_t begin_len = (size_t)snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	const uint8_t *next;

	if (mark != NULL)
		block.len = (size_t)(mark - text->data) + end_len;
	next = block.len > 0 ? memmem(text->data + 1, block.len - 1, begin, begin_len) : NULL;
	if (next != NULL)
		block.len = (size_t)(next - text->data);
	text->data += block.len;
	text->len -= block.len;
	while (text->len > 0 && white_space(text->data[0])) {
		text->data++;
		text->len--;
	}
	return block;
}

int format_pem(struct bytes der, const char *label, struct buffer *ret_pem, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer base64 = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};

	append_base64(&base64, der);
	if (check_buffer(&base64, fault) < 0)
		return -1;
	append_format(&pem, "-----BEGIN %s-----\n", label);
	for (size_t at = 0; at < base64.len; at += LINE_LEN) {
		size_t left = base64.len - at;

		append_bytes(&pem,
			     (struct bytes){base64.data + at, left < LINE_LEN ? left : LINE_LEN});
		append_string(&pem, "\n");
	}
	append_format(&pem, "-----END %s-----\n", label);
	if (check_buffer(&pem, fault) < 0)
		return -1;
	*ret_pem = take_buffer(&pem);
	return 0;
}
