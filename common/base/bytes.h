#ifndef CERTPOOL_BASE_BYTES_H
#define CERTPOOL_BASE_BYTES_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed octets: another object owns them. data may be NULL when len is 0. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

/*
 * Octets that grow. Zero-initialised is empty. An append that finds no memory only sets `failed`,
 * which check_buffer reports once at the end. Unless the buffer failed, data is followed by a NUL
 * that len does not count, so that text can be used as a string (after the first append, even of
 * "").
 */
struct buffer {
	uint8_t *data;
	size_t len;
	size_t size;
	bool failed;
};

/* Secret octets, which clear_secret wipes. Zero-initialised is empty. */
struct secret {
	uint8_t *data; /* followed by a NUL that len does not count */
	size_t len;
};

struct bytes bytes_of_string(const char *text);
struct bytes bytes_of_buffer(const struct buffer *buffer);
struct bytes bytes_of_secret(const struct secret *secret);

/* Equal length and content. Not in constant time: see equal_secrets. */
bool equal_bytes(struct bytes a, struct bytes b);

/* The same comparison in a time that depends only on the lengths. */
bool equal_secrets(struct bytes a, struct bytes b);

/* Takes the first line off *text and returns it without its LF or CR LF. */
struct bytes cut_line(struct bytes *text);

/* Overwrites memory with zeros; the compiler does not optimise the call away. data may be NULL. */
void wipe(void *data, size_t len);

/* Each of these sets buffer->failed when there is no memory. */
void append_bytes(struct buffer *buffer, struct bytes bytes);
void append_string(struct buffer *buffer, const char *text);
void append_format(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Grows the buffer by len octets of unspecified content and returns their address; NULL (and the
 * buffer failed) when there is no memory.
 */
uint8_t *extend_buffer(struct buffer *buffer, size_t len);

/* 0, or -1 with a fault when an append has failed. */
int check_buffer(const struct buffer *buffer, struct fault *fault) MUST_CHECK;

/* Moves the content out; *buffer is empty afterwards. Owns: clear_buffer. */
struct buffer take_buffer(struct buffer *buffer);
void clear_buffer(struct buffer *buffer);

/* The same for confidential octets, such as M, which it wipes; what the buffer left in memory when
   it grew is not wiped: keys are in a struct secret. */
void wipe_buffer(struct buffer *buffer);

/* Makes *ret_secret, which must be empty, hold len zeros. Owns: clear_secret. */
int allocate_secret(size_t len, struct secret *ret_secret, struct fault *fault) MUST_CHECK;
struct secret take_secret(struct secret *secret);
void clear_secret(struct secret *secret);

/* free() for a `char *` local under CLEANUP. */
void free_string(char **text);

#endif
