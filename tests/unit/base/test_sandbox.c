#include "common/base/sandbox.h"

#include "common/base/file.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
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

#ifndef WITHOUT_SANDBOX

enum { FILES, CALLS };

/* From here on these system calls of a sandbox fail, as on another kernel, or in another sandbox.
 */
static void take_away(int which, int error)
{
	const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	const uint32_t action = SCMP_ACT_ERRNO((uint32_t)error);

	if (which == FILES)
		cr_assert_eq(seccomp_rule_add(filter, action, SCMP_SYS(landlock_create_ruleset), 0),
			     0);
	else
		cr_assert_eq(seccomp_rule_add(filter, action, SCMP_SYS(prctl), 1,
					      SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0)),
			     0);
	cr_assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

/* catalogue 123: each row is a process of its own; its exit status is the number of what was wrong
 */
static void expect_with(int which, int error, const char *text)
{
	static const char *const names[] = {CALLS_OF_TEST, NULL};
	const struct sandbox_path path = {inside, "inside", SANDBOX_READ};
	struct fault fault = {0};
	bool applied = true;
	int status = 0;
	int result;
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0) {
		take_away(which, error);
		result = which == FILES ? restrict_files(&path, 1, &applied, &fault)
					: restrict_system_calls(names, &applied, &fault);
		if (result != (text != NULL ? -1 : 0) || applied)
			_exit(1);
		_exit(text != NULL && strcmp(fault.text, text) != 0 ? 2 : 0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0, "%d with error %d: status %x", which, error, (unsigned int)status);
}

Test(sandbox, is_not_applied_where_the_kernel_lacks_it)
{
	expect_with(FILES, ENOSYS, NULL);
	expect_with(FILES, EOPNOTSUPP, NULL);
	expect_with(CALLS, ENOSYS, NULL);
	expect_with(CALLS, EINVAL, NULL);
}

Test(sandbox, fails_where_it_is_forbidden)
{
	expect_with(FILES, EPERM,
		    "cannot give up files (landlock_create_ruleset): Operation not permitted");
	expect_with(CALLS, EPERM,
		    "cannot give up system calls (PR_SET_SECCOMP): Operation not permitted");
}

#endif
