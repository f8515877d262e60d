#include "common/base/file.h"
#include "common/base/staging.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/unit/base/failing.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scratch scratch;

static void set_up(void)
{
	make_scratch(&scratch);
}

static void tear_down(void)
{
	remove_scratch(&scratch);
}

TestSuite(staging_faults, .init = set_up, .fini = tear_down);

static int write_new(const char *name, const char *content, struct fault *fault)
{
	return write_file(scratch.dirfd, name, STAGE_NEW, 0600, bytes_of_string(content), fault);
}

/* catalogue 72, 80: a failed fsync is fatal, and is not retried */
Test(staging_faults, fails_for_good_when_fsync_fails)
{
	struct staging *staging = NULL;

	OK(new_staging(&staging, &fault));
	OK(stage_file(staging, scratch.dirfd, "key", STAGE_NEW, 0600, bytes_of_string("x"),
		      &fault));
	failing_fsync = (struct failing_call){.error = EIO, .left = 1};
	REFUSED(commit_staging(staging, &fault), FAULT_FAILED,
		"key: cannot be made durable: Input/output error");
	cr_expect_eq(failing_fsync.count, 1);
	cr_expect(!file_exists(scratch.dirfd, "key"));
	REFUSED(commit_staging(staging, &fault), FAULT_FAILED, "cannot commit");
	cr_expect_eq(failing_fsync.count, 1);
	free_staging(&staging);
	cr_expect_eq(count_entries(scratch.dirfd), 0);
}

static void stage_many(struct staging *staging, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "key%zu", i);
		OK(stage_file(staging, scratch.dirfd, name, STAGE_NEW, 0600, bytes_of_string(name),
			      &fault));
	}
}

/* catalogue 72, 80 */
Test(staging_faults, fails_for_good_when_syncfs_fails)
{
	struct staging *staging = NULL;

	OK(new_staging(&staging, &fault));
	stage_many(staging, 5);
	failing_syncfs = (struct failing_call){.error = EIO, .left = 1};
	REFUSED(commit_staging(staging, &fault), FAULT_FAILED,
		"key0: cannot be made durable: Input/output error");
	REFUSED(commit_staging(staging, &fault), FAULT_FAILED, "cannot commit");
	cr_expect_eq(failing_syncfs.count, 1);
	free_staging(&staging);
	cr_expect_eq(count_entries(scratch.dirfd), 0);
}

/* catalogue 72: a commit whose names are not durable fails */
Test(staging_faults, fails_when_the_directory_cannot_be_made_durable)
{
	failing_fsync = (struct failing_call){.error = EIO, .skip = 1, .left = 1};
	REFUSED(write_new("key", "x", &fault), FAULT_FAILED, "key: cannot be made durable");
	cr_expect_eq(failing_fsync.count, 2);
}

/* catalogue 72 */
Test(staging_faults, leaves_nothing_half_done_when_a_rename_fails)
{
	struct staging *staging = NULL;

	OK(new_staging(&staging, &fault));
	stage_many(staging, 5);
	failing_rename = (struct failing_call){.error = EIO, .skip = 2, .left = 1};
	REFUSED(commit_staging(staging, &fault), FAULT_FAILED,
		"key2: cannot be named: Input/output error");
	free_staging(&staging);
	cr_expect_eq(count_entries(scratch.dirfd), 2);
	cr_expect(file_holds(scratch.dirfd, "key0", "key0"));
	cr_expect(file_holds(scratch.dirfd, "key1", "key1"));
}

/* catalogue 71, 72: a file that could not be written whole never gets its name */
Test(staging_faults, does_not_commit_after_a_failed_write)
{
	struct staging *staging = NULL;
	struct rlimit limit = {4, 4};

	(void)signal(SIGXFSZ, SIG_IGN);
	OK(new_staging(&staging, &fault));
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	REFUSED(stage_file(staging, scratch.dirfd, "key", STAGE_NEW, 0600,
			   bytes_of_string("longer"), &fault),
		FAULT_FAILED, "key: cannot be written: File too large");
	REFUSED(commit_staging(staging, &fault), FAULT_FAILED, "cannot commit");
	free_staging(&staging);
	cr_expect_eq(count_entries(scratch.dirfd), 0);
}

