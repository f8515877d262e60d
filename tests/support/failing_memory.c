#include "tests/support/failing_memory.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <gmp.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ALLOCATIONS = 100000 };

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

static void spare_gmp(void);

void fail_allocation_after(size_t passing)
{
	spare_gmp();
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

static void spare_gmp(void)
{
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

static void *resize(void *data, size_t old_size, size_t size)
{
	(void)old_size;
	return libc_realloc(data, size);
}

static void release(void *data, size_t size)
{
	(void)size;
	free(data);
}

/* GMP, in which Nettle computes, ends the process when it lacks memory. */
static void spare_gmp(void)
{
	mp_set_memory_functions(libc_malloc, resize, release);
}

#endif

size_t expect_memory_faults(int (*action)(struct fault *fault))
{
	for (size_t n = 0; n < MOST_ALLOCATIONS; n++) {
		struct fault fault = {0};
		int result;

		fail_allocation_after(n);
		result = action(&fault);
		if (!stop_failing()) {
			cr_expect_eq(result, 0, "%s", fault.text);
			return n;
		}
		if (result == 0)
			continue;
		cr_expect_eq(result, -1, "a wrong result without allocation %zu", n);
		cr_expect_eq(fault.class, FAULT_FAILED, "%s", fault.text);
		cr_expect(strstr(fault.text, "out of memory") != NULL ||
				  strstr(fault.text, "Cannot allocate memory") != NULL,
			  "%s", fault.text);
	}
	return 0;
}
