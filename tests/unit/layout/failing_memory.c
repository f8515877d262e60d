#include "tests/unit/layout/failing_memory.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

static bool armed;
static size_t passing_left;

void fail_allocation_after(size_t passing)
{
	passing_left = passing;
	armed = true;
}

bool stop_failing(void)
{
	bool failed = !armed;

	armed = false;
	return failed;
}

#ifdef SANITIZED

bool memory_can_fail(void)
{
	return false;
}

#else

void *libc_malloc(size_t size) __asm__("__libc_malloc");
void *libc_calloc(size_t count, size_t size) __asm__("__libc_calloc");
void *libc_realloc(void *data, size_t size) __asm__("__libc_realloc");

bool memory_can_fail(void)
{
	return true;
}

static bool fails(void)
{
	if (!armed)
		return false;
	if (passing_left > 0) {
		passing_left--;
		return false;
	}
	armed = false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : libc_calloc(count, size);
}

void *realloc(void *data, size_t size)
{
	return fails() ? NULL : libc_realloc(data, size);
}

#endif