/* Mounts a file system of 64 KB in the test's own mount namespace. */
static int mount_small(unsigned long flags)
{
	int dirfd = -1;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		cr_skip_test("only root can mount a file system");
	cr_assert_eq(mkdirat(scratch.dirfd, "small", 0700), 0);
	cr_assert_eq(chdir(scratch.path), 0);
	if (mount("tmpfs", "small", "tmpfs", flags, "size=64k") < 0)
		cr_skip_test("tmpfs cannot be mounted here");
	dirfd = open("small", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(dirfd, 0);
	return dirfd;
}

static void unmount_small(int dirfd)
{
	(void)close(dirfd);
	cr_assert_eq(umount("small"), 0);
	cr_assert_eq(rmdir("small"), 0);
}

/* catalogue 71 */
Test(staging_faults, says_so_when_the_disk_is_full)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	int dirfd = mount_small(0);

	memset(extend_buffer(&content, 100000), 'x', 100000);
	REFUSED(write_file(dirfd, "key", STAGE_NEW, 0600, bytes_of_buffer(&content), &fault),
		FAULT_FAILED, "key: cannot be written: No space left on device");
	cr_expect_eq(count_entries(dirfd), 0);
	OK(write_file(dirfd, "key", STAGE_NEW, 0600, bytes_of_string("x"), &fault));
	unmount_small(dirfd);
}

/* catalogue 73 */
Test(staging_faults, says_so_when_the_file_system_is_read_only)
{
	int made = -1;
	int dirfd = mount_small(MS_RDONLY);

	REFUSED(write_file(dirfd, "key", STAGE_NEW, 0600, bytes_of_string("x"), &fault),
		FAULT_FAILED, "key: cannot be created: Read-only file system");
	REFUSED(make_directory(dirfd, "made", 0700, &made, &fault), FAULT_FAILED,
		"made: cannot make the directory: Read-only file system");
	unmount_small(dirfd);
}

