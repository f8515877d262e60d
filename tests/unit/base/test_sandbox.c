#include "common/base/sandbox.h"

#include "common/base/file.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each test is a process of its own, which the sandbox ends with. */
static struct scratch scratch;
static int inside;
static int outside;

static void set_up(void)
{
	make_scratch(&scratch);
	OK(make_directory(scratch.dirfd, "inside", 0700, &inside, &fault));
	OK(make_directory(scratch.dirfd, "outside", 0700, &outside, &fault));
	put_file(inside, "file", "in", 0600);
	put_file(outside, "file", "out", 0600);
}

TestSuite(sandbox, .init = set_up);

static bool opens(int dirfd, const char *name, int flags)
{
	CLEANUP(close_descriptor) int descriptor = openat(dirfd, name, flags | O_CLOEXEC, 0600);

	return descriptor >= 0;
}

/* Ends the test where nothing is applied. */
static void restrict_to(const struct sandbox_path *path)
{
	bool applied;

	OK(restrict_files(path, 1, &applied, &fault));
#ifdef WITHOUT_SANDBOX
	applied = false;
#endif
	if (!applied)
		cr_skip_test("this kernel has no Landlock, or this build no sandbox");
}

/* catalogue 123 */
Test(sandbox, leaves_one_folder_to_read)
{
	const struct sandbox_path path = {inside, "inside", SANDBOX_READ};

	restrict_to(&path);
	cr_expect(opens(inside, "file", O_RDONLY));
	cr_expect_not(opens(inside, "file", O_WRONLY));
	cr_expect_not(opens(inside, "new", O_WRONLY | O_CREAT));
	cr_expect_not(opens(outside, "file", O_RDONLY), "through a folder that was open before");
	cr_expect_not(opens(AT_FDCWD, "/etc/passwd", O_RDONLY));
	cr_expect_not(opens(AT_FDCWD, "/proc/self/mem", O_RDONLY));
}

/* catalogue 123 */
Test(sandbox, leaves_one_folder_to_write)
{
	const struct sandbox_path path = {inside, "inside", SANDBOX_READ | SANDBOX_WRITE};

	restrict_to(&path);
	cr_expect(opens(inside, "new", O_RDWR | O_CREAT));
	cr_expect_eq(renameat(inside, "new", inside, "file"), 0);
	cr_expect_eq(unlinkat(inside, "file", 0), 0);
	cr_expect_not(opens(outside, "file", O_WRONLY));
	cr_expect_lt(unlinkat(outside, "file", 0), 0);
	cr_expect_lt(symlinkat("elsewhere", inside, "link"), 0);
	cr_expect_lt(linkat(outside, "file", inside, "linked", 0), 0);
}

Test(sandbox, holds_for_what_a_file_is_replaced_by)
{
	const struct sandbox_path path = {-1, scratch.path, SANDBOX_READ};

	restrict_to(&path);
	cr_expect(opens(outside, "file", O_RDONLY));
	cr_expect_not(opens(outside, "file", O_RDWR));
}

Test(sandbox, passes_over_a_file_that_there_is_not)
{
	const struct sandbox_path path = {-1, "/nothing/here", SANDBOX_READ};

	restrict_to(&path);
	cr_expect_not(opens(inside, "file", O_RDONLY));
}

/* What Criterion needs to end the test. */
#define CALLS_OF_TEST                                                                              \
	"read", "write", "close", "exit", "exit_group", "mmap", "munmap", "brk", "futex",          \
		"rt_sigprocmask", "rt_sigaction", "sendmsg", "recvmsg", "sendto", "recvfrom",      \
		"getpid", "gettid", "clock_gettime", "newfstatat", "fstat", "fcntl", "poll",       \
		"mprotect", "madvise", "lseek", "getrandom", "openat", "unlinkat", "writev",       \
		"kill", "tgkill", "timer_create", "timer_delete", "timer_settime", "connect",      \
		"setsockopt", "getsockopt", "getsockname", "epoll_wait", "epoll_ctl"

/* catalogue 123 */
Test(sandbox, leaves_the_system_calls_of_a_list)
{
	static const char *const names[] = {CALLS_OF_TEST, "no_such_call", NULL};
	bool applied;

	OK(restrict_system_calls(names, &applied, &fault));
#ifdef WITHOUT_SANDBOX
	applied = false;
#endif
	if (!applied)
		cr_skip_test("this kernel has no seccomp, or this build no sandbox");
	cr_expect(opens(inside, "file", O_RDONLY));
	cr_expect_lt(socket(AF_UNIX, SOCK_STREAM, 0), 0);
	cr_expect_eq(errno, ENOSYS, "as on a kernel that has no such call");
	cr_expect_lt(fork(), 0);
}
