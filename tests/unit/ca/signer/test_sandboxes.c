#include "common/ca/signer/sandboxes.h"

#include "common/crypto/key_access.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each sandbox is that of a child, as it is for good. Its exit status is the number of what went
   wrong: see the rows of its test. */
static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(sandboxes, .init = set_up, .fini = tear_down);

enum { KERNEL_LACKS_IT = 99 };

static int run_child(int (*child)(void))
{
	int status = 0;
	pid_t process = fork();

	if (process == 0)
		_exit(child());
	cr_assert_gt(process, 0);
	cr_assert_eq(waitpid(process, &status, 0), process);
	cr_assert(WIFEXITED(status));
#ifdef WITHOUT_SANDBOX
	status = KERNEL_LACKS_IT << 8;
#endif
	if (WEXITSTATUS(status) == KERNEL_LACKS_IT)
		cr_skip_test("this kernel has no such sandbox, or this build");
	return WEXITSTATUS(status);
}

static bool opens(int dirfd, const char *name, int flags)
{
	CLEANUP(close_descriptor) int descriptor = openat(dirfd, name, flags | O_CLOEXEC, 0600);

	return descriptor >= 0;
}

/* A front that was taken over, and tries. */
static int try_as_front(void)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	struct sandbox_result result;
	struct fault fault = {0};

	if (close_front_sandbox(fixture.layout, &fixture.manifest->ca, &result, &fault) < 0)
		return 1;
	if (!result.files || !result.system_calls)
		return KERNEL_LACKS_IT;
	if (open_key_file(fixture.layout, "root.key", &fixture.access, &key, &fault) == 0)
		return 2;
	if (opens(fixture.layout->private, ".", O_RDONLY | O_DIRECTORY) ||
	    opens(fixture.layout->root, "Private/root.key", O_RDONLY) ||
	    opens(fixture.layout->private, "root.key", O_WRONLY))
		return 3;
	if (renameat(fixture.layout->private, "root.key", fixture.layout->state, "key") == 0 ||
	    linkat(fixture.layout->private, "root.key", fixture.layout->state, "key", 0) == 0 ||
	    symlinkat("../Private/root.key", fixture.layout->state, "key") == 0)
		return 4;
	if (opens(AT_FDCWD, fixture.manifest->path, O_RDONLY) ||
	    opens(AT_FDCWD, "/etc/passwd", O_RDONLY) || opens(AT_FDCWD, "/proc/self/mem", O_RDWR))
		return 5;
	if (execl("/bin/true", "true", NULL) != -1 || errno != ENOSYS)
		return 6;
	if (!opens(fixture.layout->state, "new", O_RDWR | O_CREAT) ||
	    !opens(fixture.layout->cert, "new", O_RDWR | O_CREAT))
		return 7;
	return 0;
}

/* catalogue 123 */
Test(sandboxes, keep_the_front_from_the_key_and_leave_it_the_record)
{
	cr_expect_eq(run_child(try_as_front), 0);
}

static int try_as_signer(void)
{
	struct sandbox_result result;
	struct fault fault = {0};

	if (close_signer_sandbox(fixture.layout, &fixture.manifest->ca, fixture.manifest->path,
				 &result, &fault) < 0)
		return 1;
	if (!result.files || !result.system_calls)
		return KERNEL_LACKS_IT;
	if (!opens(fixture.layout->private, "root.key", O_RDONLY) ||
	    !opens(fixture.layout->state, "new", O_RDWR | O_CREAT))
		return 2;
	if (opens(fixture.layout->private, "root.key", O_WRONLY) ||
	    opens(fixture.layout->private, "new", O_RDWR | O_CREAT) ||
	    opens(fixture.layout->cert, "new", O_RDWR | O_CREAT) ||
	    opens(AT_FDCWD, "/etc/passwd", O_RDONLY))
		return 3;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != ENOSYS)
		return 4;
	if (execl("/bin/true", "true", NULL) != -1 || errno != ENOSYS)
		return 5;
	return 0;
}

/* catalogue 123 */
Test(sandboxes, leave_the_signer_its_files_and_no_network)
{
	cr_expect_eq(run_child(try_as_signer), 0);
}