/* catalogue 74 */
Test(staging_faults, says_so_when_there_are_no_descriptors_left)
{
	struct rlimit before;
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = (struct rlimit){3, before.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	REFUSED(write_new("key", "x", &fault), FAULT_FAILED,
		"key: cannot be created: Too many open files");
	REFUSED(sweep_staging(scratch.dirfd, &fault), FAULT_FAILED,
		"cannot be listed: Too many open files");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	cr_expect_eq(count_entries(scratch.dirfd), 0);
}

enum { KILLED_FILES = 6 };

/* Starts a process that is killed when it is about to rename the n-th file. */
static void commit_and_die(unsigned int n)
{
	pid_t child = fork();
	int status;

	cr_assert_geq(child, 0);
	if (child == 0) {
		struct staging *staging = NULL;

		failing_rename = (struct failing_call){.skip = n, .left = 1};
		if (new_staging(&staging, NULL) < 0)
			_exit(1);
		stage_many(staging, KILLED_FILES);
		_exit(commit_staging(staging, NULL) < 0 ? 2 : 0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(n >= KILLED_FILES ? WIFEXITED(status) : WIFSIGNALED(status));
}

/* catalogue 76: only whole files, in their order; the sweep removes the others */
Test(staging_faults, leaves_whole_files_when_it_is_killed)
{
	for (unsigned int n = 0; n <= KILLED_FILES; n++) {
		commit_and_die(n);
		cr_expect_eq(count_entries(scratch.dirfd), KILLED_FILES);
		cr_expect_eq(sweep_staging(scratch.dirfd, NULL), 0);
		cr_expect_eq(count_entries(scratch.dirfd), n);
		for (unsigned int i = 0; i < n; i++) {
			char name[32];

			(void)snprintf(name, sizeof(name), "key%u", i);
			cr_expect(file_holds(scratch.dirfd, name, name));
			cr_expect_eq(unlinkat(scratch.dirfd, name, 0), 0);
		}
	}
}

Test(staging_faults, removes_what_was_not_committed)
{
	struct staging *staging = NULL;

	cr_assert_eq(new_staging(&staging, NULL), 0);
	stage_many(staging, 40);
	cr_expect_eq(count_entries(scratch.dirfd), 40);
	free_staging(&staging);
	cr_expect_eq(count_entries(scratch.dirfd), 0);
	free_staging(&staging);
}

static void write_and_die(enum staging_mode mode)
{
	pid_t child = fork();
	int status = 0;

	cr_assert_geq(child, 0);
	if (child == 0) {
		struct staging *staging = NULL;
		int descriptor = -1;

		if (new_staging(&staging, NULL) < 0 ||
		    stage_unnamed(staging, scratch.dirfd, "keys", mode, 0600, &descriptor, NULL) <
			    0 ||
		    write_stream(descriptor, "keys", bytes_of_string("secret"), NULL) < 0)
			_exit(1);
		(void)raise(SIGKILL);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %d", status);
}

/* catalogue 122 */
Test(staging_faults, leaves_nothing_of_an_unnamed_file_when_it_is_killed)
{
	write_and_die(STAGE_NEW);
	write_and_die(STAGE_REPLACE);
	cr_expect_eq(count_entries(scratch.dirfd), 0);
}

/* catalogue 122: where every file has a name */
Test(staging_faults, writes_under_a_temporary_name_where_it_must)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	struct staging *staging = NULL;

	no_unnamed_files = true;
	put_file(scratch.dirfd, ".list.new", "half", 0600);
	OK(write_new("list", "all", &fault));
	cr_expect(file_holds(scratch.dirfd, "list", "all"));
	write_and_die(STAGE_NEW);
	cr_expect(file_holds(scratch.dirfd, ".keys.new", "secret"));
	OK(new_staging(&staging, &fault));
	OK(stage_unnamed(staging, scratch.dirfd, "keys", STAGE_NEW, 0600, &descriptor, &fault));
	REFUSED(write_new("keys", "x", &fault), FAULT_BUSY,
		"keys: another process is writing it: try again");
	OK(write_stream(descriptor, "keys", bytes_of_string("other"), &fault));
	OK(commit_staging(staging, &fault));
	free_staging(&staging);
	cr_expect(file_holds(scratch.dirfd, "keys", "other"));
	cr_expect_eq(count_entries(scratch.dirfd), 2);
}

static int replace(const char *content, struct fault *fault)
{
	return write_file(scratch.dirfd, "list", STAGE_REPLACE, 0600, bytes_of_string(content),
			  fault);
}

static void begin_another(void)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	struct staging *staging = NULL;

	before_rename = NULL;
	OK(new_staging(&staging, &fault));
	OK(stage_unnamed(staging, scratch.dirfd, "list", STAGE_REPLACE, 0600, &descriptor, &fault));
	free_staging(&staging);
}

Test(staging_faults, names_a_file_while_another_writer_of_the_name_begins)
{
	before_rename = begin_another;
	OK(replace("first", &fault));
	cr_expect_null(before_rename);
	cr_expect(file_holds(scratch.dirfd, "list", "first"));
	cr_expect_eq(count_entries(scratch.dirfd), 1);
}

static void replace_often(void)
{
	struct fault fault = {0};

	for (int i = 0; i < 50; i++)
		if (replace("all of it", &fault) < 0)
			_exit(1);
	_exit(0);
}

Test(staging_faults, has_many_writers_of_one_name)
{
	pid_t writers[4];

	for (size_t i = 0; i < COUNT_OF(writers); i++) {
		writers[i] = fork();
		cr_assert_geq(writers[i], 0);
		if (writers[i] == 0)
			replace_often();
	}
	for (size_t i = 0; i < COUNT_OF(writers); i++) {
		int status;

		cr_assert_eq(waitpid(writers[i], &status, 0), writers[i]);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
	}
	cr_expect(file_holds(scratch.dirfd, "list", "all of it"));
	cr_expect_eq(count_entries(scratch.dirfd), 1);
}
