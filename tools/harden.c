#include "tools/harden.h"

#include "common/base/workers.h"
#include "common/crypto/shared_key.h"

#include <errno.h>
#include <fcntl.h>
#include <gmp.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* The leak sanitizer traces its own process, which PR_SET_DUMPABLE would forbid. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED
#endif

/* GMP, in which Nettle computes, aborts the process when it lacks memory. That is a failure as any
   other: exit status 1. */
static void *expect_memory(void *data)
{
	static const char text[] = "certpool: out of memory\n";

	if (data != NULL)
		return data;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_FAILURE);
}

static void *allocate_number(size_t size)
{
	return expect_memory(malloc(size));
}

static void *resize_number(void *number, size_t old_size, size_t size)
{
	(void)old_size;
	return expect_memory(realloc(number, size));
}

static int hide_memory(struct fault *fault)
{
	const struct rlimit none = {0};

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return set_errno_fault(fault, "cannot forbid core dumps");
#ifndef IS_SANITIZED
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
		return set_errno_fault(fault, "cannot forbid tracing");
#endif
	return 0;
}

/* An open layout holds six descriptors, and `init` opens all layouts of a manifest. */
static int raise_file_limit(struct fault *fault)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return set_errno_fault(fault, "cannot read the limit of open files");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return set_errno_fault(fault, "cannot raise the limit of open files");
	return 0;
}

/* A closed stream becomes /dev/null, opened in the direction in which any use of it fails. */
static int open_standard_streams(struct fault *fault)
{
	static const int flags[] = {O_WRONLY, O_RDONLY, O_RDONLY};

	for (int descriptor = 0; descriptor < (int)COUNT_OF(flags); descriptor++) {
		if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* open() returns the lowest free descriptor, which is this one. */
		if (open("/dev/null", flags[descriptor] | O_NOCTTY) != descriptor)
			return set_errno_fault(fault, "/dev/null");
	}
	return 0;
}

/* Without this glibc keeps, for each thread, what the largest message took (mallopt(3): the dynamic
   threshold), and has up to eight arenas a core, none of which uses what is free in another; with
   one a core threads wait for each other's allocations. Another allocator, such as a sanitizer's,
   does not know the call. */
static void give_large_memory_back(void)
{
	enum { LARGE = 4 << 20 };

	(void)mallopt(M_ARENA_MAX, 2 * (int)count_cores());
	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, 2 * LARGE);
}

int harden_process(struct fault *fault)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (open_standard_streams(fault) < 0 || hide_memory(fault) < 0 ||
	    raise_file_limit(fault) < 0)
		return -1;
	give_large_memory_back();
	mp_set_memory_functions(allocate_number, resize_number, NULL);
	wipe_json_memory();
	if (sigaction(SIGPIPE, &ignore, NULL) < 0)
		return set_errno_fault(fault, "cannot ignore SIGPIPE");
	return 0;
}
