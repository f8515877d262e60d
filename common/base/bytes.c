#include "common/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 256 };

struct bytes bytes_of_string(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

struct bytes bytes_of_buffer(const struct buffer *buffer)
{
	return (struct bytes){buffer->data, buffer->len};
}

struct bytes bytes_of_secret(const struct secret *secret)
{
	return (struct bytes){secret->data, secret->len};
}

bool equal_bytes(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool equal_secrets(struct bytes a, struct bytes b)
{
	unsigned int difference = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		difference |= (unsigned int)(a.data[i] ^ b.data[i]);
	return difference == 0;
}

struct bytes cut_line(struct bytes *text)
{
	const uint8_t *end = memchr(text->data, '\n', text->len);
	size_t len = end != NULL ? (size_t)(end - text->data) : text->len;
	struct bytes line = {text->data, len};

	text->data += end != NULL ? len + 1 : len;
	text->len -= end != NULL ? len + 1 : len;
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

void wipe(void *data, size_t len)
{
	if (data != NULL && len > 0)
		explicit_bzero(data, len);
}

static bool grow(struct buffer *buffer, size_t more)
{
	size_t size = buffer->size > 0 ? buffer->size : FIRST_SIZE;
	uint8_t *data;

	if (buffer->failed || more > SIZE_MAX / 4 - buffer->len)
		goto fail;
	if (buffer->data != NULL && buffer->len + more < buffer->size)
		return true;
	while (size <= buffer->len + more)
		size *= 2;
	data = realloc(buffer->data, size);
	if (data == NULL)
		goto fail;
	buffer->data = data;
	buffer->size = size;
	return true;
fail:
	buffer->failed = true;
	return false;
}

uint8_t *extend_buffer(struct buffer *buffer, size_t len)
{
	uint8_t *begin;

	if (!grow(buffer, len))
		return NULL;
	begin = buffer->data + buffer->len;
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
	return begin;
}

void append_bytes(struct buffer *buffer, struct bytes bytes)
{
	uint8_t *begin = extend_buffer(buffer, bytes.len);

	if (begin != NULL && bytes.len > 0)
		memcpy(begin, bytes.data, bytes.len);
}

void append_string(struct buffer *buffer, const char *text)
{
	append_bytes(buffer, bytes_of_string(text));
}

void append_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	va_list again;
	uint8_t *begin;
	int len;

	va_start(arguments, format);
	va_copy(again, arguments);
	len = vsnprintf(NULL, 0, format, arguments);
	if (len < 0)
		buffer->failed = true;
	begin = len < 0 ? NULL : extend_buffer(buffer, (size_t)len);
	if (begin != NULL)
		(void)vsnprintf((char *)begin, (size_t)len + 1, format, again);
	va_end(again);
	va_end(arguments);
}

int check_buffer(const struct buffer *buffer, struct fault *fault)
{
	return buffer->failed ? set_memory_fault(fault) : 0;
}

struct buffer take_buffer(struct buffer *buffer)
{
	struct buffer taken = *buffer;

	*buffer = (struct buffer){0};
	return taken;
}

void clear_buffer(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

void wipe_buffer(struct buffer *buffer)
{
	wipe(buffer->data, buffer->size);
	clear_buffer(buffer);
}

int allocate_secret(size_t len, struct secret *ret_secret, struct fault *fault)
{
	uint8_t *data = len < SIZE_MAX ? calloc(1, len + 1) : NULL;

	if (data == NULL)
		return set_memory_fault(fault);
	*ret_secret = (struct secret){data, len};
	return 0;
}

struct secret take_secret(struct secret *secret)
{
	struct secret taken = *secret;

	*secret = (struct secret){0};
	return taken;
}

void clear_secret(struct secret *secret)
{
	wipe(secret->data, secret->len);
	free(secret->data);
	*secret = (struct secret){0};
}

void free_string(char **text)
{
	free(*text);
	*text = NULL;
}
